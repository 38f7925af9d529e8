/**
 * Solves the gains of a visibility set against a model of point sources: stream the data once into
 * normal equations, solve, reject antennas without signal and solve again without them.
 */
import {
  antennaSnr,
  antennaUvwOfRows,
  BANDPASS_DEFAULTS,
  chooseReferenceAntenna,
  referToAntenna,
  summarizeBandpass,
  type BandpassArrays,
  type BandpassOptions,
  type BandpassSummary,
  type PointSources,
} from "@contimg/astro";
import type { BandpassSolutions } from "@contimg/casacore";

import { PipelineError } from "../errors.ts";
import { baselinesOf, crossRowsOf, parallelHands, type Baselines } from "./baselines.ts";
import { ChannelWorkers, splitChannels, streamIntegrations } from "./channel-workers.ts";
import type { StreamOptions } from "./channel-workers.ts";
import type { SolveMessage, SolveReply, SolveSetup } from "./solve-messages.ts";
import { allocateSlab, type Integration, type VisibilitySet } from "./visibility-set.ts";

/** Rounds of rejecting antennas; each is one more solve of everything. */
const REJECTION_ROUNDS_MAX = 4;
const SECONDS_PER_DAY = 86_400;

export interface SolveOptions extends StreamOptions {
  readonly threadCount: number;
  /** The model of an integration. @param antennaUvwM [antenna, uvw] at its time */
  modelOf(integration: Integration, antennaUvwM: Float64Array): PointSources;
  readonly bandpass?: Partial<BandpassOptions>;
  /** An antenna whose median signal-to-noise ratio is below it, in either receptor, is rejected. */
  readonly antennaSnrMin: number;
  /** Antenna indices, best first. */
  readonly referenceAntennas: readonly number[];
}

export interface GainSolution extends BandpassSolutions {
  readonly summary: BandpassSummary;
  /** Antennas that have cross-correlations with signal in the data. */
  readonly activeAntennas: readonly number[];
  /** Active antennas that were rejected for their low signal-to-noise ratio. */
  readonly rejectedAntennas: readonly number[];
  /** Share of the cross-correlations that went into the solution. */
  readonly usedFraction: number;
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
  const ranges = splitChannels(
    set.frequencyHz.length,
    options.threadCount,
    bandpass.channelsPerSolution,
  );
  const shared = {
    frequencyHz: set.frequencyHz,
    polarizationCount: set.correlationTypes.length,
    polarizations,
    baselines: { antenna1: baselines.antenna1, antenna2: baselines.antenna2 },
    slabs,
    solutions,
  };
  await using workers = new ChannelWorkers<SolveMessage, SolveReply>(
    new URL("./solve-worker.ts", import.meta.url),
    ranges.map((range): SolveSetup => ({ ...shared, range })),
  );
  const usedFraction = await accumulateAll(set, baselines, slabs, workers, options);
  const outcome = await solveRejecting(set, workers, solutions, bandpass, options.antennaSnrMin);
  return { ...finish(set, solutions, outcome, options.referenceAntennas), usedFraction };
}

/** Returns the share of the cross-correlations that was used. */
async function accumulateAll(
  set: VisibilitySet,
  baselines: Baselines,
  slabs: Parameters<typeof streamIntegrations>[1],
  workers: ChannelWorkers<SolveMessage, SolveReply>,
  options: SolveOptions,
): Promise<number> {
  let usedCount = 0;
  let totalCount = 0;
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
    },
    options,
  );
  return totalCount === 0 ? 0 : usedCount / totalCount;
}

function antennaUvwAt(set: VisibilitySet, { firstRow, rowCount }: Integration): Float64Array {
  const rows = {
    antenna1: set.antenna1.subarray(firstRow, firstRow + rowCount),
    antenna2: set.antenna2.subarray(firstRow, firstRow + rowCount),
    uvwM: set.uvwM.subarray(3 * firstRow, 3 * (firstRow + rowCount)),
  };
  return antennaUvwOfRows(rows, set.antennas.names.length);
}

interface Rejection {
  readonly activeAntennas: readonly number[];
  readonly rejectedAntennas: readonly number[];
}

async function solveRejecting(
  set: VisibilitySet,
  workers: ChannelWorkers<SolveMessage, SolveReply>,
  solutions: BandpassArrays,
  bandpass: BandpassOptions,
  antennaSnrMin: number,
): Promise<Rejection> {
  const antennaIsUsed = new Uint8Array(solutions.antennaCount).fill(1);
  let activeAntennas: number[] | undefined;
  const rejectedAntennas: number[] = [];
  for (let round = 0; round <= REJECTION_ROUNDS_MAX; round += 1) {
    await workers.ask({ kind: "solve", antennaIsUsed, options: bandpass });
    const snr = antennaSnr(solutions);
    activeAntennas ??= antennasWhere(snr, (value) => value > 0);
    const weak = antennasWhere(
      snr,
      (value, antenna) => value < antennaSnrMin && antennaIsUsed[antenna] === 1,
    ).filter((antenna) => activeAntennas?.includes(antenna));
    if (weak.length === 0 || round === REJECTION_ROUNDS_MAX) break;
    for (const antenna of weak) antennaIsUsed[antenna] = 0;
    rejectedAntennas.push(...weak);
  }
  activeAntennas ??= [];
  if (activeAntennas.length === 0)
    throw new PipelineError(
      "TooFewVisibilities",
      `${set.path} has no antenna with usable cross-correlations`,
      { path: set.path },
    );
  return { activeAntennas, rejectedAntennas: rejectedAntennas.sort((a, b) => a - b) };
}

function antennasWhere(
  snr: Float64Array,
  claim: (value: number, antenna: number) => boolean,
): number[] {
  return [...snr.keys()].filter((antenna) => claim(snr[antenna]!, antenna));
}

function finish(
  set: VisibilitySet,
  solutions: BandpassArrays,
  { activeAntennas, rejectedAntennas }: Rejection,
  preferred: readonly number[],
): Omit<GainSolution, "usedFraction"> {
  const referenceAntenna = chooseReferenceAntenna(solutions, preferred);
  if (referenceAntenna === undefined)
    throw new PipelineError(
      "SolutionTooNoisy",
      `${set.path}: none of ${activeAntennas.length} antennas has a solution above the noise`,
      { path: set.path, rejectedAntennas },
    );
  referToAntenna(solutions, referenceAntenna);
  const isActive = new Uint8Array(solutions.antennaCount);
  for (const antenna of activeAntennas) isActive[antenna] = 1;
  return {
    ...solutions,
    referenceAntenna,
    timeMjd: (set.startMjd + set.endMjd) / 2,
    intervalSeconds: (set.endMjd - set.startMjd) * SECONDS_PER_DAY,
    summary: summarizeBandpass(solutions, isActive),
    activeAntennas,
    rejectedAntennas,
  };
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
    flags: new Uint8Array(new SharedArrayBuffer(count)),
    iterations: new Int16Array(new SharedArrayBuffer(2 * channelCount * polarizationCount)),
  };
}
