import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { DEGREE_RAD } from "./angle.ts";
import {
  apparentHourAngleDec,
  earthOrientation,
  icrsOfHourAngleDec,
  unitVector,
} from "./apparent-place.ts";
import { ecefToLocal, geodeticToEcef, localToEcef } from "./geodesy.ts";
import { antennaUvw, framePositionAngle, uvwBasis } from "./uvw.ts";

const SITE = {
  latitudeRad: 37.2334 * DEGREE_RAD,
  longitudeRad: -118.283 * DEGREE_RAD,
  altitudeM: 1188,
};

describe("the uvw frame", () => {
  test("of a source at the zenith has u to the east, v to the north and w up", () => {
    const up = geodeticToEcef({ ...SITE, altitudeM: SITE.altitudeM + 1 });
    const east = geodeticToEcef({ ...SITE, longitudeRad: SITE.longitudeRad + 1e-7 });
    const north = geodeticToEcef({ ...SITE, latitudeRad: SITE.latitudeRad + 1e-7 });
    const here = geodeticToEcef(SITE);
    const steps = [east, north, up].flatMap((place) => place.map((x, k) => x - here[k]!));
    const basis = uvwBasis(0, SITE.latitudeRad);
    const uvwM = antennaUvw(ecefToLocal(Float64Array.from(steps), SITE.longitudeRad), basis);
    assert.ok(uvwM[0]! > 0.5 && Math.abs(uvwM[1]!) < 1e-6 && Math.abs(uvwM[2]!) < 1e-6);
    assert.ok(uvwM[4]! > 0.5 && Math.abs(uvwM[3]!) < 1e-6 && Math.abs(uvwM[5]!) < 1e-6);
    assert.ok(Math.abs(uvwM[8]! - 1) < 1e-6 && Math.abs(uvwM[6]!) + Math.abs(uvwM[7]!) < 1e-6);
  });

  test("turned by the frame position angle measures ICRS offsets as l and m", () => {
    const earth = earthOrientation(60950.2, SITE);
    const center = icrsOfHourAngleDec(earth, 0.01, 54.6 * DEGREE_RAD);
    const place = apparentHourAngleDec(earth, center.raRad, center.decRad);
    const angle = framePositionAngle(earth, center.raRad, center.decRad);
    assert.ok(Math.abs(angle) > 0.05 * DEGREE_RAD, "precession turns the frame by about 0.13°");
    const basis = uvwBasis(place.hourAngleRad, place.decRad, angle);

    const offset = { raRad: center.raRad + 0.003, decRad: center.decRad + 0.002 };
    const offsetPlace = apparentHourAngleDec(earth, offset.raRad, offset.decRad);
    const direction = unitVector(-offsetPlace.hourAngleRad, offsetPlace.decRad);
    const [l, m] = antennaUvw(direction, basis);
    const cosDec = Math.cos(offset.decRad);
    const lIcrs = cosDec * Math.sin(offset.raRad - center.raRad);
    const mIcrs =
      Math.sin(offset.decRad) * Math.cos(center.decRad) -
      cosDec * Math.sin(center.decRad) * Math.cos(offset.raRad - center.raRad);
    // Aberration stretches offsets by up to 1e-4 of themselves: 0.3 µrad here.
    assert.ok(Math.abs(l! - lIcrs) < 5e-7, `l ${l} against ${lIcrs}`);
    assert.ok(Math.abs(m! - mIcrs) < 5e-7, `m ${m} against ${mIcrs}`);
  });

  test("turns ECEF into the local frame and back", () => {
    const positionsM = Float64Array.of(1, 2, 3, -4, 5, -6);
    const back = localToEcef(ecefToLocal(positionsM, 1.2), 1.2);
    for (const [k, value] of positionsM.entries()) assert.ok(Math.abs(back[k]! - value) < 1e-12);
  });
});
