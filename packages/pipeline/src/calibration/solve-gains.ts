/**
 * Solves the gains of a visibility set against a model of point sources: stream the data once into
 * normal equations, solve a bandpass, reject antennas that spoil it and solve again without them;
 * then gains in time beside the bandpass, and the delays that its phases hold.
 */
import {
  antennaUvwOfRows,
  BANDPASS_DEFAULTS,
  fitDelays,
  summarizeBandpass,
  type BandpassArrays,
  type BandpassOptions,
  type BandpassSummary,
  type DelayArrays,
  type PointSources,
  type TimeGains,
} from "@contimg/astro";
import type { BandpassSolutions } from "@contimg/casacore";

import type { AntennaLimits, RejectedAntenna } from "./antenna-report.ts";
import { baselinesOf, crossRowsOf, parallelHands, type Baselines } from "./baselines.ts";
import { ChannelWorkers, splitChannels, streamIntegrations } from "./channel-workers.ts";
import type { StreamOptions } from "./channel-workers.ts";
import { rejectUnstable, settleReference, solveRejecting } from "./reject-antennas.ts";
import type { SolveMessage, SolveReply, SolveSetup } from "./solve-messages.ts";
import { planIntervals, solveIntervals, type IntervalPlan } from "./solve-intervals.ts";
import { allocateSlab, type Integration, type VisibilitySet } from "./visibility-set.ts";

const SECONDS_PER_DAY = 86_400;

export interface SolveOptions extends StreamOptions {
  readonly threadCount: number;
  /** The model of an integration. @param antennaUvwM [antenna, uvw] at its time */
  modelOf(integration: Integration, antennaUvwM: Float64Array): PointSources;
  readonly bandpass?: Partial<BandpassOptions>;
  readonly antennaLimits: AntennaLimits;
  /** Antenna indices, best first. */
  readonly referenceAntennas: readonly number[];
  /** Of the gains in time, about. */
  readonly gainIntervalSeconds: number;
  /** Longer delays are taken off before channels are summed into one solution. */
  readonly delayMaxSeconds: number;
}

export interface GainSolution extends BandpassSolutions {
  readonly summary: BandpassSummary;
  /** Antennas that have cross-correlations with signal in the data. */
  readonly activeAntennas: readonly number[];
  /** Active antennas that the solution does without. */
  readonly rejectedAntennas: readonly RejectedAntenna[];
  /** Preferred reference antennas before the one that was taken, which were not fit. */
  readonly skippedReferences: readonly number[];
  /** Share of the cross-correlations that went into the solution. */
  readonly usedFraction: number;
  /** Of the bandpass, which holds them. */
  readonly delays: DelayArrays;
  /** Of antennas, before channels were summed. */
  readonly delaysTakenOff: readonly number[];
  /** Beside the bandpass: 1 on average. */
  readonly timeGains: TimeGains & Pick<IntervalPlan, "timesMjd" | "intervalSeconds">;
}

/** Everything that one solving needs again and again. */
export interface SolveRun {
  readonly set: VisibilitySet;
  readonly workers: ChannelWorkers<SolveMessage, SolveReply>;
  readonly solutions: BandpassArrays;
  readonly bandpass: BandpassOptions;
  readonly options: SolveOptions;
}

/**
 * Gains that turn the model into the data.
 * @throws {PipelineError} TooFewVisibilities when no antenna has a usable visibility;
 *   SolutionTooNoisy when all antennas were rejected
 */
export async function solveGains(set: VisibilitySet, options: SolveOptions): Promise<GainSolution> {
  const bandpass = { ...BANDPASS_DEFAULTS, ...options.bandpass };
  const baselines = baselinesOf(set);
  const polarizations = parallelHands(set);
  const solutions = allocateSolutions(set, polarizations.length);
  const slabs = [allocateSlab(set), allocateSlab(set)] as const;
  const { channelsPerSolution } = bandpass;
  const ranges = splitChannels(set.frequencyHz.length, options.threadCount, channelsPerSolution);
  const plan = planIntervals(set, options.gainIntervalSeconds, ranges.length, polarizations.length);
  const shared = {
    frequencyHz: set.frequencyHz,
    polarizationCount: set.correlationTypes.length,
    polarizations,
    baselines: { antenna1: baselines.antenna1, antenna2: baselines.antenna2 },
    slabs,
    solutions,
    blockChannels: plan.blockChannels,
  };
  await using workers = new ChannelWorkers<SolveMessage, SolveReply>(
    new URL("./solve-worker.ts", import.meta.url),
    ranges.map((range, at): SolveSetup => ({ ...shared, range, intervals: plan.matrices[at]! })),
  );
  const usedFraction = await accumulateAll(set, baselines, { slabs, plan, workers }, options);
  const run: SolveRun = { set, workers, solutions, bandpass, options };
  return { ...(await solveAll(run, plan)), usedFraction };
}

async function solveAll(
  run: SolveRun,
  plan: IntervalPlan,
): Promise<Omit<GainSolution, "usedFraction">> {
  const { set, solutions } = run;
  const { activeAntennas, rejectedAntennas, delaysTakenOff } = await solveRejecting(run);
  const timeGains = await solveIntervals(run.workers, plan);
  const unstable = rejectUnstable(run, timeGains, rejectedAntennas);
  const allRejected = [...rejectedAntennas, ...unstable].sort((a, b) => a.antenna - b.antenna);
  const reference = settleReference(run, timeGains, allRejected);
  const isActive = new Uint8Array(solutions.antennaCount);
  for (const antenna of activeAntennas) isActive[antenna] = 1;
  const { timesMjd, intervalSeconds } = plan;
  return {
    ...solutions,
    ...reference,
    timeMjd: (set.startMjd + set.endMjd) / 2,
    intervalSeconds: (set.endMjd - set.startMjd) * SECONDS_PER_DAY,
    summary: summarizeBandpass(solutions, isActive),
    activeAntennas,
    rejectedAntennas: allRejected,
    delays: fitDelays(solutions, set.frequencyHz, reference.referenceAntenna),
    delaysTakenOff,
    timeGains: { ...timeGains, timesMjd, intervalSeconds },
  };
}

/** Returns the share of the cross-correlations that was used. */
async function accumulateAll(
  set: VisibilitySet,
  baselines: Baselines,
  {
    slabs,
    plan,
    workers,
  }: {
    slabs: Parameters<typeof streamIntegrations>[1];
    plan: IntervalPlan;
    workers: ChannelWorkers<SolveMessage, SolveReply>;
  },
  options: SolveOptions,
): Promise<number> {
  let usedCount = 0;
  let totalCount = 0;
  let doneCount = 0;
  const polarizationCount = parallelHands(set).length;
  await streamIntegrations(
    set,
    slabs,
    async (slab, slabIndex, integration) => {
      const rows = crossRowsOf(set, integration, baselines);
      const sources = options.modelOf(integration, antennaUvwAt(set, integration));
      const { rowCount } = slab;
      const replies = await workers.ask({ kind: "accumulate", slabIndex, rowCount, rows, sources });
      for (const reply of replies) usedCount += reply.usedCount;
      totalCount += rows.row.length * slab.channelCount * polarizationCount;
      doneCount += 1;
      if (plan.ends.has(doneCount)) await workers.ask({ kind: "end-interval" });
    },
    options,
  );
  return totalCount === 0 ? 0 : usedCount / totalCount;
}

export function antennaUvwAt(
  set: VisibilitySet,
  { firstRow, rowCount }: Integration,
): Float64Array {
  const rows = {
    antenna1: set.antenna1.subarray(firstRow, firstRow + rowCount),
    antenna2: set.antenna2.subarray(firstRow, firstRow + rowCount),
    uvwM: set.uvwM.subarray(3 * firstRow, 3 * (firstRow + rowCount)),
  };
  return antennaUvwOfRows(rows, set.antennas.names.length);
}

function allocateSolutions(set: VisibilitySet, polarizationCount: number): BandpassArrays {
  const antennaCount = set.antennas.names.length;
  const channelCount = set.frequencyHz.length;
  const count = antennaCount * channelCount * polarizationCount;
  const floats = (length: number): Float32Array =>
    new Float32Array(new SharedArrayBuffer(4 * length));
  return {
    antennaCount,
    channelCount,
    polarizationCount,
    gains: floats(2 * count),
    error: floats(count),
    snr: floats(count),
    noise: floats(count),
    flags: new Uint8Array(new SharedArrayBuffer(count)),
    iterations: new Int16Array(new SharedArrayBuffer(2 * channelCount * polarizationCount)),
  };
}
