/** The shape of a tile while it is flagged. */
import { AMPLITUDE_FIRST, reasonCode } from "./reasons.ts";
import type { CodeTable } from "./amplitude-code.ts";

export interface TileLayout {
  readonly timeCount: number;
  /** Baselines, autocorrelations included; the same ones in each integration. */
  readonly rowCount: number;
  readonly channelCount: number;
  readonly polarizationCount: number;
  readonly antennaCount: number;
  /** [row]. */
  readonly antenna1: Int32Array;
  readonly antenna2: Int32Array;
  /** First channel of each subband, ascending, the first 0. */
  readonly subbandStarts: readonly number[];
}

/** Rows from `first` up to `end`, without it. */
export interface RowRange {
  readonly first: number;
  readonly end: number;
}

/** One byte a visibility, [time, row, channel, polarization]: see reasons.ts. */
export type TileCodes = Uint8Array;

/** Channels times polarizations: what lies together in a row. */
export function cellCount(layout: TileLayout): number {
  return layout.channelCount * layout.polarizationCount;
}

export function tileCodeCount(layout: TileLayout): number {
  return layout.timeCount * layout.rowCount * cellCount(layout);
}

export function isAutocorrelation({ antenna1, antenna2 }: TileLayout, row: number): boolean {
  return antenna1[row] === antenna2[row];
}

/** Subbands as [first channel, one past the last]. */
export function subbandsOf({ subbandStarts, channelCount }: TileLayout): [number, number][] {
  return subbandStarts.map((start, index) => [start, subbandStarts[index + 1] ?? channelCount]);
}

/**
 * Encodes rows of one integration.
 * @param vis of the whole integration, [row, channel, polarization] complex
 * @param flags [row, channel, polarization]; not 0 is bad
 */
export function encodeRows(
  layout: TileLayout,
  codes: TileCodes,
  time: number,
  { vis, flags }: { readonly vis: Float32Array; readonly flags: Uint8Array },
  table: CodeTable,
  rows: RowRange,
): void {
  const cells = cellCount(layout);
  const none = new Uint8Array(cells);
  const powers = new Float32Array(cells);
  // Little-endian halves: the upper of each two is what the table knows.
  const halves = new Uint16Array(powers.buffer);
  for (let row = rows.first; row < rows.end; row += 1) {
    const from = row * cells;
    const to = (time * layout.rowCount + row) * cells;
    for (let cell = 0, at = 2 * from; cell < cells; cell += 1, at += 2) {
      const re = vis[at]!;
      const im = vis[at + 1]!;
      powers[cell] = Math.fround(Math.fround(re * re) + Math.fround(im * im));
    }
    // Apart from the loop above, so that no power is read back before it is stored.
    for (let cell = 0; cell < cells; cell += 1) codes[to + cell] = table[halves[2 * cell + 1]!]!;
    takeOverFlags(codes.subarray(to, to + cells), flags.subarray(from, from + cells), none);
    if (isAutocorrelation(layout, row))
      replaceAmplitudes(codes.subarray(to, to + cells), reasonCode("autocorrelation"));
  }
}

function takeOverFlags(codes: Uint8Array, flags: Uint8Array, none: Uint8Array): void {
  // Mostly there are none, and comparing bytes takes no time.
  if (Buffer.compare(flags, none) === 0) return;
  for (let at = 0; at < flags.length; at += 1)
    if (flags[at] !== 0) codes[at] = reasonCode("earlier");
}

function replaceAmplitudes(codes: Uint8Array, reason: number): void {
  for (let at = 0; at < codes.length; at += 1)
    if (codes[at]! >= AMPLITUDE_FIRST) codes[at] = reason;
}
