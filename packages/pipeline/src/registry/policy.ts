/**
 * The rules of choosing a calibration: how far it reaches in time and declination, and when its
 * use is worth a warning. What a task's params say wins over the defaults, rule by rule.
 */
import { z } from "zod";

import { PipelineError } from "../errors.ts";

export const DAY_HOURS = 24;

const hours = z
  .number()
  .positive()
  .max(30 * DAY_HOURS);

export const policySchema = z.strictObject({
  /** A solution is valid so far from its middle; null: as its own window says, ±12 h by default. */
  validity_hours: hours.nullable(),
  /** Good solutions out of validity are still used up to this age, with a warning. */
  last_known_good_hours: hours,
  /** Between the pointing declinations of solve and tile; more than it in between is a slew. */
  declination_tolerance_deg: z.number().positive().max(90),
  /** A nearest solution older than this is worth a warning. */
  aging_hours: hours,
  /** A solution with warnings counts as so much farther away than a good one. */
  warned_handicap_hours: hours,
  /** Gains with warnings that differ by more from the nearest good ones are refused. */
  amplitude_change_max: z.number().positive().max(10).default(0.25),
});

export type CalibrationPolicy = z.infer<typeof policySchema>;

/** Some rules; the others are the defaults. */
export const policyParam = policySchema.partial();

/**
 * 48 h is the telescope's operating rule, 2.5° is the reach of its backup calibrators, and beyond
 * 6 h its operators want to know. Phases drift by a few degrees an hour, so a solution with
 * warnings (15° of scatter) is taken for as bad as one that is two hours older.
 */
export const CALIBRATION_POLICY: CalibrationPolicy = {
  validity_hours: null,
  last_known_good_hours: 48,
  declination_tolerance_deg: 2.5,
  aging_hours: 6,
  warned_handicap_hours: 2,
  amplitude_change_max: 0.25,
};

/** @throws {PipelineError} InvalidParams when the rules contradict each other */
export function policyOf(given: z.infer<typeof policyParam> = {}): CalibrationPolicy {
  const own = Object.entries(given).filter(([, value]) => value !== undefined);
  const policy = policySchema.parse({ ...CALIBRATION_POLICY, ...Object.fromEntries(own) });
  const { validity_hours, last_known_good_hours } = policy;
  if (validity_hours === null || last_known_good_hours >= validity_hours) return policy;
  throw new PipelineError(
    "InvalidParams",
    `calibration policy: last_known_good_hours is ${last_known_good_hours}, expected at least ` +
      `validity_hours, ${validity_hours}`,
    { ...policy },
  );
}
