/**
 * The last step: from codes to flags, and the counts that statistics are made of. Counted are
 * cross-correlations of active antennas: those with at least one polarization that is not dead.
 */
import type { CellFlags } from "./interference.ts";
import { AMPLITUDE_FIRST, reasonCode, REASONS } from "./reasons.ts";
import { nextReason } from "./scan-bytes.ts";
import {
  cellCount,
  isAutocorrelation,
  type RowRange,
  type TileCodes,
  type TileLayout,
} from "./tile-layout.ts";

const REASON_COUNT = REASONS.length;
const DEAD = reasonCode("dead-antenna");

/** Flagged visibilities; of a baseline's both antennas each counts its own. */
export interface FlagCounts {
  /** [reason, antenna]. */
  readonly byAntenna: Float64Array;
  /** [reason, channel]. */
  readonly byChannel: Float64Array;
  /** [reason, time]. */
  readonly byTime: Float64Array;
  /** [antenna, channel]. */
  readonly byAntennaChannel: Float64Array;
  /** [channel, time]. */
  readonly byChannelTime: Float64Array;
}

export function createFlagCounts(layout: TileLayout): FlagCounts {
  const { antennaCount, channelCount, timeCount } = layout;
  return {
    byAntenna: new Float64Array(REASON_COUNT * antennaCount),
    byChannel: new Float64Array(REASON_COUNT * channelCount),
    byTime: new Float64Array(REASON_COUNT * timeCount),
    byAntennaChannel: new Float64Array(antennaCount * channelCount),
    byChannelTime: new Float64Array(channelCount * timeCount),
  };
}

export function addCounts(sum: FlagCounts, one: FlagCounts): void {
  const keys = ["byAntenna", "byChannel", "byTime", "byAntennaChannel", "byChannelTime"] as const;
  for (const key of keys)
    for (const [at, value] of one[key].entries()) sum[key][at] = sum[key][at]! + value;
}

/** [antenna]: whether one of its polarizations is not dead. */
export function activeAntennas(layout: TileLayout, dead: Uint8Array): boolean[] {
  const { antennaCount, polarizationCount } = layout;
  const hasRow = new Set([...layout.antenna1, ...layout.antenna2]);
  return Array.from({ length: antennaCount }, (_, antenna) => {
    const first = antenna * polarizationCount;
    return hasRow.has(antenna) && dead.subarray(first, first + polarizationCount).includes(0);
  });
}

export interface Verdicts {
  readonly cellFlags: CellFlags;
  /** [antenna, polarization]. */
  readonly dead: Uint8Array;
}

/**
 * Writes the flags of rows of one time, and counts them.
 * @param flags of the whole integration, [row, channel, polarization]: 0 or 1
 */
export function writeFlags(
  layout: TileLayout,
  codes: TileCodes,
  time: number,
  verdicts: Verdicts,
  rows: RowRange,
  flags: Uint8Array,
  counts: FlagCounts,
): void {
  const cells = cellCount(layout);
  const cellFlags = verdicts.cellFlags.subarray(time * cells, (time + 1) * cells);
  const flaggedCells = Array.from(cellFlags.keys()).filter((cell) => cellFlags[cell] !== 0);
  const template = cellFlags.map((flag) => (flag === 0 ? 0 : 1));
  const isActive = activeAntennas(layout, verdicts.dead);
  const { antenna1, antenna2 } = layout;
  for (let row = rows.first; row < rows.end; row += 1) {
    const to = row * cells;
    if (isAutocorrelation(layout, row)) {
      flags.fill(1, to, to + cells);
      continue;
    }
    const from = (time * layout.rowCount + row) * cells;
    const own = codes.subarray(from, from + cells);
    const written = flags.subarray(to, to + cells);
    const counted = isActive[antenna1[row]!]! && isActive[antenna2[row]!]!;
    const add = (cell: number, reason: number): void => {
      written[cell] = 1;
      if (counted) increment(layout, counts, reason, row, time, cell);
    };
    const deadPols = deadPolarizations(layout, row, verdicts.dead);
    if (deadPols !== 0) {
      writeBesideDead(layout, own, cellFlags, deadPols, written, add);
      continue;
    }
    written.set(template);
    for (const cell of flaggedCells)
      if (own[cell]! >= AMPLITUDE_FIRST) add(cell, cellFlags[cell]! - 1);
    for (let cell = nextReason(own, 0); cell < cells; cell = nextReason(own, cell + 1))
      add(cell, own[cell]!);
  }
}

/** A row with a dead antenna; not all of it, when only one polarization is. */
function writeBesideDead(
  { polarizationCount }: TileLayout,
  codes: Uint8Array,
  cellFlags: Uint8Array,
  deadPols: number,
  flags: Uint8Array,
  add: (cell: number, reason: number) => void,
): void {
  flags.fill(0);
  for (let cell = 0; cell < codes.length; cell += 1) {
    if (((deadPols >> (cell % polarizationCount)) & 1) !== 0) add(cell, DEAD);
    else if (codes[cell]! < AMPLITUDE_FIRST) add(cell, codes[cell]!);
    else if (cellFlags[cell] !== 0) add(cell, cellFlags[cell]! - 1);
  }
}

/** A bit for each polarization that is dead at one of the baseline's antennas. */
function deadPolarizations(
  { polarizationCount, antenna1, antenna2 }: TileLayout,
  row: number,
  dead: Uint8Array,
): number {
  let bits = 0;
  for (let pol = 0; pol < polarizationCount; pol += 1) {
    const p = dead[antenna1[row]! * polarizationCount + pol]!;
    const q = dead[antenna2[row]! * polarizationCount + pol]!;
    if (p !== 0 || q !== 0) bits |= 1 << pol;
  }
  return bits;
}

/** Counts one flagged visibility of a cross-correlation. */
export function increment(
  { antennaCount, channelCount, timeCount, polarizationCount, antenna1, antenna2 }: TileLayout,
  counts: FlagCounts,
  reason: number,
  row: number,
  time: number,
  cell: number,
): void {
  const channel = Math.floor(cell / polarizationCount);
  const [p, q] = [antenna1[row]!, antenna2[row]!];
  const byAntenna = reason * antennaCount;
  addOne(counts.byAntenna, byAntenna + p);
  addOne(counts.byAntenna, byAntenna + q);
  addOne(counts.byChannel, reason * channelCount + channel);
  addOne(counts.byTime, reason * timeCount + time);
  addOne(counts.byAntennaChannel, p * channelCount + channel);
  addOne(counts.byAntennaChannel, q * channelCount + channel);
  addOne(counts.byChannelTime, channel * timeCount + time);
}

function addOne(values: Float64Array, at: number): void {
  values[at] = values[at]! + 1;
}
