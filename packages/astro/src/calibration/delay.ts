/**
 * Delays: the slope of a receptor's phase over the band, against the reference antenna's.
 *
 * A gain with a delay turns as exp(2πi τ (ν − ν₀)), CASA's sign for K Jones. The slope is found
 * from phase steps between channels one apart, then 2, 4, 8 … apart, so that no step is longer than
 * half a turn, and at last by a straight line. Delays beyond half a turn a channel are not told
 * apart from shorter ones.
 */
import { wrapHalfTurn } from "../angle.ts";
import type { BandpassArrays } from "./bandpass.ts";

export interface DelayFit {
  readonly delaySeconds: number;
  /** From the scatter about the line; bandpass ripple counts as scatter. */
  readonly errorSeconds: number;
  /** Length of the mean of unit phasors once the slope is off: 1 for a pure delay. */
  readonly coherence: number;
  readonly channelCount: number;
}

/** All arrays are [antenna, polarization]. */
export interface DelayArrays {
  readonly antennaCount: number;
  readonly polarizationCount: number;
  readonly delaySeconds: Float64Array;
  readonly errorSeconds: Float64Array;
  /** 1 where too few channels have solutions. */
  readonly flags: Uint8Array;
}

/** A line through fewer says nothing. */
const CHANNELS_MIN = 4;

/** Delays of all receptors against the reference antenna's own. */
export function fitDelays(
  arrays: BandpassArrays,
  frequencyHz: Float64Array,
  referenceAntenna: number,
): DelayArrays {
  const { antennaCount, polarizationCount } = arrays;
  const count = antennaCount * polarizationCount;
  const delaySeconds = new Float64Array(count);
  const errorSeconds = new Float64Array(count);
  const flags = new Uint8Array(count).fill(1);
  for (let at = 0; at < count; at += 1) {
    const antenna = Math.floor(at / polarizationCount);
    const fit = fitDelay(
      phasors(arrays, antenna, at % polarizationCount, referenceAntenna),
      frequencyHz,
    );
    if (fit === undefined) continue;
    delaySeconds[at] = fit.delaySeconds;
    errorSeconds[at] = fit.errorSeconds;
    flags[at] = 0;
  }
  return { antennaCount, polarizationCount, delaySeconds, errorSeconds, flags };
}

/**
 * @param phasor [channel] complex, of length 1, or 0 where there is none
 * @returns undefined when fewer than four channels have one
 */
export function fitDelay(phasor: Float64Array, frequencyHz: Float64Array): DelayFit | undefined {
  const used = [...frequencyHz.keys()].filter(
    (k) => phasor[2 * k] !== 0 || phasor[2 * k + 1] !== 0,
  );
  if (used.length < CHANNELS_MIN) return undefined;
  let delaySeconds = 0;
  for (let lag = 1; lag < frequencyHz.length; lag *= 2)
    delaySeconds += stepOverLag(phasor, frequencyHz, lag, delaySeconds);
  return lineThrough(phasor, frequencyHz, used, delaySeconds);
}

/** Correction to the delay from the mean phase step over so many channels. */
function stepOverLag(
  phasor: Float64Array,
  frequencyHz: Float64Array,
  lag: number,
  delaySeconds: number,
): number {
  let re = 0;
  let im = 0;
  let stepHz = 0;
  let count = 0;
  for (let before = 0; before + lag < frequencyHz.length; before += 1) {
    const after = before + lag;
    const [aRe, aIm] = [phasor[2 * after]!, phasor[2 * after + 1]!];
    const [bRe, bIm] = [phasor[2 * before]!, phasor[2 * before + 1]!];
    const productRe = aRe * bRe + aIm * bIm;
    const productIm = aIm * bRe - aRe * bIm;
    if (productRe === 0 && productIm === 0) continue;
    const differenceHz = frequencyHz[after]! - frequencyHz[before]!;
    const angle = -2 * Math.PI * delaySeconds * differenceHz;
    re += productRe * Math.cos(angle) - productIm * Math.sin(angle);
    im += productRe * Math.sin(angle) + productIm * Math.cos(angle);
    stepHz += differenceHz;
    count += 1;
  }
  return count === 0 ? 0 : Math.atan2(im, re) / (2 * Math.PI * (stepHz / count));
}

/** Least squares through what is left of the phases; they no longer wrap. */
function lineThrough(
  phasor: Float64Array,
  frequencyHz: Float64Array,
  used: readonly number[],
  delaySeconds: number,
): DelayFit {
  const meanHz = used.reduce((sum, k) => sum + frequencyHz[k]!, 0) / used.length;
  const turned = used.map((k) => {
    const angle = -2 * Math.PI * delaySeconds * (frequencyHz[k]! - meanHz);
    const [re, im] = [phasor[2 * k]!, phasor[2 * k + 1]!];
    return [
      re * Math.cos(angle) - im * Math.sin(angle),
      re * Math.sin(angle) + im * Math.cos(angle),
    ] as const;
  });
  const meanRe = turned.reduce((sum, [re]) => sum + re, 0) / used.length;
  const meanIm = turned.reduce((sum, [, im]) => sum + im, 0) / used.length;
  const meanPhase = Math.atan2(meanIm, meanRe);
  const phases = turned.map(([re, im]) => wrapHalfTurn(Math.atan2(im, re) - meanPhase));
  const offsets = used.map((k) => frequencyHz[k]! - meanHz);
  const spread = offsets.reduce((sum, offset) => sum + offset ** 2, 0);
  const offset = phases.reduce((sum, phase) => sum + phase, 0) / used.length;
  const slope = phases.reduce((sum, phase, k) => sum + phase * offsets[k]!, 0) / spread;
  const squares = phases.reduce(
    (sum, phase, k) => sum + (phase - offset - slope * offsets[k]!) ** 2,
    0,
  );
  return {
    delaySeconds: delaySeconds + slope / (2 * Math.PI),
    errorSeconds: Math.sqrt(squares / (used.length - 2) / spread) / (2 * Math.PI),
    coherence: Math.hypot(meanRe, meanIm),
    channelCount: used.length,
  };
}

/** g_p conj(g_reference) / |…| by channel, 0 where either is flagged. */
function phasors(
  { channelCount, polarizationCount, gains, flags }: BandpassArrays,
  antenna: number,
  pol: number,
  reference: number,
): Float64Array {
  const result = new Float64Array(2 * channelCount);
  for (let channel = 0; channel < channelCount; channel += 1) {
    const p = (antenna * channelCount + channel) * polarizationCount + pol;
    const r = (reference * channelCount + channel) * polarizationCount + pol;
    if (flags[p] !== 0 || flags[r] !== 0) continue;
    const re = gains[2 * p]! * gains[2 * r]! + gains[2 * p + 1]! * gains[2 * r + 1]!;
    const im = gains[2 * p + 1]! * gains[2 * r]! - gains[2 * p]! * gains[2 * r + 1]!;
    const size = Math.hypot(re, im);
    if (size === 0) continue;
    result[2 * channel] = re / size;
    result[2 * channel + 1] = im / size;
  }
  return result;
}
