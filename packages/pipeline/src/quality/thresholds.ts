/**
 * The limits of the quality gates: configuration, with the telescope's own as defaults.
 *
 * A file names only what it changes, `{"stages": {"imaging": {"noise_ratio": {"at_most":
 * {"warn": 10}}}}}`; null takes a level away. What it names must exist: a limit with a typing error
 * in its name would hold nothing.
 */
import { z } from "zod";

/** Limits by severity; a value beyond one is a finding of that severity. */
export interface Levels {
  readonly warn?: number | null | undefined;
  readonly hold?: number | null | undefined;
  readonly reject?: number | null | undefined;
}

export interface Rule {
  /** The quantity in words. */
  readonly what: string;
  readonly unit: string;
  readonly at_least?: Levels;
  readonly at_most?: Levels;
  /** What follows when it was not measured. */
  readonly absent: "pass" | "warn" | "hold" | "reject";
}

/** How unusual values are told from usual ones, see unusual.ts. */
export interface HistoryLimits {
  /** Values of the past that count. */
  readonly count_max: number;
  /** With fewer, nothing is unusual. */
  readonly count_min: number;
  /** Robust z-score beyond which a value is unusual. */
  readonly z_score: number;
}

export interface Thresholds {
  readonly stages: Readonly<Record<string, Readonly<Record<string, Rule>>>>;
  readonly history: HistoryLimits;
}

/** Fractions count active antennas and cross-correlations only. */
export const THRESHOLDS: Thresholds = {
  stages: {
    "convert-uvh5-to-ms": {
      flagged_fraction: {
        ...{ what: "flagged fraction", unit: "", absent: "hold" },
        at_most: { warn: 0.3, hold: 0.5 },
      },
      flagged_unusable_fraction: {
        ...{ what: "fraction of samples that are zero", unit: "", absent: "pass" },
        at_most: { hold: 0.3 },
      },
      amplitude_max: {
        ...{ what: "largest amplitude", unit: "", absent: "pass" },
        at_least: { hold: 1e-6 },
      },
      missing_subband_count: {
        ...{ what: "number of subbands without a file", unit: "", absent: "pass" },
        at_most: { warn: 0, hold: 4 },
      },
      problem_subband_count: {
        ...{ what: "number of subbands that are nearly all flagged", unit: "", absent: "pass" },
        at_most: { hold: 0 },
      },
    },
    "flag-thorough": {
      flagged_fraction: {
        ...{ what: "flagged fraction", unit: "", absent: "hold" },
        at_most: { warn: 0.3, hold: 0.5 },
      },
    },
    "calibration-solve": {
      median_snr: {
        ...{ what: "median signal-to-noise ratio of the gains", unit: "", absent: "reject" },
        at_least: { warn: 10, reject: 5 },
      },
      flagged_fraction: {
        ...{ what: "flagged fraction of active antennas", unit: "", absent: "reject" },
        at_most: { warn: 0.2, reject: 0.3 },
      },
      phase_scatter_deg: {
        ...{ what: "phase scatter", unit: "deg", absent: "reject" },
        at_most: { warn: 15, reject: 30 },
      },
      amplitude_scatter: {
        ...{ what: "amplitude scatter over the median", unit: "", absent: "warn" },
        at_most: { warn: 0.5 },
      },
      median_amplitude: {
        ...{ what: "median gain amplitude", unit: "", absent: "pass" },
        at_least: { warn: 0.01 },
        at_most: { warn: 100 },
      },
      unconverged_fraction: {
        ...{ what: "unconverged fraction", unit: "", absent: "warn" },
        at_most: { warn: 0.02 },
      },
      // Of a site's solver; our own fits it to 1.
      model_flux_ratio: {
        ...{ what: "data over the model seen through the gains", unit: "", absent: "pass" },
        at_least: { warn: 0.9, reject: 0.5 },
        at_most: { warn: 1.1, reject: 2 },
      },
      delay_median_ns: {
        ...{ what: "median delay", unit: "ns", absent: "pass" },
        at_most: { warn: 1000 },
      },
      delay_scatter_ns: {
        ...{ what: "scatter of the delays", unit: "ns", absent: "pass" },
        at_most: { warn: 100 },
      },
      time_phase_rms_deg: {
        ...{ what: "movement of the phases within the observation", unit: "deg", absent: "pass" },
        at_most: { warn: 15 },
      },
      usable_count: {
        ...{ what: "number of antennas with gains", unit: "", absent: "reject" },
        at_least: { reject: 10 },
      },
    },
    "calibration-apply": {
      flagged_fraction: {
        ...{ what: "flagged fraction of the calibrated visibilities", unit: "", absent: "hold" },
        at_most: { warn: 0.3, hold: 0.5 },
      },
      // Gains of a healthy array drift by degrees; a quarter turn is a receiver that jumped.
      gains_turned_fraction: {
        ...{ what: "fraction of gains that turned by a quarter or more between the calibrations" },
        ...{ unit: "", absent: "pass" },
        at_most: { warn: 0.05 },
      },
    },
    imaging: {
      dynamic_range: {
        ...{ what: "dynamic range", unit: "", absent: "hold" },
        at_least: { warn: 10, hold: 5 },
      },
      pixels_above_5_sigma: {
        ...{ what: "number of pixels above 5 sigma", unit: "", absent: "hold" },
        at_least: { hold: 10 },
      },
      noise_ratio: {
        ...{ what: "noise over the theoretical noise", unit: "", absent: "warn" },
        at_most: { warn: 5 },
      },
      beam_major_arcsec: {
        ...{ what: "major axis of the beam", unit: "arcsec", absent: "hold" },
        at_most: { hold: 120 },
      },
    },
    snapshots: {
      empty_frame_count: {
        ...{ what: "number of integrations without an image", unit: "", absent: "hold" },
        at_most: { warn: 0 },
      },
      median_rms_jy: {
        // Without one no integration could be imaged.
        ...{ what: "median noise of the integrations", unit: "Jy/beam", absent: "hold" },
        at_most: { hold: 1 },
      },
    },
    validation: {
      completeness: {
        ...{ what: "completeness above 8 sigma", unit: "", absent: "warn" },
        at_least: { warn: 0.8, hold: 0.7 },
      },
      median_flux_ratio: {
        ...{ what: "median flux ratio", unit: "", absent: "warn" },
        at_least: { warn: 0.9, hold: 0.8 },
        at_most: { warn: 1.1, hold: 1.2 },
      },
      rms_offset_arcsec: {
        ...{ what: "rms offset from the catalogue", unit: "arcsec", absent: "warn" },
        at_most: { warn: 2.5, hold: 5 },
      },
      unmatched_count: {
        ...{ what: "number of detections without a catalogue source", unit: "", absent: "pass" },
        at_most: { warn: 2 },
      },
    },
    photometry: {
      median_flux_ratio: {
        ...{ what: "median flux ratio above 8 sigma", unit: "", absent: "warn" },
        at_least: { warn: 0.9 },
        at_most: { warn: 1.1 },
      },
    },
  },
  history: { count_max: 100, count_min: 20, z_score: 5 },
};

const level = z.number().nullable().optional();
const levelsSchema = z.strictObject({ warn: level, hold: level, reject: level });
const ruleSchema = z.strictObject({
  at_least: levelsSchema.optional(),
  at_most: levelsSchema.optional(),
  absent: z.enum(["pass", "warn", "hold", "reject"]).optional(),
});

/** Only stages and quantities that have a default: no other is measured. */
const fileSchema = z.strictObject({
  stages: z
    .strictObject(
      mapValues(THRESHOLDS.stages, (rules) =>
        z.strictObject(mapValues(rules, () => ruleSchema.optional())).optional(),
      ),
    )
    .optional(),
  history: z
    .strictObject({
      count_max: z.int().min(5).max(10_000),
      count_min: z.int().min(5),
      z_score: z.number().min(1),
    })
    .partial()
    .optional(),
});

/**
 * The defaults with what a file changes.
 * @throws {z.ZodError} naming the path to what is unknown or no limit
 */
export function parseThresholds(value: unknown): Thresholds {
  const file = fileSchema.parse(value);
  const given: Readonly<
    Record<string, Readonly<Record<string, GivenRule | undefined>> | undefined>
  > = file.stages ?? {};
  const merged = {
    stages: mapValues(THRESHOLDS.stages, (rules, stage) =>
      mapValues(rules, (rule, quantity) => mergeRule(rule, given[stage]?.[quantity])),
    ),
    history: mergeHistory(file.history ?? {}),
  };
  assertOrdered(merged);
  return merged;
}

type GivenRule = z.infer<typeof ruleSchema>;

function mergeRule(rule: Rule, given: GivenRule | undefined): Rule {
  if (given === undefined) return rule;
  return {
    ...rule,
    ...(given.absent === undefined ? {} : { absent: given.absent }),
    ...mergeLevels("at_least", rule, given),
    ...mergeLevels("at_most", rule, given),
  };
}

function mergeLevels(side: "at_least" | "at_most", rule: Rule, given: GivenRule) {
  if (given[side] === undefined) return {};
  return { [side]: { ...rule[side], ...given[side] } };
}

function mergeHistory(given: {
  readonly [Name in keyof HistoryLimits]?: HistoryLimits[Name] | undefined;
}): HistoryLimits {
  const { count_max, count_min, z_score } = THRESHOLDS.history;
  return {
    count_max: given.count_max ?? count_max,
    count_min: given.count_min ?? count_min,
    z_score: given.z_score ?? z_score,
  };
}

/** A warning comes before a hold, and that before a rejection. */
function assertOrdered({ stages, history }: Thresholds): void {
  const issues: z.core.$ZodIssue[] = [];
  const report = (path: string[], message: string): void => {
    issues.push({ code: "custom", path, message, input: undefined });
  };
  for (const [stage, rules] of Object.entries(stages)) {
    for (const [quantity, rule] of Object.entries(rules)) {
      for (const side of ["at_least", "at_most"] as const) {
        const values = levelsInOrder(rule[side]).map((each) => (side === "at_most" ? each : -each));
        if (values.every((value, index) => index === 0 || values[index - 1]! <= value)) continue;
        report(["stages", stage, quantity, side], "expected warn before hold before reject");
      }
    }
  }
  if (history.count_min > history.count_max) {
    report(["history", "count_min"], `expected at most count_max, which is ${history.count_max}`);
  }
  if (issues.length > 0) throw new z.ZodError(issues);
}

function levelsInOrder(levels: Levels | undefined): number[] {
  return [levels?.warn, levels?.hold, levels?.reject].filter((each) => typeof each === "number");
}

function mapValues<Value, Mapped>(
  values: Readonly<Record<string, Value>>,
  map: (value: Value, key: string) => Mapped,
): Record<string, Mapped> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, map(value, key)]));
}
