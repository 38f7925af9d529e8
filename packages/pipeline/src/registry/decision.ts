/**
 * Which calibration a tile gets, and why: made by `decide`, carried by the stage, stored with the
 * product, shown by `contimg explain`. Plain JSON, so its names are those of the database.
 */
import { z } from "zod";

/**
 * From the best to none:
 * - given: a person named a table in the task's params;
 * - assigned: a person chose a registered calibration for this tile;
 * - interpolated: between the nearest solutions before and after the tile;
 * - nearest: the one nearest in time;
 * - backup: one or both of these are of a backup calibrator, as that solve's first one is refused;
 * - last-known-good: none is valid, but one is not older than the policy allows;
 * - hold: none may be used; the tile waits.
 */
const kinds = z.enum([
  "given",
  "assigned",
  "interpolated",
  "nearest",
  "backup",
  "last-known-good",
  "hold",
]);

const chosen = z.strictObject({
  /** Null for a table that the registry does not know. */
  calibration_id: z.string().nullable(),
  /** Below the data root; absolute when it is elsewhere. */
  table_path: z.string(),
  calibrator: z.string().nullable(),
  mid_mjd: z.number().nullable(),
  /** From the tile to the solve: negative when the solve is earlier. */
  offset_hours: z.number().nullable(),
  /** They sum to 1. */
  weight: z.number(),
  grade: z.enum(["good", "warn"]).nullable(),
});

export const REFUSALS = [
  "retired",
  "failed",
  "graded-fail",
  "implausible",
  "unreadable",
  "declination",
  "slew",
  "expired",
] as const;

const refused = z.strictObject({
  calibration_id: z.string(),
  table_path: z.string(),
  calibrator: z.string(),
  offset_hours: z.number(),
  refusal: z.enum(REFUSALS),
  /** A sentence for a person: quantity, value, limit. */
  reason: z.string(),
});

/** By the age of the nearest table: up to 6, 12, 24 hours, and more. */
const staleness = z.enum(["fresh", "aging", "stale", "critical"]);

export const decisionSchema = z.strictObject({
  kind: kinds,
  /** The heaviest first. None when the tile waits. */
  tables: z.array(chosen),
  /** Hours between the tile and the nearest of the tables; null when that is not known. */
  age_hours: z.number().nullable(),
  staleness: staleness.nullable(),
  reason: z.string(),
  /** They go with the product as findings of its verdict. */
  warnings: z.array(z.string()),
  /** The nearest first. */
  refused: z.array(refused),
  target: z.strictObject({ mjd: z.number().nullable(), declination_rad: z.number().nullable() }),
});

export type CalibrationDecision = z.infer<typeof decisionSchema>;
export type DecisionKind = z.infer<typeof kinds>;
export type ChosenTable = z.infer<typeof chosen>;

export type Refusal = (typeof REFUSALS)[number];

/** A person named the table: nothing is chosen and nothing refused. */
export function givenTable(
  tablePath: string,
  target?: { readonly mjd: number; readonly declinationRad: number },
): CalibrationDecision {
  return {
    kind: "given",
    tables: [
      {
        calibration_id: null,
        table_path: tablePath,
        calibrator: null,
        mid_mjd: null,
        offset_hours: null,
        weight: 1,
        grade: null,
      },
    ],
    age_hours: null,
    staleness: null,
    reason: `the task's params name ${tablePath}`,
    warnings: [],
    refused: [],
    target: { mjd: target?.mjd ?? null, declination_rad: target?.declinationRad ?? null },
  };
}

export function stalenessOf(ageHours: number): z.infer<typeof staleness> {
  if (ageHours <= 6) return "fresh";
  if (ageHours <= 12) return "aging";
  return ageHours <= 24 ? "stale" : "critical";
}
