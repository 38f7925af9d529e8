/** Gains in time: which integrations make an interval, and the solving of each. */
import {
  addGainMatrices,
  createGainMatrices,
  SECONDS_PER_DAY,
  solveTimeGains,
  type GainMatrices,
  type TimeGains,
} from "@contimg/astro";

import type { ChannelWorkers } from "./channel-workers.ts";
import type { SolveMessage, SolveReply } from "./solve-messages.ts";
import type { VisibilitySet } from "./visibility-set.ts";

/** Channels within it are summed: a delay of 50 ns turns by a tenth over it. */
const BLOCK_HZ = 2e6;

export interface IntervalPlan {
  /** So many integrations done: an interval ends. */
  readonly ends: ReadonlySet<number>;
  /** Middle of each interval. */
  readonly timesMjd: readonly number[];
  readonly intervalSeconds: number;
  readonly blockChannels: number;
  /** In shared memory: [thread][interval][solved polarization]. */
  readonly matrices: readonly (readonly (readonly GainMatrices[])[])[];
}

export interface Intervals {
  /** [interval] the first integration after it. */
  readonly ends: readonly number[];
  /** Middle of each. */
  readonly timesMjd: readonly number[];
  readonly intervalSeconds: number;
}

/** Of about equal length, one at least. */
export function divideTime(
  { integrations, startMjd, endMjd }: Pick<VisibilitySet, "integrations" | "startMjd" | "endMjd">,
  intervalSeconds: number,
): Intervals {
  const spanSeconds = (endMjd - startMjd) * SECONDS_PER_DAY;
  const wanted = Math.max(1, Math.round(spanSeconds / intervalSeconds));
  const count = Math.min(wanted, integrations.length);
  const ends = Array.from({ length: count }, (_, interval) =>
    Math.round(((interval + 1) * integrations.length) / count),
  );
  const starts = [0, ...ends.slice(0, -1)];
  const times = ends.map((end, interval) => {
    const [first, last] = [integrations[starts[interval]!]!, integrations[end - 1]!];
    return (first.timeMjd + last.timeMjd) / 2;
  });
  return { ends, timesMjd: times, intervalSeconds: spanSeconds / count };
}

export function planIntervals(
  set: VisibilitySet,
  seconds: number,
  threadCount: number,
  polarizationCount: number,
): IntervalPlan {
  const { ends, timesMjd, intervalSeconds } = divideTime(set, seconds);
  return {
    ends: new Set(ends),
    timesMjd,
    intervalSeconds,
    blockChannels: Math.max(1, Math.round(BLOCK_HZ / set.channelWidthHz)),
    matrices: Array.from({ length: threadCount }, () =>
      ends.map(() =>
        Array.from({ length: polarizationCount }, () => sharedMatrices(set.antennas.names.length)),
      ),
    ),
  };
}

/** Sums what the threads have and solves it. */
export async function solveIntervals(
  workers: ChannelWorkers<SolveMessage, SolveReply>,
  plan: IntervalPlan,
): Promise<TimeGains> {
  await workers.ask({ kind: "intervals" });
  const [first = [], ...others] = plan.matrices;
  const sums = first.map((byPolarization, interval) =>
    byPolarization.map((one, pol) => {
      const sum = createGainMatrices(one.antennaCount);
      for (const part of [one, ...others.map((thread) => thread[interval]![pol]!)])
        addGainMatrices(sum, part);
      return sum;
    }),
  );
  return solveTimeGains(sums);
}

function sharedMatrices(antennaCount: number): GainMatrices {
  const cells = (): Float32Array =>
    new Float32Array(new SharedArrayBuffer(4 * antennaCount * antennaCount));
  return { antennaCount, re: cells(), im: cells(), power: cells() };
}
