import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { ARCSEC_RAD } from "../angle.ts";
import { earthOrientation, icrsOfHourAngleDec } from "../apparent-place.ts";
import { antennaUvwOfRows } from "./antenna-uvw.ts";
import { driftingSources, type PointSource } from "./drift-sky.ts";

const SITE = { latitudeRad: 0.65, longitudeRad: -2.0644, altitudeM: 1188 };
const POINTING_DEC_RAD = 0.9523;
const MID_MJD = 61_000.2;
const ANTENNA_UVW_M = Float64Array.of(0, 0, 0, 1000, 0, 0, 0, 1000, 0, 0, 0, 1000);

describe("a drifting source", () => {
  test("at the phase center has no path difference and its full flux on axis", () => {
    const orientation = earthOrientation(MID_MJD, SITE);
    const center = icrsOfHourAngleDec(orientation, 0, POINTING_DEC_RAD);

    const { pathM, apparentFluxJy } = view(center, { ...center, ...flat(3) }, orientation);

    assert.ok(pathM.every((path) => Math.abs(path) < 1e-6));
    assert.ok(apparentFluxJy.every((flux) => Math.abs(flux - 3) < 1e-9));
  });

  test("to the east and north lies along u and v, and below the tangent plane along w", () => {
    const orientation = earthOrientation(MID_MJD, SITE);
    const center = icrsOfHourAngleDec(orientation, 0, POINTING_DEC_RAD);
    const offsetRad = 0.01;
    const east = {
      raRad: center.raRad + offsetRad / Math.cos(center.decRad),
      decRad: center.decRad,
    };
    const north = { raRad: center.raRad, decRad: center.decRad + offsetRad };

    const fromEast = view(center, { ...east, ...flat(1) }, orientation).pathM;
    const fromNorth = view(center, { ...north, ...flat(1) }, orientation).pathM;

    // Differential aberration moves the directions by up to 1e-4 of the offset: 1 mm here.
    assertClose(fromEast[1]!, 1000 * Math.sin(offsetRad), 2e-3);
    assertClose(fromNorth[2]!, 1000 * Math.sin(offsetRad), 2e-3);
    assertClose(fromNorth[1]!, 0, 2e-3);
    assertClose(fromNorth[3]!, 1000 * (Math.cos(offsetRad) - 1), 1e-4);
  });

  test("fades as the sky turns out of the beam while its direction from the center stays", () => {
    const center = icrsOfHourAngleDec(earthOrientation(MID_MJD, SITE), 0, POINTING_DEC_RAD);
    const source = { raRad: center.raRad, decRad: center.decRad + 0.005, ...flat(1) };

    const now = view(center, source, earthOrientation(MID_MJD, SITE));
    const later = view(center, source, earthOrientation(MID_MJD + 240 / 86_400, SITE));

    // 1.0 degree of hour angle is 0.58 degrees on the sky at this declination: Airy 0.87.
    assert.ok(later.apparentFluxJy[0]! < 0.9 * now.apparentFluxJy[0]!);
    assertClose(later.pathM[2]!, now.pathM[2]!, 1000 * 0.05 * ARCSEC_RAD);
  });

  test("follows its spectral index from its reference frequency", () => {
    const orientation = earthOrientation(MID_MJD, SITE);
    const center = icrsOfHourAngleDec(orientation, 0, POINTING_DEC_RAD);
    const source = { ...center, fluxJy: 8, referenceFrequencyHz: 0.7e9, spectralIndex: -1 };

    const { apparentFluxJy } = view(center, source, orientation);

    assertClose(apparentFluxJy[0]!, 4, 1e-9);
  });
});

describe("antennas from baselines", () => {
  test("have the differences that the rows say, also without a common antenna", () => {
    const rows = {
      antenna1: Int32Array.of(2, 0, 4, 1),
      antenna2: Int32Array.of(1, 1, 4, 3),
      uvwM: Float64Array.of(1, 2, 3, 10, 20, 30, 0, 0, 0, -5, 0, 5),
    };

    const uvwM = antennaUvwOfRows(rows, 5);

    const difference = (p: number, q: number): number[] =>
      [0, 1, 2].map((axis) => uvwM[3 * p + axis]! - uvwM[3 * q + axis]!);
    assert.deepEqual(difference(2, 1), [1, 2, 3]);
    assert.deepEqual(difference(0, 1), [10, 20, 30]);
    assert.deepEqual(difference(1, 3), [-5, 0, 5]);
    assert.deepEqual(difference(0, 3), [5, 20, 35]);
  });
});

function flat(
  fluxJy: number,
): Pick<PointSource, "fluxJy" | "referenceFrequencyHz" | "spectralIndex"> {
  return { fluxJy, referenceFrequencyHz: 1.4e9, spectralIndex: 0 };
}

function view(
  phaseCenter: { raRad: number; decRad: number },
  source: PointSource,
  orientation: ReturnType<typeof earthOrientation>,
) {
  const frequencyHz = Float64Array.of(1.4e9);
  const drift = { phaseCenter, pointingDecRad: POINTING_DEC_RAD, frequencyHz };
  return driftingSources([source], drift, orientation, ANTENNA_UVW_M);
}

function assertClose(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not near ${expected}`);
}
