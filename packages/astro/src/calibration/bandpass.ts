/**
 * A bandpass: every antenna's complex gain in every channel and polarization, each solved on its
 * own from the normal equations of the whole observation.
 *
 * A solution is flagged, and its gain is then 1, where the antenna is not used, has too few
 * baselines, where the channel's iteration did not converge, or where its signal-to-noise ratio is
 * below the limit. Gains are absolute: |g|² turns Jy into the correlator's units.
 */
import { createGainMatrices, dominantEigenvector, stefcal, type GainMatrices } from "./stefcal.ts";
import type { NormalEquations } from "./normal-equations.ts";

export interface BandpassOptions {
  /** Channels that share a solution. 1 where the signal allows. */
  readonly channelsPerSolution: number;
  /** Relative change of the gains that ends the iteration. */
  readonly tolerance: number;
  readonly iterationsMax: number;
  /** An antenna with fewer baselines to other usable ones has no solution in a channel. */
  readonly baselinesMin: number;
  /** Of one solution. */
  readonly snrMin: number;
  /** Taken off before channels are summed and put back into the gains. */
  readonly delays?: KnownDelays;
}

export interface KnownDelays {
  /** Of the solution. */
  readonly polarizationCount: number;
  /** [antenna, solved polarization]. */
  readonly seconds: Float64Array;
  /** [channel of all channels]. */
  readonly frequencyHz: Float64Array;
}

export const BANDPASS_DEFAULTS: BandpassOptions = {
  channelsPerSolution: 1,
  tolerance: 1e-5,
  iterationsMax: 200,
  baselinesMin: 4,
  snrMin: 3,
};

/** All arrays are [antenna, channel of all channels, solved polarization]. */
export interface BandpassArrays {
  readonly antennaCount: number;
  readonly channelCount: number;
  readonly polarizationCount: number;
  /** Complex. 1 where flagged. */
  readonly gains: Float32Array;
  /** Rms of the complex error, in units of the gain. 0 where flagged. */
  readonly error: Float32Array;
  /** |gain| / error; 0 where there was no solution at all, kept where it was too low. */
  readonly snr: Float32Array;
  /**
   * Rms of a visibility of the antenna, over what the gains predict, in units of the model (Jy):
   * receiver noise, and sources outside the model. Infinite for a gain of 0, 0 without data.
   */
  readonly noise: Float32Array;
  readonly flags: Uint8Array;
  /** [channel, solved polarization]; 0 where nothing was solved, negative if not converged. */
  readonly iterations: Int16Array;
}

export interface BaselineAntennas {
  readonly antenna1: Int32Array;
  readonly antenna2: Int32Array;
}

/** Work space for one channel and polarization after another. */
interface Workspace {
  readonly matrices: GainMatrices;
  readonly gains: Float64Array;
  /** The last accepted solution of this polarization: the next channel's start. */
  readonly previous: Float64Array;
  hasPrevious: boolean;
}

/**
 * Solves the channels of the equations' range into `out`.
 * @param antennaIsUsed [antenna] 0 or 1
 */
export function solveBandpass(
  equations: NormalEquations,
  baselines: BaselineAntennas,
  antennaIsUsed: Uint8Array,
  options: BandpassOptions,
  out: BandpassArrays,
): void {
  const { first, end } = equations.range;
  for (let solved = 0; solved < equations.polarizations.length; solved += 1) {
    const work: Workspace = {
      matrices: createGainMatrices(out.antennaCount),
      gains: new Float64Array(2 * out.antennaCount),
      previous: new Float64Array(2 * out.antennaCount),
      hasPrevious: false,
    };
    for (let channel = first; channel < end; channel += options.channelsPerSolution) {
      const blockEnd = Math.min(end, channel + options.channelsPerSolution);
      const block = { first: channel, end: blockEnd, solved };
      gather(equations, baselines, antennaIsUsed, block, options.delays, work.matrices);
      dropThinAntennas(work.matrices, options.baselinesMin);
      const iterations = solveBlock(work, options);
      for (let target = channel; target < blockEnd; target += 1)
        store(work, iterations, options, target, solved, out);
    }
  }
}

/** Fills the matrices with the sums over a block of channels. */
function gather(
  equations: NormalEquations,
  baselines: BaselineAntennas,
  antennaIsUsed: Uint8Array,
  { first, end, solved }: { first: number; end: number; solved: number },
  delays: KnownDelays | undefined,
  matrices: GainMatrices,
): void {
  const { dataTimesModel, modelPower, range } = equations;
  const rangeLength = range.end - range.first;
  const solvedCount = equations.polarizations.length;
  for (let baseline = 0; baseline < equations.baselineCount; baseline += 1) {
    const p = baselines.antenna1[baseline]!;
    const q = baselines.antenna2[baseline]!;
    let re = 0;
    let im = 0;
    let power = 0;
    if (antennaIsUsed[p] === 1 && antennaIsUsed[q] === 1)
      for (let channel = first; channel < end; channel += 1) {
        const at = (baseline * rangeLength + channel - range.first) * solvedCount + solved;
        const [dataRe, dataIm] = [dataTimesModel[2 * at]!, dataTimesModel[2 * at + 1]!];
        const angle = delays === undefined ? 0 : delayPhase(delays, channel, solved, q, p);
        const [cos, sin] = angle === 0 ? [1, 0] : [Math.cos(angle), Math.sin(angle)];
        re += dataRe * cos - dataIm * sin;
        im += dataRe * sin + dataIm * cos;
        power += modelPower[at]!;
      }
    setHermitian(matrices, p, q, re, im, power);
  }
}

/** 2π (τ_p − τ_q) (ν − ν of the middle channel); q absent: of p alone. */
function delayPhase(
  { polarizationCount, seconds, frequencyHz }: KnownDelays,
  channel: number,
  solved: number,
  p: number,
  q?: number,
): number {
  const own = seconds[p * polarizationCount + solved]!;
  const other = q === undefined ? 0 : seconds[q * polarizationCount + solved]!;
  return (
    2 * Math.PI * (own - other) * (frequencyHz[channel]! - frequencyHz[frequencyHz.length >> 1]!)
  );
}

function setHermitian(
  { antennaCount, re, im, power }: GainMatrices,
  p: number,
  q: number,
  valueRe: number,
  valueIm: number,
  valuePower: number,
): void {
  const upper = p * antennaCount + q;
  const lower = q * antennaCount + p;
  re[upper] = valueRe;
  re[lower] = valueRe;
  im[upper] = valueIm;
  im[lower] = -valueIm;
  power[upper] = valuePower;
  power[lower] = valuePower;
}

/** Clears antennas with fewer than `baselinesMin` baselines until all that are left have as many. */
function dropThinAntennas(matrices: GainMatrices, baselinesMin: number): void {
  const { antennaCount, power } = matrices;
  let dropped = true;
  while (dropped) {
    dropped = false;
    for (let p = 0; p < antennaCount; p += 1) {
      let count = 0;
      for (let q = 0; q < antennaCount; q += 1) if (power[p * antennaCount + q]! > 0) count += 1;
      if (count === 0 || count >= baselinesMin) continue;
      for (let q = 0; q < antennaCount; q += 1) setHermitian(matrices, p, q, 0, 0, 0);
      dropped = true;
    }
  }
}

/** Returns the iterations, negative if they did not converge, 0 if there was nothing to solve. */
function solveBlock(work: Workspace, options: BandpassOptions): number {
  const { matrices, gains, previous } = work;
  if (matrices.power.every((power) => power === 0)) {
    gains.fill(0);
    return 0;
  }
  if (work.hasPrevious) gains.set(previous);
  else dominantEigenvector(matrices, gains);
  let result = stefcal(matrices, gains, options.tolerance, options.iterationsMax);
  if (!result.converged && work.hasPrevious) {
    // The neighbor misled it, say across a gap: begin again without it.
    dominantEigenvector(matrices, gains);
    result = stefcal(matrices, gains, options.tolerance, options.iterationsMax);
  }
  if (!result.converged) return -result.iterations;
  previous.set(gains);
  work.hasPrevious = true;
  return result.iterations;
}

function store(
  work: Workspace,
  iterations: number,
  { snrMin, delays }: BandpassOptions,
  channel: number,
  solved: number,
  out: BandpassArrays,
): void {
  const { matrices, gains } = work;
  const { variance, residual } = residualsOf(matrices, gains);
  out.iterations[channel * out.polarizationCount + solved] = iterations;
  for (let p = 0; p < out.antennaCount; p += 1) {
    const at = (p * out.channelCount + channel) * out.polarizationCount + solved;
    const information = informationOf(matrices, gains, p);
    const error = information > 0 ? Math.sqrt(variance / information) : 0;
    const amplitude = Math.hypot(gains[2 * p]!, gains[2 * p + 1]!);
    // Exact data have no error: an infinite ratio is right then. Without data there is no gain.
    const snr = amplitude > 0 ? amplitude / error : 0;
    const isGood = iterations > 0 && snr >= snrMin;
    out.flags[at] = isGood ? 0 : 1;
    out.snr[at] = snr;
    out.noise[at] = amplitude > 0 ? Math.sqrt(residual[p]! / responseOf(matrices, gains, p)) : 0;
    out.error[at] = isGood ? error : 0;
    const angle = delays === undefined ? 0 : delayPhase(delays, channel, solved, p);
    const [cos, sin] = angle === 0 ? [1, 0] : [Math.cos(angle), Math.sin(angle)];
    const [re, im] = [gains[2 * p]!, gains[2 * p + 1]!];
    out.gains[2 * at] = isGood ? re * cos - im * sin : 1;
    out.gains[2 * at + 1] = isGood ? re * sin + im * cos : 0;
  }
}

/** Σ_q B_pq |g_q|²: the inverse of the error's variance for unit variance of the visibilities. */
export function informationOf(
  { antennaCount, power }: GainMatrices,
  gains: Float64Array,
  p: number,
): number {
  let sum = 0;
  for (let q = 0; q < antennaCount; q += 1)
    sum += power[p * antennaCount + q]! * (gains[2 * q]! ** 2 + gains[2 * q + 1]! ** 2);
  return sum;
}

/** |g_p|² Σ_q |g_q|² over baselines with data: what scales an antenna's residual power to Jy². */
function responseOf({ antennaCount, power }: GainMatrices, gains: Float64Array, p: number): number {
  let sum = 0;
  for (let q = 0; q < antennaCount; q += 1)
    if (power[p * antennaCount + q]! > 0) sum += gains[2 * q]! ** 2 + gains[2 * q + 1]! ** 2;
  return sum * (gains[2 * p]! ** 2 + gains[2 * p + 1]! ** 2);
}

/**
 * What the gains leave unexplained, thermal noise and sources outside the model alike:
 * B |A / B − g_p conj(g_q)|², summed for each antenna over its baselines (`residual`), and over all
 * baselines by their number less the antennas' (`variance` of a measured visibility).
 */
export function residualsOf(
  { antennaCount, re, im, power }: GainMatrices,
  gains: Float64Array,
): { variance: number; residual: Float64Array } {
  const residual = new Float64Array(antennaCount);
  let sum = 0;
  let freedom = 0;
  for (let p = 0; p < antennaCount; p += 1) {
    const pRe = gains[2 * p]!;
    const pIm = gains[2 * p + 1]!;
    if (pRe !== 0 || pIm !== 0) freedom -= 1;
    for (let q = p + 1; q < antennaCount; q += 1) {
      const at = p * antennaCount + q;
      const weight = power[at]!;
      if (weight === 0) continue;
      const residualRe = re[at]! / weight - (pRe * gains[2 * q]! + pIm * gains[2 * q + 1]!);
      const residualIm = im[at]! / weight - (pIm * gains[2 * q]! - pRe * gains[2 * q + 1]!);
      const share = weight * (residualRe * residualRe + residualIm * residualIm);
      residual[p] = residual[p]! + share;
      residual[q] = residual[q]! + share;
      sum += share;
      freedom += 1;
    }
  }
  return { variance: freedom > 0 ? sum / freedom : Infinity, residual };
}
