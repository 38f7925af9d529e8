/** What a bandpass is worth: signal, flags, convergence, by antenna and overall. */
import { wrapHalfTurn } from "../angle.ts";
import { medianInPlace, madInPlace, SIGMA_PER_MAD } from "../median.ts";
import type { BandpassArrays } from "./bandpass.ts";

export interface BandpassSummary {
  readonly medianSnr: number;
  /** Of the solutions of active antennas only: stations that are not there are no fault. */
  readonly flaggedFraction: number;
  readonly medianAmplitude: number;
  /** 1.4826 · MAD of the amplitudes over their median. */
  readonly amplitudeScatter: number;
  /** Median over antennas of the phase noise from channel to channel; smooth slopes leave none. */
  readonly phaseScatterRad: number;
  readonly meanIterations: number;
  readonly iterationsMax: number;
  /** Of channels and polarizations. */
  readonly solvedCount: number;
  readonly unconvergedCount: number;
}

/** @param antennaIsActive [antenna] 0 or 1 */
export function summarizeBandpass(
  arrays: BandpassArrays,
  antennaIsActive: Uint8Array,
): BandpassSummary {
  const snr: number[] = [];
  const amplitudes: number[] = [];
  let activeCount = 0;
  forEachSolution(arrays, antennaIsActive, (at) => {
    activeCount += 1;
    if (arrays.flags[at] !== 0) return;
    snr.push(arrays.snr[at]!);
    amplitudes.push(Math.hypot(arrays.gains[2 * at]!, arrays.gains[2 * at + 1]!));
  });
  const amplitude = Float64Array.from(amplitudes);
  const medianAmplitude = medianInPlace(amplitude);
  return {
    medianSnr: medianInPlace(Float64Array.from(snr)),
    flaggedFraction: activeCount === 0 ? 1 : 1 - snr.length / activeCount,
    medianAmplitude,
    amplitudeScatter: (SIGMA_PER_MAD * madInPlace(amplitude, medianAmplitude)) / medianAmplitude,
    phaseScatterRad: phaseScatter(arrays, antennaIsActive),
    ...convergenceOf(arrays.iterations),
  };
}

/**
 * Median signal-to-noise ratio of each antenna, the smallest over polarizations; flagged solutions
 * count with what they had. 0 for an antenna without data.
 */
export function antennaSnr(arrays: BandpassArrays): Float64Array {
  const { antennaCount, channelCount, polarizationCount, snr, iterations } = arrays;
  const medians = new Float64Array(antennaCount);
  const work = new Float64Array(channelCount);
  for (let antenna = 0; antenna < antennaCount; antenna += 1) {
    let least = Infinity;
    for (let pol = 0; pol < polarizationCount; pol += 1) {
      let count = 0;
      for (let channel = 0; channel < channelCount; channel += 1) {
        // A channel that nobody could solve says nothing about an antenna.
        if (iterations[channel * polarizationCount + pol]! <= 0) continue;
        work[count] = snr[(antenna * channelCount + channel) * polarizationCount + pol]!;
        count += 1;
      }
      least = Math.min(least, count === 0 ? 0 : medianInPlace(work, count));
    }
    medians[antenna] = least;
  }
  return medians;
}

/** Share of an antenna's solutions that are flagged, among channels that were solved at all. */
export function antennaFlaggedFraction(arrays: BandpassArrays, antenna: number): number {
  const { channelCount, polarizationCount, flags, iterations } = arrays;
  let flagged = 0;
  let solved = 0;
  for (let cell = 0; cell < channelCount * polarizationCount; cell += 1) {
    if (iterations[cell]! <= 0) continue;
    solved += 1;
    if (flags[antenna * channelCount * polarizationCount + cell] !== 0) flagged += 1;
  }
  return solved === 0 ? 1 : flagged / solved;
}

function forEachSolution(
  arrays: BandpassArrays,
  antennaIsActive: Uint8Array,
  visit: (at: number) => void,
): void {
  const perAntenna = arrays.channelCount * arrays.polarizationCount;
  for (let antenna = 0; antenna < arrays.antennaCount; antenna += 1) {
    if (antennaIsActive[antenna] !== 1) continue;
    for (let at = antenna * perAntenna; at < (antenna + 1) * perAntenna; at += 1) visit(at);
  }
}

/** Median over antennas and receptors. */
function phaseScatter(arrays: BandpassArrays, antennaIsActive: Uint8Array): number {
  const scatters: number[] = [];
  for (let antenna = 0; antenna < arrays.antennaCount; antenna += 1) {
    if (antennaIsActive[antenna] !== 1) continue;
    for (let pol = 0; pol < arrays.polarizationCount; pol += 1) {
      const scatter = receptorPhaseScatter(arrays, antenna, pol);
      if (scatter !== undefined) scatters.push(scatter);
    }
  }
  return medianInPlace(Float64Array.from(scatters));
}

/**
 * Phase noise of one receptor from channel to channel: 1.4826 · MAD of the phase steps between
 * neighbors, over √2; the mean step, which a delay makes, is taken off before they can wrap.
 * Undefined where no two neighbors have solutions.
 */
export function receptorPhaseScatter(
  { channelCount, polarizationCount, gains, flags }: BandpassArrays,
  antenna: number,
  pol: number,
): number | undefined {
  const steps: number[] = [];
  for (let channel = 1; channel < channelCount; channel += 1) {
    const after = (antenna * channelCount + channel) * polarizationCount + pol;
    const before = after - polarizationCount;
    if (flags[after] === 0 && flags[before] === 0) steps.push(phaseStep(gains, before, after));
  }
  if (steps.length === 0) return undefined;
  const sine = steps.reduce((sum, step) => sum + Math.sin(step), 0);
  const cosine = steps.reduce((sum, step) => sum + Math.cos(step), 0);
  const mean = Math.atan2(sine, cosine);
  const values = Float64Array.from(steps, (step) => wrapHalfTurn(step - mean));
  return (SIGMA_PER_MAD * madInPlace(values, medianInPlace(values))) / Math.SQRT2;
}

function phaseStep(gains: Float32Array, before: number, after: number): number {
  const re =
    gains[2 * after]! * gains[2 * before]! + gains[2 * after + 1]! * gains[2 * before + 1]!;
  const im =
    gains[2 * after + 1]! * gains[2 * before]! - gains[2 * after]! * gains[2 * before + 1]!;
  return Math.atan2(im, re);
}

function convergenceOf(iterations: Int16Array): {
  meanIterations: number;
  iterationsMax: number;
  solvedCount: number;
  unconvergedCount: number;
} {
  const tried = iterations.filter((count) => count !== 0);
  const unconvergedCount = tried.filter((count) => count < 0).length;
  const total = tried.reduce((sum, count) => sum + Math.abs(count), 0);
  return {
    meanIterations: tried.length === 0 ? 0 : total / tried.length,
    iterationsMax: tried.reduce((most, count) => Math.max(most, Math.abs(count)), 0),
    solvedCount: tried.length - unconvergedCount,
    unconvergedCount,
  };
}
