/** What each antenna's part of a bandpass is worth, against the other antennas. */
import { medianInPlace } from "../median.ts";
import type { BandpassArrays } from "./bandpass.ts";
import { antennaFlaggedFraction, antennaSnr, receptorPhaseScatter } from "./solution-quality.ts";

/** The worse receptor counts. */
export interface AntennaHealth {
  readonly antenna: number;
  /** Median over channels. */
  readonly snr: number;
  /** Noise of its visibilities in units of the model, by the median antenna's. */
  readonly noiseRatio: number;
  /** Median |gain| by the median antenna's, of the receptor farther from 1. */
  readonly amplitudeRatio: number;
  /** From channel to channel; a delay's slope leaves none. */
  readonly phaseScatterRad: number;
  /** Of channels that were solved at all. */
  readonly flaggedFraction: number;
}

/** @param antennas indices to judge, and to compare with */
export function antennaHealth(
  arrays: BandpassArrays,
  antennas: readonly number[],
): AntennaHealth[] {
  const snr = antennaSnr(arrays);
  const parts = antennas.map((antenna) => receptorParts(arrays, antenna));
  const noise = parts.map((receptors) => Math.max(...receptors.map((one) => one.noise)));
  const typicalNoise = medianOrZero(noise);
  const typicalAmplitude = medianOrZero(parts.flatMap((all) => all.map((one) => one.amplitude)));
  return antennas.map((antenna, index) => ({
    antenna,
    snr: snr[antenna]!,
    noiseRatio: noise[index]! / typicalNoise,
    amplitudeRatio: farthestFromOne(
      parts[index]!.map(({ amplitude }) => amplitude / typicalAmplitude),
    ),
    phaseScatterRad: Math.max(...parts[index]!.map((one) => one.phaseScatterRad)),
    flaggedFraction: antennaFlaggedFraction(arrays, antenna),
  }));
}

interface ReceptorPart {
  readonly noise: number;
  readonly amplitude: number;
  readonly phaseScatterRad: number;
}

function receptorParts(arrays: BandpassArrays, antenna: number): ReceptorPart[] {
  const { channelCount, polarizationCount, noise, gains, flags, snr } = arrays;
  return Array.from({ length: polarizationCount }, (_, pol) => {
    const noises: number[] = [];
    const amplitudes: number[] = [];
    for (let channel = 0; channel < channelCount; channel += 1) {
      const at = (antenna * channelCount + channel) * polarizationCount + pol;
      if (snr[at] === 0) continue;
      noises.push(noise[at]!);
      if (flags[at] === 0) amplitudes.push(Math.hypot(gains[2 * at]!, gains[2 * at + 1]!));
    }
    return {
      noise: medianOrZero(noises),
      amplitude: medianOrZero(amplitudes),
      phaseScatterRad: receptorPhaseScatter(arrays, antenna, pol) ?? 0,
    };
  });
}

function farthestFromOne(ratios: readonly number[]): number {
  const distance = (ratio: number): number => (ratio > 0 ? Math.abs(Math.log(ratio)) : Infinity);
  return ratios.reduce((worst, ratio) => (distance(ratio) > distance(worst) ? ratio : worst), 1);
}

function medianOrZero(values: readonly number[]): number {
  return values.length === 0 ? 0 : medianInPlace(Float64Array.from(values));
}
