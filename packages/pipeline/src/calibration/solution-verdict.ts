/**
 * What a gain solution is worth; its gate judges whether it may calibrate science data. Fractions
 * count active antennas only: the stations that are not there are no fault of the solution.
 */
import { measured } from "../quality/measured.ts";
import type { QualityVerdict } from "../stage.ts";
import type { GainSolution } from "./solve-gains.ts";

const DEGREES_PER_RAD = 180 / Math.PI;

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
}

export function metricsOf({ summary, ...solution }: GainSolution): SolutionMetrics {
  const tried = summary.solvedCount + summary.unconvergedCount;
  return {
    median_snr: summary.medianSnr,
    flagged_fraction: summary.flaggedFraction,
    active_count: solution.activeAntennas.length,
    rejected_count: solution.rejectedAntennas.length,
    usable_count: solution.activeAntennas.length - solution.rejectedAntennas.length,
    median_amplitude: summary.medianAmplitude,
    phase_scatter_deg: summary.phaseScatterRad * DEGREES_PER_RAD,
    amplitude_scatter: summary.amplitudeScatter,
    unconverged_fraction: tried === 0 ? 1 : summary.unconvergedCount / tried,
    mean_iterations: summary.meanIterations,
    used_fraction: solution.usedFraction,
  };
}

/** The metrics for the gate of calibration-solve, whose limits are quality/thresholds.ts. */
export function judgeSolution(metrics: SolutionMetrics): QualityVerdict {
  return measured({ ...metrics });
}
