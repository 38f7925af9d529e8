/**
 * What is usual over the baselines of one time, channel and polarization: the median amplitude,
 * and the limit above which a baseline stands out. From a sample of about five hundred
 * baselines, which leaves a median 2 % uncertain.
 */
import { CODE_COUNT, type LimitTable } from "./amplitude-code.ts";
import { AMPLITUDE_FIRST } from "./reasons.ts";
import { cellCount, isAutocorrelation, type TileCodes, type TileLayout } from "./tile-layout.ts";

const SAMPLED_ROWS_MAX = 512;
/** Fewer baselines say nothing about which of them stands out. */
const USABLE_MIN = 8;

export interface Levels {
  /** [time, channel, polarization]: the median's byte with its fraction; NaN without enough. */
  readonly level: Float32Array;
  /** [time, channel, polarization]: the largest byte allowed on a baseline. */
  readonly limit: Uint8Array;
}

export function allocateLevels(layout: TileLayout, isShared: boolean): Levels {
  const count = layout.timeCount * cellCount(layout);
  if (!isShared) return { level: new Float32Array(count), limit: new Uint8Array(count) };
  return {
    level: new Float32Array(new SharedArrayBuffer(4 * count)),
    limit: new Uint8Array(new SharedArrayBuffer(count)),
  };
}

/** Fills the levels of one time. */
export function measureLevels(
  layout: TileLayout,
  codes: TileCodes,
  time: number,
  limits: LimitTable,
  { level, limit }: Levels,
): void {
  const cells = cellCount(layout);
  const histograms = countCodes(layout, codes, time);
  for (let cell = 0; cell < cells; cell += 1) {
    const histogram = histograms.subarray(cell * CODE_COUNT, (cell + 1) * CODE_COUNT);
    const count = sumFrom(histogram, AMPLITUDE_FIRST);
    const at = time * cells + cell;
    level[at] = count < USABLE_MIN ? Number.NaN : medianOf(histogram, count);
    limit[at] = count < USABLE_MIN ? CODE_COUNT - 1 : limitOf(histogram, count, level[at], limits);
  }
}

/** [channel, polarization, code]. */
function countCodes(layout: TileLayout, codes: TileCodes, time: number): Uint16Array {
  const cells = cellCount(layout);
  const histograms = new Uint16Array(cells * CODE_COUNT);
  const rows = crossRows(layout);
  const step = Math.ceil(rows.length / SAMPLED_ROWS_MAX);
  for (let index = 0; index < rows.length; index += step) {
    const from = (time * layout.rowCount + rows[index]!) * cells;
    for (let cell = 0; cell < cells; cell += 1) {
      const at = cell * CODE_COUNT + codes[from + cell]!;
      histograms[at] = histograms[at]! + 1;
    }
  }
  return histograms;
}

export function crossRows(layout: TileLayout): number[] {
  const rows = Array.from({ length: layout.rowCount }, (_, row) => row);
  return rows.filter((row) => !isAutocorrelation(layout, row));
}

function sumFrom(histogram: Uint16Array | Uint32Array, first: number): number {
  let sum = 0;
  for (let code = first; code < CODE_COUNT; code += 1) sum += histogram[code]!;
  return sum;
}

/** The median of amplitude bytes, taken as spread evenly over their step. */
export function medianOf(histogram: Uint16Array | Uint32Array, count: number): number {
  let below = 0;
  for (let code = AMPLITUDE_FIRST; code < CODE_COUNT; code += 1) {
    const here = histogram[code]!;
    if (below + here > count / 2) return code - 0.5 + (count / 2 - below) / here;
    below += here;
  }
  return Number.NaN;
}

function limitOf(
  histogram: Uint16Array | Uint32Array,
  count: number,
  level: number,
  limits: LimitTable,
): number {
  const median = Math.round(level);
  let near = 0;
  let index = -1;
  while (near <= count / 2 && index < limits.order.length - 1) {
    index += 1;
    const code = median + limits.order[index]!;
    if (code >= AMPLITUDE_FIRST && code < CODE_COUNT) near += histogram[code]!;
  }
  return Math.min(CODE_COUNT - 1, median + limits.limit[index]!);
}
