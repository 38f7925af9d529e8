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
 * would stand out from all: a baseline on which sources beat is quiet at most times.
 */
const WAY_TO_BASELINE_LIMIT = 0.75;

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
  const { layout, codes, params } = flagging;
  const cells = cellCount(layout);
  const tally = createRowTally(layout);
  const limits = createLimitTable(params.amplitude_sigma, BASELINE_SCATTER_MIN);
  const floors = floorOf(flagging);
  const work: Work = { local: new Uint8Array(layout.timeCount * cells), ...createHistogram() };
  for (let row = rows.first; row < rows.end; row += 1) {
    if (isAutocorrelation(layout, row)) continue;
    for (let time = 0; time < layout.timeCount; time += 1) {
      const from = (time * layout.rowCount + row) * cells;
      work.local.set(codes.subarray(from, from + cells), time * cells);
    }
    const found = flagRow(flagging, row, work, limits, floors, tally);
    if (found) fillOccupied(layout, work.local, params.baseline_occupancy_max);
    extendFlags(layout, work.local, params);
    for (let time = 0; time < layout.timeCount; time += 1) {
      const to = (time * layout.rowCount + row) * cells;
      codes.set(work.local.subarray(time * cells, (time + 1) * cells), to);
    }
  }
  return tally;
}

interface Work {
  /** The row's codes, [time, channel, polarization]. */
  readonly local: Uint8Array;
  /** How often each code is in one channel, from HISTOGRAM_START on; all 0 between channels. */
  readonly histogram: Uint8Array;
}

/** Room on both sides, so that steps from a median never leave the array. */
const HISTOGRAM_START = CODE_COUNT;

function createHistogram(): Pick<Work, "histogram"> {
  return { histogram: new Uint8Array(3 * CODE_COUNT) };
}

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

/** Every eighth channel tells how strong an antenna is. */
const STRENGTH_STEP = 8;

/** @returns whether something stands out */
function flagRow(
  { layout, levels, cellFlags }: RowFlagging,
  row: number,
  { local, histogram }: Work,
  limits: LimitTable,
  floors: Float32Array,
  tally: RowTally,
): boolean {
  const cells = cellCount(layout);
  const { limit: baselineLimit } = levels;
  let found = false;
  let median = AMPLITUDE_FIRST;
  for (let cell = 0; cell < cells; cell += 1) {
    const pol = cell % layout.polarizationCount;
    if (cell % (STRENGTH_STEP * layout.polarizationCount) === pol)
      countStrength(layout, row, pol, local, cell, tally);
    let [usable, count, upTo, largest] = [0, 0, 0, 0];
    let isAboveBaselines = false;
    for (let at = cell; at < local.length; at += cells) {
      const code = local[at]!;
      if (code < AMPLITUDE_FIRST) continue;
      usable += 1;
      if (cellFlags[at]! !== 0) {
        local[at] = cellFlags[at]! - 1;
        continue;
      }
      histogram[HISTOGRAM_START + code] = histogram[HISTOGRAM_START + code]! + 1;
      count += 1;
      if (code <= median) upTo += 1;
      if (code > largest) largest = code;
      if (code > baselineLimit[at]!) isAboveBaselines = true;
    }
    addUsable(layout, row, pol, usable, tally.antennaUsable);
    if (count === 0) continue;
    // From the last channel's median to this one's is a short way.
    const rank = count >> 1;
    while (upTo <= rank) upTo += histogram[HISTOGRAM_START + ++median]!;
    while (upTo - histogram[HISTOGRAM_START + median]! > rank)
      upTo -= histogram[HISTOGRAM_START + median--]!;
    const limit =
      count < TIMES_MIN || largest <= floors[cell]!
        ? CODE_COUNT
        : Math.max(floors[cell]!, limitOf(histogram, median, rank, limits));
    for (let at = cell; at < local.length; at += cells) histogram[HISTOGRAM_START + local[at]!] = 0;
    if (largest <= limit && !isAboveBaselines) continue;
    markOutliers(local, cell, cells, limit, baselineLimit, tally.outliers);
    found = true;
  }
  return found;
}

function countStrength(
  { polarizationCount, antenna1, antenna2, channelCount }: TileLayout,
  row: number,
  pol: number,
  local: Uint8Array,
  cell: number,
  { antennaCodes }: RowTally,
): void {
  const cellP = (antenna1[row]! * polarizationCount + pol) * CODE_COUNT;
  const cellQ = (antenna2[row]! * polarizationCount + pol) * CODE_COUNT;
  for (let at = cell; at < local.length; at += channelCount * polarizationCount) {
    const code = local[at]!;
    if (code < AMPLITUDE_FIRST) continue;
    antennaCodes[cellP + code] = antennaCodes[cellP + code]! + 1;
    antennaCodes[cellQ + code] = antennaCodes[cellQ + code]! + 1;
  }
}

function addUsable(
  { polarizationCount, antenna1, antenna2 }: TileLayout,
  row: number,
  pol: number,
  usable: number,
  antennaUsable: Float64Array,
): void {
  for (const antenna of [antenna1[row]!, antenna2[row]!]) {
    const at = antenna * polarizationCount + pol;
    antennaUsable[at] = antennaUsable[at]! + usable;
  }
}

function limitOf(
  histogram: Uint8Array,
  median: number,
  rank: number,
  { order, limit }: LimitTable,
): number {
  let near = 0;
  let index = -1;
  while (near <= rank) {
    index += 1;
    near += histogram[HISTOGRAM_START + median + order[index]!]!;
  }
  return median + limit[index]!;
}

function markOutliers(
  local: Uint8Array,
  cell: number,
  cells: number,
  limit: number,
  baselineLimit: Uint8Array,
  outliers: Uint32Array,
): void {
  for (let at = cell; at < local.length; at += cells) {
    const code = local[at]!;
    if (code <= limit && code <= baselineLimit[at]!) continue;
    local[at] = code > limit ? TIME_OUTLIER : BASELINE_OUTLIER;
    outliers[at] = outliers[at]! + 1;
  }
}

/** Channels of the baseline of which more times than `share` stand out are flagged at all. */
function fillOccupied(layout: TileLayout, local: Uint8Array, share: number): void {
  const cells = cellCount(layout);
  for (let cell = 0; cell < cells; cell += 1) {
    let [outliers, others] = [0, 0];
    for (let at = cell; at < local.length; at += cells) {
      if (local[at]! >= AMPLITUDE_FIRST) others += 1;
      else if (local[at] === TIME_OUTLIER || local[at] === BASELINE_OUTLIER) outliers += 1;
    }
    if (outliers <= share * (outliers + others)) continue;
    for (let at = cell; at < local.length; at += cells)
      if (local[at]! >= AMPLITUDE_FIRST) local[at] = OCCUPANCY;
  }
}
