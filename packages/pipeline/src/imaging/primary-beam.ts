/** The primary-beam map of an observation's image, and the image corrected by it. */
import {
  apparentHourAngleDec,
  beamMap,
  earthOrientation,
  type Pointing,
  type Wcs,
} from "@contimg/astro";

import { PipelineError } from "../errors.ts";
import type { ImagedObservation } from "./observation.ts";

/**
 * - drift: antennas stand on the meridian and the sky passes; the phase center is where they look
 *   at mid-time;
 * - tracking: antennas follow the phase center.
 */
export type PointingKind = "drift" | "tracking";

/** Groups of channels that stand for the band: the beam is smooth in frequency. */
const FREQUENCY_BINS_MAX = 16;
/** A phase center farther off the meridian at mid-time is not where a drift scan looks. */
const MERIDIAN_OFFSET_MAX_RAD = 0.1 * (Math.PI / 180);

/**
 * Mean power response over times and channels by their weights in the image, 1 on axis; shape
 * [height, width].
 *
 * The weights are those before Briggs' weighting, which shifts them by a few per cent between
 * the band's ends: 0.1 % of the response at half power.
 *
 * @param weights shape [time, channel]
 * @throws {PipelineError} InvalidParams when a drift scan's phase center is off the meridian
 */
export function primaryBeamMap(
  observation: ImagedObservation,
  kind: PointingKind,
  weights: Float64Array,
  image: { wcs: Wcs; width: number; height: number },
): Float32Array {
  const { frequencyHz, timesMjd, dishDiameterM } = observation;
  const pointing = pointingOf(observation, kind);
  const rows = kind === "drift" ? timesMjd.length : 1;
  const timed = kind === "drift" ? weights : sumOverTime(weights, frequencyHz.length);
  const binned = binChannels(frequencyHz, timed, rows);
  return beamMap({ pointing, dishDiameterM, ...binned }, image.wcs, image);
}

function sumOverTime(weights: Float64Array, channelCount: number): Float64Array {
  const sums = new Float64Array(channelCount);
  for (const [at, weight] of weights.entries()) sums[at % channelCount]! += weight;
  return sums;
}

/**
 * At most FREQUENCY_BINS_MAX groups of neighboring channels, each at the mean of its frequencies by
 * weight and with the sum of its weights. What a bin's width leaves out is A″ w²/24: with 16 bins
 * over 187.5 MHz below 1e-5 of the peak.
 */
export function binChannels(
  frequencyHz: Float64Array,
  weights: Float64Array,
  timeCount: number,
): { frequencyHz: number[]; weights: Float64Array } {
  const channelCount = frequencyHz.length;
  const sums = sumOverTime(weights, channelCount);
  const binCount = Math.min(FREQUENCY_BINS_MAX, channelCount);
  const groups = Array.from({ length: binCount }, (_, bin) => ({
    from: Math.floor((bin * channelCount) / binCount),
    to: Math.floor(((bin + 1) * channelCount) / binCount),
  })).filter(({ from, to }) => sums.subarray(from, to).some((weight) => weight > 0));
  const centers = groups.map(({ from, to }) => {
    let [weighted, total] = [0, 0];
    for (let channel = from; channel < to; channel++) {
      weighted += sums[channel]! * frequencyHz[channel]!;
      total += sums[channel]!;
    }
    return weighted / total;
  });
  const binned = new Float64Array(timeCount * groups.length);
  for (let time = 0; time < timeCount; time++) {
    for (const [bin, { from, to }] of groups.entries()) {
      for (let channel = from; channel < to; channel++) {
        binned[time * groups.length + bin]! += weights[time * channelCount + channel]!;
      }
    }
  }
  return { frequencyHz: centers, weights: binned };
}

/** Image over beam; NaN where the beam is below `responseMin`. */
export function correctForBeam(
  pixels: Float32Array,
  beam: Float32Array,
  responseMin: number,
): Float32Array {
  return pixels.map((pixel, index) => {
    const response = beam[index]!;
    return response >= responseMin ? pixel / response : NaN;
  });
}

function pointingOf(observation: ImagedObservation, kind: PointingKind): Pointing {
  const { phaseCenter, site, timesMjd } = observation;
  if (kind === "tracking") return { kind, center: phaseCenter };
  const orientations = timesMjd.map((timeMjd) => earthOrientation(timeMjd, site));
  const middle = earthOrientation((timesMjd[0]! + timesMjd.at(-1)!) / 2, site);
  const { hourAngleRad, decRad } = apparentHourAngleDec(
    middle,
    phaseCenter.raRad,
    phaseCenter.decRad,
  );
  if (Math.abs(hourAngleRad) * Math.cos(decRad) > MERIDIAN_OFFSET_MAX_RAD) {
    throw new PipelineError(
      "InvalidParams",
      `pointing is "drift", but the phase center is ${((hourAngleRad * 180) / Math.PI).toFixed(3)}` +
        ` degrees of hour angle off the meridian at mid-time, expected 0: use "tracking"`,
      { pointing: kind, hourAngleRad },
    );
  }
  return { kind, orientations, declinationRad: decRad };
}
