import assert from "node:assert/strict";

import { pixelToSky, type Wcs, wcsFromCards } from "@contimg/astro";
import fc from "fast-check";
import { describe, test } from "vitest";

import { PipelineError } from "../errors.ts";
import { apparentHourAngleDec, earthOrientation, icrsOfHourAngleDec } from "@contimg/astro";
import type { ImagedObservation } from "./observation.ts";
import { binChannels, correctForBeam, primaryBeamMap } from "./primary-beam.ts";

const DEGREE = Math.PI / 180;
const SITE = { latitudeRad: 37.2334 * DEGREE, longitudeRad: -118.283 * DEGREE, altitudeM: 1188 };
const CHANNELS = 192;
const TIMES = 24;
const INTEGRATION_DAYS = 12.884902 / 86_400;

describe("the primary beam of a tile", () => {
  test("is the mean over every integration and channel by weight, pixel by pixel", () => {
    const observation = tile();
    const weights = unevenWeights();
    const { wcs, width, height } = field(observation);

    const map = primaryBeamMap(observation, "drift", weights, { wcs, width, height });

    let worst = 0;
    for (let y = 0; y < height; y += 23) {
      for (let x = 0; x < width; x += 23) {
        const exact = bruteForce(observation, weights, pixelToSky(wcs, { x, y })!);
        worst = Math.max(worst, Math.abs(map[y * width + x]! - exact));
      }
    }
    assert.ok(worst < 2e-4, `off by ${worst} of the peak`);
  });

  test("follows the weights: without the late half it lies further east", () => {
    const observation = tile();
    const { wcs, width, height } = field(observation);
    const early = unevenWeights().fill(0, (CHANNELS * TIMES) / 2);
    const all = new Float64Array(CHANNELS * TIMES).fill(1);

    const mapOf = (weights: Float64Array) =>
      primaryBeamMap(observation, "drift", weights, { wcs, width, height });

    // West, which passed the beam first, is seen better by the early half. West is to the right.
    const row = (height / 2) * width;
    const [west, east] = [row + width - 1, row];
    assert.ok(mapOf(early)[west]! > 1.1 * mapOf(all)[west]!);
    assert.ok(mapOf(early)[east]! < 0.9 * mapOf(all)[east]!);
  });

  test("of antennas that track has one direction, whatever the times weigh", () => {
    const observation = tile();
    const { wcs, width, height } = field(observation);
    const map = primaryBeamMap(observation, "tracking", unevenWeights(), { wcs, width, height });
    const center = (height / 2) * width + width / 2;
    assert.ok(Math.abs(map[center]! - 1) < 1e-4);
  });

  test("refuses a drift scan whose field is not on the meridian", () => {
    const observation = tile();
    const late = { ...observation, timesMjd: observation.timesMjd.map((mjd) => mjd + 0.01) };
    const { wcs, width, height } = field(observation);
    assert.throws(
      () => primaryBeamMap(late, "drift", unevenWeights(), { wcs, width, height }),
      (error: unknown) => error instanceof PipelineError && error.tag === "InvalidParams",
    );
  });

  test("leaves no value in the corrected image where it is below the cut", () => {
    const corrected = correctForBeam(Float32Array.of(1, 1, 1), Float32Array.of(0.5, 0.2, 0.1), 0.2);
    assert.ok(Math.abs(corrected[0]! - 2) < 1e-6 && Math.abs(corrected[1]! - 5) < 1e-6);
    assert.ok(Number.isNaN(corrected[2]));
  });
});

describe("groups of channels", () => {
  test("keep every weight and the mean frequency of each time", () => {
    const weightsOf = fc.array(fc.double({ min: 0, max: 9, noNaN: true }), {
      minLength: 40,
      maxLength: 40,
    });
    fc.assert(
      fc.property(weightsOf, (values) => {
        fc.pre(values.some((value) => value > 0));
        const hz = Float64Array.from({ length: 20 }, (_, channel) => 1.3e9 + channel * 1e7);
        const weights = Float64Array.from(values);

        const binned = binChannels(hz, weights, 2);

        const moment = (frequencies: ArrayLike<number>, all: Float64Array): number =>
          all.reduce((sum, weight, at) => sum + weight * frequencies[at % frequencies.length]!, 0);
        const total = (all: Float64Array): number => all.reduce((sum, weight) => sum + weight, 0);
        assert.ok(Math.abs(total(binned.weights) - total(weights)) < 1e-9 * total(weights));
        const off = moment(binned.frequencyHz, binned.weights) / moment(hz, weights) - 1;
        assert.ok(Math.abs(off) < 1e-9);
      }),
    );
  });
});

function tile(): ImagedObservation {
  const middle = 61_065.37;
  const timesMjd = Array.from({ length: TIMES }, (_, time) => {
    return middle + (time - (TIMES - 1) / 2) * INTEGRATION_DAYS;
  });
  return {
    timesMjd,
    integrationSeconds: 12.884902,
    frequencyHz: Float64Array.from({ length: CHANNELS }, (_, c) => 1.3117e9 + c * 976_562.5),
    channelWidthHz: 976_562.5,
    phaseCenter: icrsOfHourAngleDec(earthOrientation(middle, SITE), 0, 0.96),
    site: SITE,
    dishDiameterM: 4.65,
    antennaCount: 96,
    telescopeName: "OVRO_MMA",
    observer: "",
    fieldName: "",
    positionM: [0, 0, 0],
  };
}

/** A band whose lower end is half flagged, in a tile whose second half lost a third. */
function unevenWeights(): Float64Array {
  return Float64Array.from({ length: TIMES * CHANNELS }, (_, at) => {
    const [time, channel] = [Math.floor(at / CHANNELS), at % CHANNELS];
    return (channel < 60 ? 0.5 : 1) * (time >= TIMES / 2 ? 0.67 : 1) * (1 + (channel % 7) / 10);
  });
}

function field({ phaseCenter }: ImagedObservation): { wcs: Wcs; width: number; height: number } {
  const cards: Record<string, string | number> = {
    ...{ CTYPE1: "RA---SIN", CTYPE2: "DEC--SIN", CRPIX1: 129, CRPIX2: 129 },
    ...{ CRVAL1: phaseCenter.raRad / DEGREE, CRVAL2: phaseCenter.decRad / DEGREE },
    ...{ CDELT1: -48 / 3600, CDELT2: 48 / 3600 },
  };
  return { wcs: wcsFromCards({ find: (keyword) => cards[keyword] }), width: 256, height: 256 };
}

/** By vectors and Bessel's integral, sharing nothing with the map but the apparent place. */
function bruteForce(
  { timesMjd, frequencyHz, dishDiameterM, phaseCenter }: ImagedObservation,
  weights: Float64Array,
  { raRad, decRad }: { raRad: number; decRad: number },
): number {
  const middle = earthOrientation((timesMjd[0]! + timesMjd.at(-1)!) / 2, SITE);
  const pointed = apparentHourAngleDec(middle, phaseCenter.raRad, phaseCenter.decRad).decRad;
  const axis = [Math.cos(pointed), 0, Math.sin(pointed)];
  let [sum, total] = [0, 0];
  for (const [time, mjd] of timesMjd.entries()) {
    const { hourAngleRad, decRad: dec } = apparentHourAngleDec(
      earthOrientation(mjd, SITE),
      raRad,
      decRad,
    );
    const source = [
      Math.cos(dec) * Math.cos(hourAngleRad),
      -Math.cos(dec) * Math.sin(hourAngleRad),
      Math.sin(dec),
    ];
    const cosine = axis.reduce((product, value, at) => product + value * source[at]!, 0);
    const sine = Math.sqrt(Math.max(0, 1 - cosine * cosine));
    for (const [channel, hz] of frequencyHz.entries()) {
      const x = (Math.PI * dishDiameterM * sine * hz) / 299_792_458;
      const weight = weights[time * frequencyHz.length + channel]!;
      sum += weight * (x < 1e-8 ? 1 : ((2 * besselByIntegral(x)) / x) ** 2);
      total += weight;
    }
  }
  return sum / total;
}

/** J₁(x) = 1/π ∫₀^π cos(τ − x sin τ) dτ (A&S 9.1.21), by the midpoint rule, exact for these x. */
function besselByIntegral(x: number): number {
  const steps = 24;
  let sum = 0;
  for (let step = 0; step < steps; step++) {
    const angle = ((step + 0.5) * Math.PI) / steps;
    sum += Math.cos(angle - x * Math.sin(angle));
  }
  return sum / steps;
}
