/**
 * What one baseline shows: amplitudes that stand out from its other times, or from the other
 * baselines; channels of which too much is flagged already; neighbors. A baseline needs no other,
 * so any number of threads may share the rows.
 */
import { medianOf } from "@contimg/astro";

import {
  CODE_COUNT,
  createLimitTable,
  type LimitTable,
  STEPS_PER_OCTAVE,
  stepsOf,
} from "./amplitude-code.ts";
import type { FlagParams } from "./flag-params.ts";
import type { CellFlags } from "./interference.ts";
import type { Levels } from "./levels.ts";
import { extendFlags } from "./neighbors.ts";
import { nextSuspect } from "./scan-bytes.ts";
import { AMPLITUDE_FIRST, reasonCode } from "./reasons.ts";
import {
  cellCount,
  isAutocorrelation,
  type RowRange,
  type TileCodes,
  type TileLayout,
} from "./tile-layout.ts";

/** Amplitudes of a baseline differ by this share at least: no noise is no reason to flag. */
export const BASELINE_SCATTER_MIN = 0.05;
/** Fewer times say nothing about which of them stands out. */
const TIMES_MIN = 8;
/**
 * What stands out in time must also be this much of the way from the median baseline to where it
 * would stand out from all: a baseline on which sources beat is quiet at most times. It also means
 * that almost no channel of a baseline has to be looked at in earnest.
 */
const WAY_TO_BASELINE_LIMIT = 0.75;
/** Every so many channels, one tells how strong an antenna is. */
const STRENGTH_STEP = 32;

const TIME_OUTLIER = reasonCode("time-outlier");
const BASELINE_OUTLIER = reasonCode("baseline-outlier");
const OCCUPANCY = reasonCode("occupancy");

/** What the rows add up to; whole numbers, so that the order of adding does not matter. */
export interface RowTally {
  /** [time, channel, polarization]: outliers of cross-correlations. */
  readonly outliers: Uint32Array;
  /** [antenna, polarization]: cross-correlations of an antenna with an amplitude. */
  readonly antennaUsable: Float64Array;
  /** [antenna, polarization, code]: a part of their amplitudes. */
  readonly antennaCodes: Float64Array;
}

export function createRowTally(layout: TileLayout): RowTally {
  const antennaCells = layout.antennaCount * layout.polarizationCount;
  const cells = layout.timeCount * cellCount(layout);
  return {
    outliers: new Uint32Array(cells),
    antennaUsable: new Float64Array(antennaCells),
    antennaCodes: new Float64Array(antennaCells * CODE_COUNT),
  };
}

export function addTally(sum: RowTally, one: RowTally): void {
  for (const key of ["outliers", "antennaUsable", "antennaCodes"] as const)
    for (const [at, value] of one[key].entries()) sum[key][at] = sum[key][at]! + value;
}

export interface RowFlagging {
  readonly layout: TileLayout;
  readonly codes: TileCodes;
  readonly levels: Levels;
  readonly cellFlags: CellFlags;
  readonly params: FlagParams;
}

/** Flags the cross-correlations among the rows, and counts. */
export function flagRows(flagging: RowFlagging, rows: RowRange): RowTally {
  const { layout } = flagging;
  const tally = createRowTally(layout);
  const floors = floorOf(flagging);
  const work: Work = {
    floors,
    allowed: allowedOf(flagging, floors),
    limits: createLimitTable(flagging.params.amplitude_sigma, BASELINE_SCATTER_MIN),
    histogram: new Uint16Array(3 * CODE_COUNT),
    tally,
  };
  for (let row = rows.first; row < rows.end; row += 1) {
    if (isAutocorrelation(layout, row)) continue;
    countStrength(flagging, row, tally);
    const suspects = scanRow(flagging, row, work);
    if (suspects.length === 0) continue;
    const found = suspects.flatMap((cell) => judgeCell(flagging, row, cell, work));
    extendFlags(flagging, row, found);
  }
  return tally;
}

interface Work {
  /** [channel, polarization]. */
  readonly floors: Float32Array;
  /** [time, channel, polarization]: amplitude bytes up to here need no second look. */
  readonly allowed: Uint8Array;
  readonly limits: LimitTable;
  /** How often each code is in one cell, from HISTOGRAM_START on; all 0 between cells. */
  readonly histogram: Uint16Array;
  readonly tally: RowTally;
}

/** Room on both sides, so that steps from a median never leave the array. */
const HISTOGRAM_START = CODE_COUNT;

/** [channel, polarization]: the smallest limit in time, from the median time. */
function floorOf({ layout, levels }: RowFlagging): Float32Array {
  const cells = cellCount(layout);
  return Float32Array.from({ length: cells }, (_, cell) => {
    const own: number[] = [];
    for (let at = cell; at < levels.level.length; at += cells) {
      const level = levels.level[at]!;
      if (Number.isNaN(level)) continue;
      const excess = 2 ** ((levels.limit[at]! - level) / STEPS_PER_OCTAVE) - 1;
      own.push(level + stepsOf(1 + WAY_TO_BASELINE_LIMIT * excess));
    }
    return medianOf(own) ?? 0;
  });
}

function allowedOf({ layout, levels, cellFlags }: RowFlagging, floors: Float32Array): Uint8Array {
  const cells = cellCount(layout);
  return levels.limit.map((limit, at) => {
    // All that has an amplitude there is flagged already.
    if (cellFlags[at] !== 0) return CODE_COUNT - 1;
    return Math.min(limit, Math.floor(floors[at % cells]!));
  });
}

/**
 * The one look at every visibility: counts what has no amplitude.
 * @returns channels and polarizations in which one is above what is allowed, each once
 */
function scanRow({ layout, codes }: RowFlagging, row: number, { allowed, tally }: Work): number[] {
  const cells = cellCount(layout);
  const { polarizationCount } = layout;
  const suspects = new Set<number>();
  const unusable = new Uint32Array(polarizationCount);
  for (let time = 0; time < layout.timeCount; time += 1) {
    const from = (time * layout.rowCount + row) * cells;
    const own = codes.subarray(from, from + cells);
    const most = allowed.subarray(time * cells, (time + 1) * cells);
    for (
      let cell = nextSuspect(own, most, 0);
      cell < cells;
      cell = nextSuspect(own, most, cell + 1)
    )
      if (own[cell]! >= AMPLITUDE_FIRST) suspects.add(cell);
      else unusable[cell % polarizationCount]! += 1;
  }
  const perPolarization = (layout.timeCount * cells) / polarizationCount;
  for (const antenna of [layout.antenna1[row]!, layout.antenna2[row]!])
    for (const [pol, count] of unusable.entries())
      tally.antennaUsable[antenna * polarizationCount + pol]! += perPolarization - count;
  return [...suspects].sort((a, b) => a - b);
}

function countStrength(
  { layout, codes }: RowFlagging,
  row: number,
  { antennaCodes }: RowTally,
): void {
  const { polarizationCount, antenna1, antenna2, rowCount, timeCount } = layout;
  const cells = cellCount(layout);
  for (let time = 0; time < timeCount; time += 1) {
    const from = (time * rowCount + row) * cells;
    for (let first = 0; first < cells; first += STRENGTH_STEP * polarizationCount)
      for (let pol = 0; pol < polarizationCount; pol += 1) {
        const code = codes[from + first + pol]!;
        if (code < AMPLITUDE_FIRST) continue;
        const [p, q] = [antenna1[row]!, antenna2[row]!];
        antennaCodes[(p * polarizationCount + pol) * CODE_COUNT + code]! += 1;
        antennaCodes[(q * polarizationCount + pol) * CODE_COUNT + code]! += 1;
      }
  }
}

/**
 * Flags what stands out in one channel and polarization of a baseline.
 * @returns where, in [time, channel, polarization]
 */
function judgeCell(
  { layout, codes, levels, cellFlags, params }: RowFlagging,
  row: number,
  cell: number,
  { floors, limits, histogram, tally }: Work,
): number[] {
  const cells = cellCount(layout);
  const step = layout.rowCount * cells;
  const first = row * cells + cell;
  const isJudged = (time: number): boolean =>
    codes[first + time * step]! >= AMPLITUDE_FIRST && cellFlags[time * cells + cell] === 0;
  const times = Array.from({ length: layout.timeCount }, (_, time) => time).filter(isJudged);
  const own = times.map((time) => codes[first + time * step]!);
  const limit =
    own.length < TIMES_MIN ? CODE_COUNT : Math.max(floors[cell]!, limitOf(histogram, own, limits));
  const found: number[] = [];
  for (const [index, time] of times.entries()) {
    const at = time * cells + cell;
    const isOfTime = own[index]! > limit;
    if (!isOfTime && own[index]! <= levels.limit[at]!) continue;
    codes[first + time * step] = isOfTime ? TIME_OUTLIER : BASELINE_OUTLIER;
    tally.outliers[at]! += 1;
    found.push(at);
  }
  if (found.length <= params.baseline_occupancy_max * own.length) return found;
  // Too much of it stands out to trust the rest.
  for (const time of times.filter(isJudged)) codes[first + time * step] = OCCUPANCY;
  return times.map((time) => time * cells + cell);
}

/** Of amplitude bytes, of which there is at least one. */
function limitOf(
  histogram: Uint16Array,
  own: readonly number[],
  { order, limit }: LimitTable,
): number {
  for (const code of own) histogram[HISTOGRAM_START + code]! += 1;
  const rank = own.length >> 1;
  let median = AMPLITUDE_FIRST - 1;
  for (let upTo = 0; upTo <= rank;) upTo += histogram[HISTOGRAM_START + ++median]!;
  let index = -1;
  for (let near = 0; near <= rank;) near += histogram[HISTOGRAM_START + median + order[++index]!]!;
  for (const code of own) histogram[HISTOGRAM_START + code] = 0;
  return median + limit[index]!;
}
