/**
 * Applies a bandpass to a visibility set and writes the calibrated, averaged copy: DATA in Jy,
 * cross-correlations of antennas with solutions only, weights from the gains. The raw set is read
 * once and not touched, so the copy publishes by one rename.
 */
import type { AntennaGains, AveragedSlab, CalibratedRows } from "@contimg/astro";
import type { BandpassTable, Table } from "@contimg/casacore";

import { PipelineError } from "../errors.ts";
import type { ApplyMessage, ApplySetup, FlagCounts } from "./apply-messages.ts";
import { receptorsOf } from "./baselines.ts";
import { appendIntegration, createCalibratedCopy } from "./calibrated-copy.ts";
import { ChannelWorkers, splitChannels, streamIntegrations } from "./channel-workers.ts";
import type { StreamOptions } from "./channel-workers.ts";
import { allocateSlab, type Integration, type VisibilitySet } from "./visibility-set.ts";

/** Channels are averaged in groups of at most this many … */
const AVERAGING_MAX = 4;
/** … as long as so many are left: fewer smear the edge of the field and starve joint cleaning. */
const CHANNELS_MIN = 64;

export interface ApplyOptions extends StreamOptions {
  readonly threadCount: number;
  /** Sentences for the HISTORY of the copy. */
  readonly history: readonly string[];
}

export interface ApplyReport {
  readonly rowCount: number;
  readonly channelCount: number;
  readonly averagingFactor: number;
  /** Antennas of the data for which the table has no unflagged solution. */
  readonly antennasWithoutSolution: readonly string[];
  /** Of the cross-correlations of antennas with solutions, before averaging. */
  readonly flaggedBeforeFraction: number;
  readonly unusableFraction: number;
  readonly clippedFraction: number;
  /** All three. */
  readonly flaggedFraction: number;
}

/** How many channels become one: the largest divisor up to 4 that leaves 64 channels or more. */
export function averagingFactor(channelCount: number): number {
  for (let factor = AVERAGING_MAX; factor > 1; factor -= 1)
    if (channelCount % factor === 0 && channelCount / factor >= CHANNELS_MIN) return factor;
  return 1;
}

/**
 * Writes the calibrated copy at `outputPath`.
 * @throws {PipelineError} NoCalibration when the table is of other channels or antennas
 */
export async function applyGains(
  set: VisibilitySet,
  bandpass: BandpassTable,
  outputPath: string,
  options: ApplyOptions,
): Promise<ApplyReport> {
  checkChannels(set, bandpass);
  const gains = gainsByAntenna(set, bandpass);
  const hasSolution = set.antennas.names.map((_, antenna) => antennaHasSolution(gains, antenna));
  const factor = averagingFactor(set.frequencyHz.length);
  const setup = {
    averagingFactor: factor,
    channelCount: set.frequencyHz.length,
    polarizationCount: set.correlationTypes.length,
    gains,
    receptors: receptorsOf(set),
    slabs: [allocateSlab(set), allocateSlab(set)],
    averaged: [allocateAveraged(set, factor), allocateAveraged(set, factor)],
  } as const;
  const ranges = splitChannels(set.frequencyHz.length, options.threadCount, factor);
  await using workers = new ChannelWorkers<ApplyMessage, FlagCounts>(
    new URL("./apply-worker.ts", import.meta.url),
    ranges.map((range): ApplySetup => ({ ...setup, range })),
  );
  using output = createCalibratedCopy(set, factor, outputPath, options.history);
  const counts = await streamThrough(set, workers, setup, hasSolution, output, options);
  return report(set, output, factor, hasSolution, counts);
}

function checkChannels(set: VisibilitySet, bandpass: BandpassTable): void {
  const ours = set.frequencyHz;
  const theirs = bandpass.frequencyHz;
  const same =
    ours.length === theirs.length &&
    ours.every((hz, channel) => Math.abs(hz - theirs[channel]!) < 0.1 * set.channelWidthHz);
  if (same) return;
  throw new PipelineError(
    "NoCalibration",
    `${set.path} has ${ours.length} channels from ${ours[0] ?? 0} Hz, the calibration of ` +
      `${bandpass.measurementSetName} has ${theirs.length} from ${theirs[0] ?? 0} Hz`,
    { path: set.path, channelCount: ours.length, calibrationChannelCount: theirs.length },
  );
}

/** The table's gains in the order of the data's antennas; those it lacks have no solution. */
function gainsByAntenna(set: VisibilitySet, bandpass: BandpassTable): AntennaGains {
  const { channelCount, polarizationCount: receptorCount } = bandpass;
  const perAntenna = channelCount * receptorCount;
  const antennaCount = set.antennas.names.length;
  const gains = new Float32Array(2 * antennaCount * perAntenna);
  const powers = new Float32Array(antennaCount * perAntenna);
  for (const [antenna, name] of set.antennas.names.entries()) {
    const source = bandpass.antennaNames.indexOf(name);
    if (source === -1) continue;
    for (let cell = 0; cell < perAntenna; cell += 1) {
      const from = source * perAntenna + cell;
      const to = antenna * perAntenna + cell;
      const re = bandpass.gains[2 * from]!;
      const im = bandpass.gains[2 * from + 1]!;
      gains[2 * to] = re;
      gains[2 * to + 1] = im;
      powers[to] = bandpass.flags[from] === 0 ? re * re + im * im : 0;
    }
  }
  return { channelCount, receptorCount, gains, powers };
}

function antennaHasSolution(gains: AntennaGains, antenna: number): boolean {
  const perAntenna = gains.channelCount * gains.receptorCount;
  return gains.powers
    .subarray(antenna * perAntenna, (antenna + 1) * perAntenna)
    .some((power) => power > 0);
}

function allocateAveraged(set: VisibilitySet, factor: number): AveragedSlab {
  const rowCount = set.integrations.reduce((most, one) => Math.max(most, one.rowCount), 0);
  const channelCount = set.frequencyHz.length / factor;
  const count = rowCount * channelCount * set.correlationTypes.length;
  return {
    vis: new Float32Array(new SharedArrayBuffer(8 * count)),
    flags: new Uint8Array(new SharedArrayBuffer(count)),
    weights: new Float32Array(new SharedArrayBuffer(4 * count)),
    channelCount,
  };
}

async function streamThrough(
  set: VisibilitySet,
  workers: ChannelWorkers<ApplyMessage, FlagCounts>,
  { slabs, averaged }: Pick<ApplySetup, "slabs" | "averaged">,
  hasSolution: readonly boolean[],
  output: Table,
  options: ApplyOptions,
): Promise<FlagCounts[]> {
  const counts: FlagCounts[] = [];
  // Written while the threads work on the next: otherwise they would wait for the disk.
  let writeLast = (): void => undefined;
  await streamIntegrations(
    set,
    slabs,
    async (slab, slabIndex, integration) => {
      const rows = keptRows(set, integration, hasSolution);
      const replies = workers.ask({ slabIndex, rowCount: slab.rowCount, rows });
      writeLast();
      counts.push(...(await replies));
      writeLast = () => {
        appendIntegration(output, set, integration, rows, averaged[slabIndex]);
      };
    },
    options,
  );
  writeLast();
  return counts;
}

/** Cross-correlations of two antennas with solutions. */
function keptRows(
  set: VisibilitySet,
  { firstRow, rowCount }: Integration,
  hasSolution: readonly boolean[],
): CalibratedRows {
  const row: number[] = [];
  for (let index = 0; index < rowCount; index += 1) {
    const [p, q] = [set.antenna1[firstRow + index]!, set.antenna2[firstRow + index]!];
    if (p !== q && hasSolution[p] === true && hasSolution[q] === true) row.push(index);
  }
  return {
    row: Int32Array.from(row),
    antenna1: Int32Array.from(row, (index) => set.antenna1[firstRow + index]!),
    antenna2: Int32Array.from(row, (index) => set.antenna2[firstRow + index]!),
  };
}

function report(
  set: VisibilitySet,
  output: Table,
  factor: number,
  hasSolution: readonly boolean[],
  counts: readonly FlagCounts[],
): ApplyReport {
  const sum = (key: keyof FlagCounts): number => counts.reduce((all, one) => all + one[key], 0);
  const total = Math.max(1, sum("totalCount"));
  const flagged = sum("flaggedBeforeCount") + sum("unusableCount") + sum("clippedCount");
  const present = new Set([...set.antenna1, ...set.antenna2]);
  return {
    rowCount: output.rowCount,
    channelCount: set.frequencyHz.length / factor,
    averagingFactor: factor,
    antennasWithoutSolution: set.antennas.names.filter(
      (_, antenna) => present.has(antenna) && hasSolution[antenna] === false,
    ),
    flaggedBeforeFraction: sum("flaggedBeforeCount") / total,
    unusableFraction: sum("unusableCount") / total,
    clippedFraction: sum("clippedCount") / total,
    flaggedFraction: sum("totalCount") === 0 ? 1 : flagged / total,
  };
}
