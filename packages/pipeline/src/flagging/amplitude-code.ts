/**
 * Amplitudes as bytes on a logarithmic scale, 16 steps an octave: a step is 4.4 %, the range a
 * factor of 30,000. A tile's amplitudes fit into memory that way (172 MB), and on a logarithmic
 * scale the test "above median + k · 1.4826 · MAD" is one of whole steps: both the deviations from
 * a median and the limit above it depend on the number of steps alone.
 */
import { medianInPlace, SIGMA_PER_MAD } from "@contimg/astro";

import { AMPLITUDE_FIRST, reasonCode } from "./reasons.ts";

export const STEPS_PER_OCTAVE = 16;
export const CODE_COUNT = 256;
/** The typical amplitude's byte: seven octaves above the smallest, eight below the largest. */
const TYPICAL_CODE = AMPLITUDE_FIRST + 7 * STEPS_PER_OCTAVE;
const SAMPLED_MAX = 4096;

/** Byte of each power |V|², by the upper half of its float32: to 0.4 % in amplitude. */
export type CodeTable = Uint8Array;

/**
 * Zero, infinite and not a number become "unusable", powers above `powerMax` "clip".
 * @param typicalPower |V|² of the tile's usual visibility
 */
export function createCodeTable(typicalPower: number, amplitudeMax: number | null): CodeTable {
  const table = new Uint8Array(1 << 16).fill(reasonCode("unusable"));
  const float = new Float32Array(1);
  const bits = new Uint32Array(float.buffer);
  const powerMax = amplitudeMax === null ? Infinity : amplitudeMax ** 2;
  // Signs come second: powers are positive, and subnormal ones are as good as zero.
  for (let upper = 0x0080; upper < 0x7f80; upper += 1) {
    bits[0] = ((upper << 16) | 0x8000) >>> 0;
    const power = float[0]!;
    const steps = (STEPS_PER_OCTAVE / 2) * Math.log2(power / typicalPower);
    const code = Math.min(CODE_COUNT - 1, Math.max(AMPLITUDE_FIRST, TYPICAL_CODE + steps));
    table[upper] = power > powerMax ? reasonCode("clip") : Math.round(code);
  }
  return table;
}

/** The amplitude of a byte relative to the typical one; fractions of bytes are fine. */
export function relativeAmplitude(code: number): number {
  return 2 ** ((code - TYPICAL_CODE) / STEPS_PER_OCTAVE);
}

/** Steps that a ratio of amplitudes makes. */
export function stepsOf(ratio: number): number {
  return STEPS_PER_OCTAVE * Math.log2(ratio);
}

/**
 * The median |V|² of an integration's usable visibilities, from an even sample of them; undefined
 * when none is usable.
 */
export function typicalPower(vis: Float32Array, flags: Uint8Array): number | undefined {
  const powers: number[] = [];
  // An odd step meets all polarizations and channels.
  const step = Math.ceil(flags.length / SAMPLED_MAX) | 1;
  for (let at = 0; at < flags.length; at += step) {
    const power = vis[2 * at]! ** 2 + vis[2 * at + 1]! ** 2;
    if (flags[at] === 0 && power > 0 && power < Infinity) powers.push(power);
  }
  if (powers.length > 0) return medianInPlace(Float64Array.from(powers));
  for (let at = 0; at < flags.length; at += 1) {
    const power = vis[2 * at]! ** 2 + vis[2 * at + 1]! ** 2;
    if (flags[at] === 0 && power > 0 && power < Infinity) return power;
  }
  return undefined;
}

/** How to go from a median outwards, nearest first, and which limit follows where one stops. */
export interface LimitTable {
  /** Steps from the median in the order of their deviation in amplitude: 0, −1, 1, −2, … */
  readonly order: Int16Array;
  /** Steps above the median that are still allowed when the MAD is the deviation of the order. */
  readonly limit: Int16Array;
}

/**
 * @param sigma how many robust σ above the median an amplitude may be
 * @param scatterMin σ is at least this share of the median: no noise is no reason to flag
 */
export function createLimitTable(sigma: number, scatterMin: number): LimitTable {
  const steps = Array.from({ length: 2 * CODE_COUNT - 1 }, (_, at) => at - CODE_COUNT + 1);
  const deviation = (step: number): number => Math.abs(2 ** (step / STEPS_PER_OCTAVE) - 1);
  const order = steps.toSorted((a, b) => deviation(a) - deviation(b));
  return {
    order: Int16Array.from(order),
    limit: Int16Array.from(order, (step) => {
      const scatter = Math.max(SIGMA_PER_MAD * deviation(step), scatterMin);
      return Math.min(CODE_COUNT, Math.ceil(stepsOf(1 + sigma * scatter)));
    }),
  };
}
