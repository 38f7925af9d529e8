/**
 * What a gain solution is worth; its gate judges whether it may calibrate science data. Fractions
 * count active antennas only: the stations that are not there are no fault of the solution.
 */
import { medianOf, SIGMA_PER_MAD, timeStability } from "@contimg/astro";

import type { GainSolution } from "./solve-gains.ts";

const DEGREES_PER_RAD = 180 / Math.PI;
const NANOSECONDS = 1e9;

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
