/**
 * Whether a gain solution may calibrate science data. Fractions count active antennas only: the
 * stations that are not there are no fault of the solution.
 */
import { medianOf, SIGMA_PER_MAD, timeStability } from "@contimg/astro";
import { z } from "zod";

import { PipelineError } from "../errors.ts";
import type { QualityVerdict } from "../stage.ts";
import type { GainSolution } from "./solve-gains.ts";

const DEGREES_PER_RAD = 180 / Math.PI;
const NANOSECONDS = 1e9;

/** Beyond a refusal the table is not made; beyond a warning a person should look. */
export const solutionLimitsSchema = z.strictObject({
  flagged_fraction_max: z.number().min(0).max(1).default(0.3),
  flagged_fraction_warn: z.number().min(0).max(1).default(0.2),
  median_snr_min: z.number().min(0).default(5),
  median_snr_warn: z.number().min(0).default(10),
  antenna_count_min: z.int().min(2).default(10),
  phase_scatter_max_deg: z.number().positive().default(30),
  phase_scatter_warn_deg: z.number().positive().default(15),
  amplitude_scatter_warn: z.number().positive().default(0.5),
  unconverged_fraction_warn: z.number().min(0).max(1).default(0.02),
  delay_warn_ns: z.number().positive().default(1000),
  delay_scatter_warn_ns: z.number().positive().default(100),
  time_phase_rms_warn_deg: z.number().positive().default(15),
});

export type SolutionLimits = z.infer<typeof solutionLimitsSchema>;

const SOLUTION_LIMITS: SolutionLimits = solutionLimitsSchema.parse({});

export interface SolutionMetrics {
  readonly median_snr: number;
  readonly flagged_fraction: number;
  readonly active_count: number;
  readonly rejected_count: number;
  /** Active antennas that have gains. */
  readonly usable_count: number;
  readonly median_amplitude: number;
  readonly phase_scatter_deg: number;
  readonly amplitude_scatter: number;
  readonly unconverged_fraction: number;
  readonly mean_iterations: number;
  readonly used_fraction: number;
  /** Median |delay| against the reference antenna, and the scatter about the median. */
  readonly delay_median_ns: number;
  readonly delay_scatter_ns: number;
  /** Median over antennas of the phase's movement within the observation. */
  readonly time_phase_rms_deg: number;
}

export function metricsOf({ summary, ...solution }: GainSolution): SolutionMetrics {
  const tried = summary.solvedCount + summary.unconvergedCount;
  const { delaySeconds, flags } = solution.delays;
  const delays = delaySeconds.filter((_, at) => flags[at] === 0);
  const medianDelay = medianOf([...delays]) ?? 0;
  const usable = new Set(solution.activeAntennas);
  for (const { antenna } of solution.rejectedAntennas) usable.delete(antenna);
  const movements = timeStability(solution.timeGains).filter((_, antenna) => usable.has(antenna));
  return {
    median_snr: summary.medianSnr,
    flagged_fraction: summary.flaggedFraction,
    active_count: solution.activeAntennas.length,
    rejected_count: solution.rejectedAntennas.length,
    usable_count: usable.size,
    median_amplitude: summary.medianAmplitude,
    phase_scatter_deg: summary.phaseScatterRad * DEGREES_PER_RAD,
    amplitude_scatter: summary.amplitudeScatter,
    unconverged_fraction: tried === 0 ? 1 : summary.unconvergedCount / tried,
    mean_iterations: summary.meanIterations,
    used_fraction: solution.usedFraction,
    delay_median_ns: NANOSECONDS * (medianOf([...delays].map(Math.abs)) ?? 0),
    delay_scatter_ns:
      NANOSECONDS *
      SIGMA_PER_MAD *
      (medianOf([...delays].map((delay) => Math.abs(delay - medianDelay))) ?? 0),
    time_phase_rms_deg:
      DEGREES_PER_RAD * (medianOf(movements.map(({ phaseRmsRad }) => phaseRmsRad)) ?? 0),
  };
}

/** @throws {PipelineError} SolutionTooNoisy */
export function judgeSolution(
  metrics: SolutionMetrics,
  path: string,
  limits: SolutionLimits = SOLUTION_LIMITS,
): QualityVerdict {
  refuse(metrics, path, limits);
  const findings = [
    above(
      "flagged fraction of active antennas",
      metrics.flagged_fraction,
      limits.flagged_fraction_warn,
    ),
    above("phase scatter in degrees", metrics.phase_scatter_deg, limits.phase_scatter_warn_deg),
    above("amplitude scatter", metrics.amplitude_scatter, limits.amplitude_scatter_warn),
    above("unconverged fraction", metrics.unconverged_fraction, limits.unconverged_fraction_warn),
    above("median delay in ns", metrics.delay_median_ns, limits.delay_warn_ns),
    above("scatter of delays in ns", metrics.delay_scatter_ns, limits.delay_scatter_warn_ns),
    above(
      "phase movement within the observation in degrees",
      metrics.time_phase_rms_deg,
      limits.time_phase_rms_warn_deg,
    ),
    metrics.median_snr < limits.median_snr_warn
      ? `median signal-to-noise ratio is ${metrics.median_snr.toFixed(1)}, ` +
        `expected at least ${limits.median_snr_warn}`
      : undefined,
  ].filter((finding) => finding !== undefined);
  return { grade: findings.length === 0 ? "good" : "warn", findings, metrics: { ...metrics } };
}

function refuse(metrics: SolutionMetrics, path: string, limits: SolutionLimits): void {
  const usable = metrics.usable_count;
  if (usable < limits.antenna_count_min)
    throw new PipelineError(
      "SolutionTooNoisy",
      `${path}: ${usable} of ${metrics.active_count} antennas have gains, ` +
        `expected at least ${limits.antenna_count_min}`,
      { path, ...metrics },
    );
  // Negated, so that NaN is refused as well.
  if (!(metrics.median_snr >= limits.median_snr_min))
    throw new PipelineError(
      "SolutionTooNoisy",
      `${path}: gains have median signal-to-noise ratio ${metrics.median_snr.toFixed(1)}, ` +
        `expected at least ${limits.median_snr_min}`,
      { path, ...metrics },
    );
  for (const [what, value, limit] of [
    ["flagged fraction", metrics.flagged_fraction, limits.flagged_fraction_max],
    ["phase scatter", metrics.phase_scatter_deg, limits.phase_scatter_max_deg],
  ] as const)
    if (!(value <= limit))
      throw new PipelineError(
        "SolutionTooNoisy",
        `${path}: gains have ${what} ${value.toFixed(2)}, expected at most ${limit}`,
        { path, ...metrics },
      );
}

function above(what: string, value: number, limit: number): string | undefined {
  return value > limit ? `${what} is ${value.toFixed(2)}, expected at most ${limit}` : undefined;
}
