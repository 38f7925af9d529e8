/** The colors of previews: which brightness, in units of the noise, looks how. Pure. */
import type { Rgb } from "./draw.ts";

/** Black sky through blue, magenta and orange to pale yellow; even steps look even. */
const COLORS: readonly Rgb[] = [
  [3, 4, 14],
  [34, 12, 74],
  [95, 19, 110],
  [152, 40, 100],
  [203, 66, 76],
  [238, 108, 41],
  [250, 163, 25],
  [246, 214, 92],
  [252, 255, 200],
];
/** Noise shows as texture: black is this many σ below zero. */
export const BLACK_SIGMA = -1.5;
/** The stretch is linear up to about here and logarithmic beyond. */
const KNEE_SIGMA = 4;
export const WHITE_SIGMA = 300;

/** @returns 0…1; 0 for NaN */
export function stretch(sigmas: number): number {
  const black = Math.asinh(BLACK_SIGMA / KNEE_SIGMA);
  const white = Math.asinh(WHITE_SIGMA / KNEE_SIGMA);
  const level = (Math.asinh(sigmas / KNEE_SIGMA) - black) / (white - black);
  return Number.isNaN(level) ? 0 : Math.min(1, Math.max(0, level));
}

export function colorOf(level: number): Rgb {
  const position = level * (COLORS.length - 1);
  const index = Math.min(Math.floor(position), COLORS.length - 2);
  const share = position - index;
  const [low, high] = [COLORS[index]!, COLORS[index + 1]!];
  const mix = (channel: 0 | 1 | 2): number =>
    Math.round(low[channel] * (1 - share) + high[channel] * share);
  return [mix(0), mix(1), mix(2)];
}
