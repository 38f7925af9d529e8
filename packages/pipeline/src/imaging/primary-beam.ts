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

/** Channels that stand for the band: the beam is smooth in frequency. */
const FREQUENCY_SAMPLES_MAX = 16;
/** A phase center farther off the meridian at mid-time is not where a drift scan looks. */
const MERIDIAN_OFFSET_MAX_RAD = 0.1 * (Math.PI / 180);

/**
 * Mean power response over times and channels, 1 on axis; shape [height, width].
 *
 * @throws {PipelineError} InvalidParams when a drift scan's phase center is off the meridian
 */
export function primaryBeamMap(
  observation: ImagedObservation,
  kind: PointingKind,
  wcs: Wcs,
  shape: { width: number; height: number },
): Float32Array {
  const { frequencyHz, dishDiameterM } = observation;
  const scan = {
    pointing: pointingOf(observation, kind),
    frequencyHz: thin(frequencyHz, FREQUENCY_SAMPLES_MAX),
    dishDiameterM,
  };
  return beamMap(scan, wcs, shape);
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

/** About `countMax` entries spread evenly, the middle of each part. */
function thin(values: Float64Array, countMax: number): number[] {
  const count = Math.min(countMax, values.length);
  return Array.from({ length: count }, (_, index) => {
    return values[Math.floor(((index + 0.5) * values.length) / count)]!;
  });
}
