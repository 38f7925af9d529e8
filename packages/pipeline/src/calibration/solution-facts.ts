/** What a solution says of itself, beside its metrics: antennas, reference, delays in words. */
import type { DelayArrays } from "@contimg/astro";

import { describeRejected } from "./antenna-report.ts";
import type { GainSolution } from "./solve-gains.ts";

const NANOSECONDS = 1e9;
const RECEPTORS = ["first", "second"];

export interface SolutionFacts {
  readonly reference_antenna: string;
  /** Preferred before it, but without healthy solutions. */
  readonly skipped_references: string[];
  readonly rejected_antennas: string[];
  /** One sentence an antenna that the solution does without. */
  readonly antenna_findings: string[];
  /** Sentences on delays beyond the limit; the bandpass holds them. */
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

function longDelays(
  { delaySeconds, errorSeconds, flags, polarizationCount }: DelayArrays,
  names: readonly string[],
  delayMaxNs: number,
): string[] {
  return [...delaySeconds.keys()]
    .filter((at) => flags[at] === 0 && NANOSECONDS * Math.abs(delaySeconds[at]!) > delayMaxNs)
    .map((at) => {
      const antenna = names[Math.floor(at / polarizationCount)]!;
      const receptor = RECEPTORS[at % polarizationCount]!;
      const [delay, error] = [delaySeconds[at]!, errorSeconds[at]!];
      return (
        `antenna ${antenna}, ${receptor} receptor: delay ` +
        `${(NANOSECONDS * delay).toFixed(2)} ± ${(NANOSECONDS * error).toFixed(2)} ns`
      );
    });
}
