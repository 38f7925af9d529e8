/** What a solution says of itself, beside its metrics: antennas, reference, delays in words. */
import { medianOf, SIGMA_PER_MAD, type DelayArrays } from "@contimg/astro";

import { describeRejected } from "./antenna-report.ts";
import type { GainSolution } from "./solve-gains.ts";

const NANOSECONDS = 1e9;
/** Of the antennas' robust scatter. */
const OUTLIER_SIGMAS = 5;
const RECEPTORS = ["first", "second"];

export interface SolutionFacts {
  readonly reference_antenna: string;
  /** Preferred before it, but without healthy solutions. */
  readonly skipped_references: string[];
  readonly rejected_antennas: string[];
  /** One sentence an antenna that the solution does without. */
  readonly antenna_findings: string[];
  /** Sentences on delays far from the other antennas'; the bandpass holds them. */
  readonly long_delays: string[];
  readonly delays_taken_off: string[];
  readonly gain_interval_count: number;
}

/** @param names by antenna */
export function solutionFacts(
  solution: GainSolution,
  names: readonly string[],
  delayMaxNs: number,
): SolutionFacts {
  const nameOf = (antenna: number): string => names[antenna]!;
  return {
    reference_antenna: nameOf(solution.referenceAntenna),
    skipped_references: solution.skippedReferences.map(nameOf),
    rejected_antennas: solution.rejectedAntennas.map(({ antenna }) => nameOf(antenna)),
    antenna_findings: solution.rejectedAntennas.map((one) => describeRejected(one, names)),
    long_delays: longDelays(solution.delays, names, delayMaxNs),
    delays_taken_off: solution.delaysTakenOff.map(nameOf),
    gain_interval_count: solution.timeGains.intervalCount,
  };
}

/**
 * Delays far from those of the other antennas, receptor by receptor: against the reference antenna
 * alone, its own delay would be everyone's.
 */
function longDelays(
  { delaySeconds, errorSeconds, flags, polarizationCount }: DelayArrays,
  names: readonly string[],
  delayMaxNs: number,
): string[] {
  const good = [...delaySeconds.keys()].filter((at) => flags[at] === 0);
  return Array.from({ length: polarizationCount }, (_, receptor) => {
    const own = good.filter((at) => at % polarizationCount === receptor);
    const delaysNs = own.map((at) => NANOSECONDS * delaySeconds[at]!);
    const medianNs = medianOf(delaysNs) ?? 0;
    const madNs = medianOf(delaysNs.map((delayNs) => Math.abs(delayNs - medianNs))) ?? 0;
    const limitNs = Math.max(delayMaxNs, OUTLIER_SIGMAS * SIGMA_PER_MAD * madNs);
    return own
      .filter((_at, index) => Math.abs(delaysNs[index]! - medianNs) > limitNs)
      .map(
        (at) =>
          `antenna ${names[Math.floor(at / polarizationCount)]!}, ${RECEPTORS[receptor]!} ` +
          `receptor: delay ${(NANOSECONDS * delaySeconds[at]!).toFixed(2)} ± ` +
          `${(NANOSECONDS * errorSeconds[at]!).toFixed(2)} ns, ` +
          `the median antenna's is ${medianNs.toFixed(2)} ns`,
      );
  }).flat();
}
