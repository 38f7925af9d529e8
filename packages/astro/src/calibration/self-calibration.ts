/**
 * Self-calibration: what the gains of calibrated data still lack, found with the model of an image
 * of those data. One complex number an antenna, receptor and interval, for all channels together.
 *
 * Each integration has its own normal equations A = Σ w V conj(M), B = Σ w |M|², summed over
 * channels; intervals are sums of them, so one pass through the data serves any interval.
 * Source: Cornwell & Fomalont (1999), Synthesis Imaging II, ch. 10; gains as in stefcal.ts.
 */
import { addGainMatrices, createGainMatrices, type GainMatrices } from "./stefcal.ts";
import { solveTimeGains, type TimeGains } from "./time-gains.ts";

/** One row of visibilities and what the model says of it: [channel, polarization]. */
export interface ModelledSlab {
  /** Complex, [row, channel, polarization], as are all of these. */
  readonly vis: Float32Array;
  readonly model: Float32Array;
  readonly flags: Uint8Array;
  readonly weights: Float32Array;
  readonly channelCount: number;
  readonly polarizationCount: number;
}

export interface ModelledRows {
  readonly antenna1: Int32Array;
  readonly antenna2: Int32Array;
}

/** [integration or interval][solved polarization]. */
export type MatricesInTime = readonly (readonly GainMatrices[])[];

export interface IntervalGains extends TimeGains {
  /** [interval] the first integration after it. */
  readonly ends: readonly number[];
}

/**
 * Adds the rows of one integration, those of two different antennas.
 * @param polarizations the solved ones along the slab's axis, as the matrices have them
 */
export function addModelled(
  matrices: readonly GainMatrices[],
  slab: ModelledSlab,
  { antenna1, antenna2 }: ModelledRows,
  polarizations: readonly number[],
): void {
  const { vis, model, flags, weights, channelCount, polarizationCount } = slab;
  for (let row = 0; row < antenna1.length; row += 1) {
    const [p, q] = [antenna1[row]!, antenna2[row]!];
    if (p === q) continue;
    for (const [solved, pol] of polarizations.entries()) {
      let [re, im, power] = [0, 0, 0];
      for (let channel = 0; channel < channelCount; channel += 1) {
        const at = (row * channelCount + channel) * polarizationCount + pol;
        const weight = weights[at]!;
        if (flags[at] !== 0 || !(weight > 0)) continue;
        const [vRe, vIm] = [vis[2 * at]!, vis[2 * at + 1]!];
        const [mRe, mIm] = [model[2 * at]!, model[2 * at + 1]!];
        re += weight * (vRe * mRe + vIm * mIm);
        im += weight * (vIm * mRe - vRe * mIm);
        power += weight * (mRe * mRe + mIm * mIm);
      }
      addPair(matrices[solved]!, p, q, re, im, power);
    }
  }
}

function addPair(to: GainMatrices, p: number, q: number, re: number, im: number, power: number) {
  const upper = p * to.antennaCount + q;
  const lower = q * to.antennaCount + p;
  to.re[upper] = to.re[upper]! + re;
  to.re[lower] = to.re[upper]!;
  to.im[upper] = to.im[upper]! + im;
  to.im[lower] = -to.im[upper];
  to.power[upper] = to.power[upper]! + power;
  to.power[lower] = to.power[upper]!;
}

/** @param ends [interval] the first integration after it */
export function sumIntervals(all: MatricesInTime, ends: readonly number[]): GainMatrices[][] {
  return ends.map((end, interval) => {
    const members = all.slice(interval === 0 ? 0 : ends[interval - 1], end);
    return all[0]!.map(({ antennaCount }, pol) => {
      const sum = createGainMatrices(antennaCount);
      for (const one of members) addGainMatrices(sum, one[pol]!);
      return sum;
    });
  });
}

/** The matrices of the data after gains are taken off: A conj(G), B |G|² with G = g_p conj(g_q). */
export function correctMatrices(all: MatricesInTime, by: IntervalGains): GainMatrices[][] {
  return all.map((matrices, integration) => {
    const interval = intervalOf(by, integration);
    return matrices.map((one, pol) => correctOne(one, by, interval, pol));
  });
}

function correctOne(
  { antennaCount, re, im, power }: GainMatrices,
  { gains, polarizationCount }: IntervalGains,
  interval: number,
  pol: number,
): GainMatrices {
  const out = createGainMatrices(antennaCount);
  for (let p = 0; p < antennaCount; p += 1)
    for (let q = 0; q < antennaCount; q += 1) {
      const cell = p * antennaCount + q;
      const atP = 2 * ((interval * antennaCount + p) * polarizationCount + pol);
      const atQ = 2 * ((interval * antennaCount + q) * polarizationCount + pol);
      const gRe = gains[atP]! * gains[atQ]! + gains[atP + 1]! * gains[atQ + 1]!;
      const gIm = gains[atP + 1]! * gains[atQ]! - gains[atP]! * gains[atQ + 1]!;
      out.re[cell] = re[cell]! * gRe + im[cell]! * gIm;
      out.im[cell] = im[cell]! * gRe - re[cell]! * gIm;
      out.power[cell] = power[cell]! * (gRe * gRe + gIm * gIm);
    }
  return out;
}

/** Of an integration. */
export function intervalOf({ ends }: IntervalGains, integration: number): number {
  return ends.findIndex((end) => integration < end);
}

/**
 * χ²: the mean of |A − B|² / B over baselines, intervals and polarizations, which is the power of
 * what the model leaves along itself. With weights of 1/σ² noise alone gives 1 whatever the model;
 * with relative ones only the ratio of two means something. 0 without data.
 */
export function chiSquareOf(all: MatricesInTime): number {
  let [sum, count] = [0, 0];
  for (const { antennaCount, re, im, power } of all.flat())
    for (let p = 0; p < antennaCount; p += 1)
      for (let q = p + 1; q < antennaCount; q += 1) {
        const cell = p * antennaCount + q;
        if (!(power[cell]! > 0)) continue;
        sum += ((re[cell]! - power[cell]!) ** 2 + im[cell]! ** 2) / power[cell]!;
        count += 1;
      }
  return count === 0 ? 0 : sum / count;
}

/** Phases by interval, |g| = 1; 1 where the ratio of signal to noise is below the least. */
export function solvePhases(
  all: MatricesInTime,
  ends: readonly number[],
  snrMin: number,
): IntervalGains {
  const solved = { ...solveTimeGains(sumIntervals(all, ends)), ends };
  const { gains, flags } = solved;
  flagNoisy(solved, snrMin);
  for (let at = 0; at < flags.length; at += 1) {
    const size = Math.hypot(gains[2 * at]!, gains[2 * at + 1]!);
    gains[2 * at] = gains[2 * at]! / size;
    gains[2 * at + 1] = gains[2 * at + 1]! / size;
  }
  centerPhases(solved);
  return solved;
}

/** One gain for the whole time, its amplitude 1 in the geometric mean: the flux scale stays. */
export function solveAmplitudes(all: MatricesInTime, snrMin: number): IntervalGains {
  const ends = [all.length];
  const solved = { ...solveTimeGains(sumIntervals(all, ends)), ends };
  flagNoisy(solved, snrMin);
  const { polarizationCount, gains, flags } = solved;
  for (let pol = 0; pol < polarizationCount; pol += 1) {
    const own = [...flags.keys()].filter((at) => at % polarizationCount === pol && flags[at] === 0);
    const logs = own.map((at) => Math.log(Math.hypot(gains[2 * at]!, gains[2 * at + 1]!)));
    const mean = Math.exp(logs.reduce((sum, log) => sum + log, 0) / Math.max(1, logs.length));
    for (const at of own) {
      gains[2 * at] = gains[2 * at]! / mean;
      gains[2 * at + 1] = gains[2 * at + 1]! / mean;
    }
  }
  centerPhases(solved);
  return solved;
}

function flagNoisy({ gains, snr, error, flags }: TimeGains, snrMin: number): void {
  for (let at = 0; at < flags.length; at += 1) {
    if (flags[at] === 0 && snr[at]! >= snrMin) continue;
    flags[at] = 1;
    error[at] = 0;
    gains[2 * at] = 1;
    gains[2 * at + 1] = 0;
  }
}

/**
 * Turns each interval so that its mean phase is zero: antennas without a solution stay at 1, and
 * that is only right beside others that are where they were on average.
 */
function centerPhases({ intervalCount, antennaCount, polarizationCount, ...all }: TimeGains): void {
  const { gains, flags } = all;
  for (let interval = 0; interval < intervalCount; interval += 1)
    for (let pol = 0; pol < polarizationCount; pol += 1) {
      const own = Array.from(
        { length: antennaCount },
        (_, antenna) => (interval * antennaCount + antenna) * polarizationCount + pol,
      ).filter((at) => flags[at] === 0);
      let [sumRe, sumIm] = [0, 0];
      for (const at of own) {
        const size = Math.hypot(gains[2 * at]!, gains[2 * at + 1]!);
        sumRe += gains[2 * at]! / size;
        sumIm += gains[2 * at + 1]! / size;
      }
      const length = Math.hypot(sumRe, sumIm);
      if (!(length > 0)) continue;
      const [cos, sin] = [sumRe / length, sumIm / length];
      for (const at of own) {
        const [re, im] = [gains[2 * at]!, gains[2 * at + 1]!];
        gains[2 * at] = re * cos + im * sin;
        gains[2 * at + 1] = im * cos - re * sin;
      }
    }
}

/** Gains by the intervals of the first, each times that of the second, which has only one. */
export function multiplyGains(first: IntervalGains, second: IntervalGains): IntervalGains {
  const perInterval = first.antennaCount * first.polarizationCount;
  const product = {
    ...first,
    gains: Float32Array.from(first.gains),
    flags: Uint8Array.from(first.flags),
  };
  for (let at = 0; at < first.flags.length; at += 1) {
    const other = at % perInterval;
    const [aRe, aIm] = [first.gains[2 * at]!, first.gains[2 * at + 1]!];
    const [bRe, bIm] = [second.gains[2 * other]!, second.gains[2 * other + 1]!];
    product.gains[2 * at] = aRe * bRe - aIm * bIm;
    product.gains[2 * at + 1] = aRe * bIm + aIm * bRe;
    product.flags[at] = first.flags[at]! & second.flags[other]!;
  }
  return product;
}

export interface GainScatter {
  /** Of the antennas with data, intervals and polarizations. */
  readonly solvedFraction: number;
  /** Rms about zero, which is the mean. */
  readonly phaseRad: number;
  /** Rms of |g| − 1. */
  readonly amplitude: number;
}

/** @param all the matrices that were solved; they tell which antennas have data */
export function gainScatter(
  { gains, flags, ends, antennaCount, polarizationCount }: IntervalGains,
  all: MatricesInTime,
): GainScatter {
  let [present, solved, phase, amplitude] = [0, 0, 0, 0];
  for (const [interval, byPolarization] of sumIntervals(all, ends).entries())
    for (const [pol, { power }] of byPolarization.entries())
      for (let antenna = 0; antenna < antennaCount; antenna += 1) {
        const row = power.subarray(antenna * antennaCount, (antenna + 1) * antennaCount);
        if (!row.some((value) => value > 0)) continue;
        present += 1;
        const at = (interval * antennaCount + antenna) * polarizationCount + pol;
        if (flags[at] !== 0) continue;
        const [re, im] = [gains[2 * at]!, gains[2 * at + 1]!];
        solved += 1;
        phase += Math.atan2(im, re) ** 2;
        amplitude += (Math.hypot(re, im) - 1) ** 2;
      }
  const rms = (sum: number): number => (solved === 0 ? 0 : Math.sqrt(sum / solved));
  return {
    solvedFraction: present === 0 ? 0 : solved / present,
    phaseRad: rms(phase),
    amplitude: rms(amplitude),
  };
}
