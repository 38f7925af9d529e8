/**
 * Whether a gain solution may calibrate science data. Fractions count active antennas only: the
 * stations that are not there are no fault of the solution.
 */
import { PipelineError } from "../errors.ts";
import type { QualityVerdict } from "../stage.ts";
import type { GainSolution } from "./solve-gains.ts";

const DEGREES_PER_RAD = 180 / Math.PI;

/** Beyond a refusal the table is not made; beyond a warning a person should look. */
const SOLUTION_LIMITS = {
  flaggedFraction: { refuse: 0.3, warn: 0.2 },
  medianSnr: { refuse: 5, warn: 10 },
  antennaCount: { refuse: 10 },
  phaseScatterDeg: { refuse: 30, warn: 15 },
  amplitudeScatter: { warn: 0.5 },
  unconvergedFraction: { warn: 0.02 },
} as const;

export interface SolutionMetrics {
  readonly median_snr: number;
  readonly flagged_fraction: number;
  readonly active_count: number;
  readonly rejected_count: number;
  readonly phase_scatter_deg: number;
  readonly amplitude_scatter: number;
  readonly unconverged_fraction: number;
  readonly mean_iterations: number;
  readonly used_fraction: number;
}

export function metricsOf({ summary, ...solution }: GainSolution): SolutionMetrics {
  const tried = summary.solvedCount + summary.unconvergedCount;
  return {
    median_snr: summary.medianSnr,
    flagged_fraction: summary.flaggedFraction,
    active_count: solution.activeAntennas.length,
    rejected_count: solution.rejectedAntennas.length,
    phase_scatter_deg: summary.phaseScatterRad * DEGREES_PER_RAD,
    amplitude_scatter: summary.amplitudeScatter,
    unconverged_fraction: tried === 0 ? 1 : summary.unconvergedCount / tried,
    mean_iterations: summary.meanIterations,
    used_fraction: solution.usedFraction,
  };
}

/** @throws {PipelineError} SolutionTooNoisy, TooFewVisibilities */
export function judgeSolution(metrics: SolutionMetrics, path: string): QualityVerdict {
  refuse(metrics, path);
  const findings = [
    above(
      "flagged fraction of active antennas",
      metrics.flagged_fraction,
      SOLUTION_LIMITS.flaggedFraction.warn,
    ),
    above(
      "phase scatter in degrees",
      metrics.phase_scatter_deg,
      SOLUTION_LIMITS.phaseScatterDeg.warn,
    ),
    above("amplitude scatter", metrics.amplitude_scatter, SOLUTION_LIMITS.amplitudeScatter.warn),
    above(
      "unconverged fraction",
      metrics.unconverged_fraction,
      SOLUTION_LIMITS.unconvergedFraction.warn,
    ),
    metrics.median_snr < SOLUTION_LIMITS.medianSnr.warn
      ? `median signal-to-noise ratio is ${metrics.median_snr.toFixed(1)}, ` +
        `expected at least ${SOLUTION_LIMITS.medianSnr.warn}`
      : undefined,
  ].filter((finding) => finding !== undefined);
  return { grade: findings.length === 0 ? "good" : "warn", findings, metrics: { ...metrics } };
}

function refuse(metrics: SolutionMetrics, path: string): void {
  const usable = metrics.active_count - metrics.rejected_count;
  if (usable < SOLUTION_LIMITS.antennaCount.refuse)
    throw new PipelineError(
      "SolutionTooNoisy",
      `${path}: ${usable} of ${metrics.active_count} antennas have gains, ` +
        `expected at least ${SOLUTION_LIMITS.antennaCount.refuse}`,
      { path, ...metrics },
    );
  // Negated, so that NaN is refused as well.
  if (!(metrics.median_snr >= SOLUTION_LIMITS.medianSnr.refuse))
    throw new PipelineError(
      "SolutionTooNoisy",
      `${path}: gains have median signal-to-noise ratio ${metrics.median_snr.toFixed(1)}, ` +
        `expected at least ${SOLUTION_LIMITS.medianSnr.refuse}`,
      { path, ...metrics },
    );
  for (const [what, value, limit] of [
    ["flagged fraction", metrics.flagged_fraction, SOLUTION_LIMITS.flaggedFraction.refuse],
    ["phase scatter", metrics.phase_scatter_deg, SOLUTION_LIMITS.phaseScatterDeg.refuse],
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
