import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { ARCSEC_RAD, DEGREE_RAD } from "../angle.ts";
import { earthOrientation, icrsOfHourAngleDec } from "../apparent-place.ts";
import { airyPower } from "../primary-beam.ts";
import { type BeamScan, beamMap, beamResponse } from "./drift-beam.ts";
import { pixelToSky, wcsFromCards } from "./wcs.ts";

const SITE = { latitudeRad: 0.65, longitudeRad: -2.064, altitudeM: 1188 };
const MID_MJD = 60950.21;
const SECOND = 1 / 86400;
const DECLINATION_RAD = 54.6 * DEGREE_RAD;

describe("the beam of a drift scan", () => {
  test("averages the pattern over the track that the sky takes", () => {
    const { scan, mid } = setup();
    // A degree east of the beam's center at mid-time, in hour angle times cos δ.
    const offRad = DEGREE_RAD / Math.cos(DECLINATION_RAD);
    const position = icrsOfHourAngleDec(mid, -offRad, DECLINATION_RAD);

    const response = beamResponse(scan, position);

    // By hand: the source drifts 15.041″ cos δ a second; the sphere's curvature is left out.
    const drift = [-150, 0, 150].map((seconds) => seconds * 15.041 * ARCSEC_RAD);
    const angles = drift.map((moved) => (offRad - moved) * Math.cos(DECLINATION_RAD));
    const byHand = angles.reduce((sum, angle) => sum + airyPower(angle, 1.4e9), 0) / 3;
    assert.ok(Math.abs(response - byHand) < 1e-3, `${response}, by hand ${byHand}`);
    assert.ok(airyPower(DEGREE_RAD, 1.4e9) - response > 1e-3, "drifting loses response");
  });

  test("of antennas that track is the pattern itself", () => {
    const center = { raRad: 1, decRad: 0.5 };
    const scan: BeamScan = {
      pointing: { kind: "tracking", center },
      frequencyHz: [1.4e9],
      dishDiameterM: 4.65,
    };
    const position = { raRad: 1, decRad: 0.5 + DEGREE_RAD };
    assert.ok(Math.abs(beamResponse(scan, position) - airyPower(DEGREE_RAD, 1.4e9)) < 1e-12);
  });

  test("is mapped within 2e-4 of the pattern at every pixel", () => {
    const { scan, mid } = setup();
    const center = icrsOfHourAngleDec(mid, 0, DECLINATION_RAD);
    const cards: Record<string, string | number> = {
      ...{ CTYPE1: "RA---SIN", CTYPE2: "DEC--SIN", CRPIX1: 512, CRPIX2: 512 },
      ...{ CRVAL1: center.raRad / DEGREE_RAD, CRVAL2: center.decRad / DEGREE_RAD },
      ...{ CDELT1: -12 / 3600, CDELT2: 12 / 3600 },
    };
    const wcs = wcsFromCards({ find: (keyword) => cards[keyword] });

    const map = beamMap(scan, wcs, { width: 1024, height: 1024 });

    for (const [x, y] of [
      [511, 511],
      [3, 700],
      [1023, 1023],
      [300, 401],
    ] as const) {
      const exact = beamResponse(scan, pixelToSky(wcs, { x, y })!);
      assert.ok(Math.abs(map[y * 1024 + x]! - exact) < 2e-4);
    }
  });
});

function setup() {
  const mid = earthOrientation(MID_MJD, SITE);
  const orientations = [-150, 0, 150].map((seconds) => {
    return earthOrientation(MID_MJD + seconds * SECOND, SITE);
  });
  const scan: BeamScan = {
    pointing: { kind: "drift", orientations, declinationRad: DECLINATION_RAD },
    frequencyHz: [1.4e9],
    dishDiameterM: 4.65,
  };
  return { scan, mid };
}
