/**
 * Gains in time, beside a bandpass that holds for the whole observation: one complex number an
 * antenna, receptor and interval, 1 on average, from the channels together.
 *
 * Normal equations only grow while data stream by. At the end of each interval their sums over
 * blocks of channels are noted; differences of two notes are the interval's own normal equations,
 * from which the bandpass is then taken off.
 */
import type { BandpassArrays, BaselineAntennas } from "./bandpass.ts";
import { informationOf, residualsOf } from "./bandpass.ts";
import type { NormalEquations } from "./normal-equations.ts";
import { stefcal, type GainMatrices } from "./stefcal.ts";

/** Sums of normal equations over blocks of channels: [baseline, block, solved polarization]. */
export interface BlockSums {
  readonly blockChannels: number;
  readonly blockCount: number;
  /** Complex. */
  readonly dataTimesModel: Float32Array;
  readonly modelPower: Float32Array;
}

/** Arrays are [interval, antenna, polarization]. */
export interface TimeGains {
  readonly intervalCount: number;
  readonly antennaCount: number;
  readonly polarizationCount: number;
  /** Complex; 1 where flagged. */
  readonly gains: Float32Array;
  readonly error: Float32Array;
  readonly snr: Float32Array;
  readonly flags: Uint8Array;
}

const TOLERANCE = 1e-6;
const ITERATIONS_MAX = 200;

export function sumBlocks(equations: NormalEquations, blockChannels: number): BlockSums {
  const { range, baselineCount, polarizations, dataTimesModel, modelPower } = equations;
  const rangeLength = range.end - range.first;
  const blockCount = Math.ceil(rangeLength / blockChannels);
  const solvedCount = polarizations.length;
  const cellCount = baselineCount * blockCount * solvedCount;
  const sums = {
    blockChannels,
    blockCount,
    dataTimesModel: new Float32Array(2 * cellCount),
    modelPower: new Float32Array(cellCount),
  };
  let from = 0;
  for (let baseline = 0; baseline < baselineCount; baseline += 1)
    for (let channel = 0; channel < rangeLength; channel += 1) {
      const block = Math.floor(channel / blockChannels);
      let to = (baseline * blockCount + block) * solvedCount;
      for (let solved = 0; solved < solvedCount; solved += 1, from += 1, to += 1) {
        sums.dataTimesModel[2 * to] = sums.dataTimesModel[2 * to]! + dataTimesModel[2 * from]!;
        sums.dataTimesModel[2 * to + 1] =
          sums.dataTimesModel[2 * to + 1]! + dataTimesModel[2 * from + 1]!;
        sums.modelPower[to] = sums.modelPower[to]! + modelPower[from]!;
      }
    }
  return sums;
}

/**
 * Adds a range of channels to the matrices of every interval and polarization. Blocks in which
 * either antenna lacks a solution are left out.
 * @param notes at the ends of the intervals, from the first
 * @param matrices [interval][polarization]
 */
export function addIntervals(
  equations: NormalEquations,
  notes: readonly BlockSums[],
  baselines: BaselineAntennas,
  bandpass: BandpassArrays,
  matrices: readonly (readonly GainMatrices[])[],
): void {
  const { range, baselineCount, polarizations } = equations;
  const solvedCount = polarizations.length;
  const { blockChannels = 1, blockCount = 0 } = notes[0] ?? {};
  for (let baseline = 0; baseline < baselineCount; baseline += 1) {
    const p = baselines.antenna1[baseline]!;
    const q = baselines.antenna2[baseline]!;
    for (let block = 0; block < blockCount; block += 1) {
      const first = range.first + block * blockChannels;
      const end = Math.min(range.end, first + blockChannels);
      for (let solved = 0; solved < solvedCount; solved += 1) {
        const product = meanProduct(bandpass, p, q, first, end, solved);
        if (product === undefined) continue;
        const at = (baseline * blockCount + block) * solvedCount + solved;
        addBlock(notes, matrices, { p, q, at, solved }, product);
      }
    }
  }
}

function addBlock(
  notes: readonly BlockSums[],
  matrices: readonly (readonly GainMatrices[])[],
  { p, q, at, solved }: { p: number; q: number; at: number; solved: number },
  [productRe, productIm]: readonly [number, number],
): void {
  const productPower = productRe ** 2 + productIm ** 2;
  let [reBefore, imBefore, powerBefore] = [0, 0, 0];
  for (const [interval, note] of notes.entries()) {
    const re = note.dataTimesModel[2 * at]!;
    const im = note.dataTimesModel[2 * at + 1]!;
    const power = note.modelPower[at]!;
    const target = matrices[interval]![solved]!;
    const upper = p * target.antennaCount + q;
    const lower = q * target.antennaCount + p;
    const dataRe = (re - reBefore) * productRe + (im - imBefore) * productIm;
    const dataIm = (im - imBefore) * productRe - (re - reBefore) * productIm;
    target.re[upper] = target.re[upper]! + dataRe;
    target.re[lower] = target.re[lower]! + dataRe;
    target.im[upper] = target.im[upper]! + dataIm;
    target.im[lower] = target.im[lower]! - dataIm;
    target.power[upper] = target.power[upper]! + (power - powerBefore) * productPower;
    target.power[lower] = target.power[upper]!;
    [reBefore, imBefore, powerBefore] = [re, im, power];
  }
}

/** Mean over the channels of B_p conj(B_q); undefined where a solution is flagged. */
function meanProduct(
  { channelCount, polarizationCount, gains, flags }: BandpassArrays,
  p: number,
  q: number,
  first: number,
  end: number,
  solved: number,
): readonly [number, number] | undefined {
  let re = 0;
  let im = 0;
  for (let channel = first; channel < end; channel += 1) {
    const atP = (p * channelCount + channel) * polarizationCount + solved;
    const atQ = (q * channelCount + channel) * polarizationCount + solved;
    if (flags[atP] !== 0 || flags[atQ] !== 0) return undefined;
    const [pRe, pIm] = [gains[2 * atP]!, gains[2 * atP + 1]!];
    const [qRe, qIm] = [gains[2 * atQ]!, gains[2 * atQ + 1]!];
    re += pRe * qRe + pIm * qIm;
    im += pIm * qRe - pRe * qIm;
  }
  return [re / (end - first), im / (end - first)];
}

/** @param matrices [interval][polarization] */
export function solveTimeGains(matrices: readonly (readonly GainMatrices[])[]): TimeGains {
  const polarizationCount = matrices[0]?.length ?? 0;
  const antennaCount = matrices[0]?.[0]?.antennaCount ?? 0;
  const count = matrices.length * antennaCount * polarizationCount;
  const result = {
    intervalCount: matrices.length,
    antennaCount,
    polarizationCount,
    gains: new Float32Array(2 * count),
    error: new Float32Array(count),
    snr: new Float32Array(count),
    flags: new Uint8Array(count),
  };
  for (const [interval, byPolarization] of matrices.entries())
    for (const [pol, one] of byPolarization.entries()) solveInterval(one, interval, pol, result);
  return result;
}

function solveInterval(
  matrices: GainMatrices,
  interval: number,
  pol: number,
  out: TimeGains,
): void {
  const { antennaCount } = matrices;
  // The bandpass is off, so all gains are near 1; the start keeps their common phase there.
  const gains = Float64Array.from({ length: 2 * antennaCount }, (_, at) => (at + 1) % 2);
  const { converged } = stefcal(matrices, gains, TOLERANCE, ITERATIONS_MAX);
  const { variance } = residualsOf(matrices, gains);
  for (let antenna = 0; antenna < antennaCount; antenna += 1) {
    const at = (interval * antennaCount + antenna) * out.polarizationCount + pol;
    const information = informationOf(matrices, gains, antenna);
    const amplitude = Math.hypot(gains[2 * antenna]!, gains[2 * antenna + 1]!);
    const isGood = converged && information > 0 && amplitude > 0;
    const error = isGood ? Math.sqrt(variance / information) : 0;
    out.flags[at] = isGood ? 0 : 1;
    out.error[at] = error;
    out.snr[at] = isGood ? amplitude / error : 0;
    out.gains[2 * at] = isGood ? gains[2 * antenna]! : 1;
    out.gains[2 * at + 1] = isGood ? gains[2 * antenna + 1]! : 0;
  }
}

export interface TimeStability {
  /** About the antenna's own mean, against the mean of all antennas; the worse receptor's. */
  readonly phaseRmsRad: number;
  /** Of |gain|, which is 1 on average. */
  readonly amplitudeRms: number;
}

/** [antenna]; zeros for one interval, or without solutions. */
export function timeStability(gains: TimeGains): TimeStability[] {
  const { antennaCount, polarizationCount } = gains;
  return Array.from({ length: antennaCount }, (_, antenna) => {
    const receptors = Array.from({ length: polarizationCount }, (__, pol) =>
      receptorStability(gains, antenna, pol),
    );
    return {
      phaseRmsRad: Math.max(0, ...receptors.map((one) => one.phaseRmsRad)),
      amplitudeRms: Math.max(0, ...receptors.map((one) => one.amplitudeRms)),
    };
  });
}

function receptorStability(all: TimeGains, antenna: number, pol: number): TimeStability {
  const { intervalCount, antennaCount, polarizationCount, gains, flags } = all;
  const values = Array.from({ length: intervalCount }, (_, interval) => {
    const at = (interval * antennaCount + antenna) * polarizationCount + pol;
    return flags[at] === 0 ? ([gains[2 * at]!, gains[2 * at + 1]!] as const) : undefined;
  }).filter((value) => value !== undefined);
  if (values.length < 2) return { phaseRmsRad: 0, amplitudeRms: 0 };
  const sizes = values.map(([re, im]) => Math.hypot(re, im));
  const meanRe = values.reduce((sum, [re], k) => sum + re / sizes[k]!, 0) / values.length;
  const meanIm = values.reduce((sum, [, im], k) => sum + im / sizes[k]!, 0) / values.length;
  const meanSize = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  const variance = sizes.reduce((sum, size) => sum + (size - meanSize) ** 2, 0) / sizes.length;
  // Of unit phasors: their mean has the length exp(−σ²/2) for Gaussian phases.
  const length = Math.min(1, Math.hypot(meanRe, meanIm));
  return {
    phaseRmsRad: Math.sqrt(-2 * Math.log(Math.max(length, 1e-9))),
    amplitudeRms: Math.sqrt(variance) / meanSize,
  };
}

/** Turns the gains of each interval so that the reference antenna's phase is zero. */
export function referTimeGains(all: TimeGains, reference: number): void {
  const { intervalCount, antennaCount, polarizationCount, gains, flags } = all;
  for (let interval = 0; interval < intervalCount; interval += 1)
    for (let pol = 0; pol < polarizationCount; pol += 1) {
      const own = (interval * antennaCount + reference) * polarizationCount + pol;
      if (flags[own] !== 0) continue;
      const size = Math.hypot(gains[2 * own]!, gains[2 * own + 1]!);
      const [cos, sin] = [gains[2 * own]! / size, gains[2 * own + 1]! / size];
      for (let antenna = 0; antenna < antennaCount; antenna += 1) {
        const at = (interval * antennaCount + antenna) * polarizationCount + pol;
        if (flags[at] !== 0) continue;
        const [re, im] = [gains[2 * at]!, gains[2 * at + 1]!];
        gains[2 * at] = re * cos + im * sin;
        gains[2 * at + 1] = im * cos - re * sin;
      }
    }
}
