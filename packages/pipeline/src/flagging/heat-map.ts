/** A table of percentages as a picture: one pixel a value, dark for none, bright for all. */
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

/** Square roots: a percent must be told from none, and few tiles have more than ten. */
export function heatColor(percent: number): Rgb {
  const position = Math.sqrt(Math.min(100, Math.max(0, percent)) / 100) * (COLORS.length - 1);
  const index = Math.min(Math.floor(position), COLORS.length - 2);
  const [low, high] = [COLORS[index]!, COLORS[index + 1]!];
  const mix = (part: 0 | 1 | 2): number =>
    Math.round(low[part] + (position - index) * (high[part] - low[part]));
  return [mix(0), mix(1), mix(2)];
}

/** @param rows the first on top */
export function heatMapPng(rows: readonly (readonly number[])[]): Buffer {
  const height = rows.length;
  const width = rows[0]?.length ?? 0;
  const rgb = Uint8Array.from(
    rows.flatMap((row) => row.flatMap((percent) => [...heatColor(percent)])),
  );
  return encodePng({ width, height, rgb });
}
