/** A table of percentages as a picture: dark for none, bright for all. */
import { encodePng } from "@contimg/formats";

type Rgb = readonly [number, number, number];

/** Near black through violet and orange to pale yellow; even steps look even. */
const COLORS: readonly Rgb[] = [
  [24, 22, 40],
  [72, 24, 100],
  [140, 38, 110],
  [200, 62, 80],
  [238, 108, 41],
  [250, 175, 45],
  [252, 255, 200],
];

/** 0…1 along the colors. Square roots: a percent must be told from none, and few have ten. */
export function heatPosition(percent: number): number {
  return Math.sqrt(Math.min(100, Math.max(0, percent)) / 100);
}

export function heatColor(percent: number): Rgb {
  const position = heatPosition(percent) * (COLORS.length - 1);
  const index = Math.min(Math.floor(position), COLORS.length - 2);
  const [low, high] = [COLORS[index]!, COLORS[index + 1]!];
  const mix = (part: 0 | 1 | 2): number =>
    Math.round(low[part] + (position - index) * (high[part] - low[part]));
  return [mix(0), mix(1), mix(2)];
}

/**
 * Each value a block of pixels, about `width` by `height` in all: viewers that enlarge a picture
 * would smear single pixels.
 * @param rows the first on top
 */
export function heatMapPng(
  rows: readonly (readonly number[])[],
  width: number,
  height: number,
): Buffer {
  const columnCount = rows[0]?.length ?? 0;
  const across = Math.ceil(width / Math.max(1, columnCount));
  const down = Math.ceil(height / Math.max(1, rows.length));
  const rgb = new Uint8Array(3 * columnCount * across * rows.length * down);
  let at = 0;
  for (const row of rows)
    for (let line = 0; line < down; line += 1)
      for (const percent of row) {
        const color = heatColor(percent);
        for (let column = 0; column < across; column += 1, at += 3) rgb.set(color, at);
      }
  return encodePng({ width: columnCount * across, height: rows.length * down, rgb });
}
