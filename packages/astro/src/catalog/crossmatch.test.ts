import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { ARCSEC_RAD, DEGREE_RAD } from "../angle.ts";
import { crossmatch, offsetRad } from "./crossmatch.ts";

const RADIUS_RAD = 10 * ARCSEC_RAD;

describe("a crossmatch", () => {
  test("pairs sources on both sides of right ascension 0", () => {
    const matches = crossmatch([at(359.9995, 50)], [at(180, 50), at(0.0005, 50)], RADIUS_RAD);

    assert.equal(matches.length, 1);
    assert.equal(matches[0]!.secondIndex, 1);
    const separationArcsec = matches[0]!.separationRad / ARCSEC_RAD;
    assert.ok(Math.abs(separationArcsec - 3.6 * Math.cos(50 * DEGREE_RAD)) < 1e-6);
  });

  test("pairs sources on both sides of right ascension 90° and 270°", () => {
    for (const raDeg of [90, 180, 270, 360]) {
      const matches = crossmatch([at(raDeg - 0.0005, 20)], [at(raDeg + 0.0005, 20)], RADIUS_RAD);
      const separationArcsec = (matches[0]?.separationRad ?? NaN) / ARCSEC_RAD;
      assert.ok(Math.abs(separationArcsec - 3.6 * Math.cos(20 * DEGREE_RAD)) < 1e-6, `${raDeg}°`);
    }
  });

  test("pairs a source with one at its very place: no match is too good to be true", () => {
    const place = at(128.7, 55.57);

    assert.deepEqual(crossmatch([place], [at(128.7, 55.6), place], RADIUS_RAD), [
      { firstIndex: 0, secondIndex: 1, separationRad: 0 },
    ]);
  });

  test("measures on the sphere near the pole, where a flat sky would lose the pair", () => {
    // 3° of right ascension are 1.9 arcsec of sky here.
    assert.equal(crossmatch([at(10, 89.99)], [at(13, 89.99)], RADIUS_RAD).length, 1);
    assert.equal(crossmatch([at(10, 50)], [at(10.01, 50)], RADIUS_RAD).length, 0);
  });

  test("gives a contested source to the nearer and lets the other take its next best", () => {
    const near = at(20, 30);
    const first = [at(20, 30 + 4 / 3600), at(20, 30 + 1 / 3600)];

    const matches = crossmatch(first, [near, at(20, 30 + 9 / 3600)], RADIUS_RAD);

    assert.deepEqual(
      matches.map(({ firstIndex, secondIndex }) => [firstIndex, secondIndex]),
      [
        [0, 1],
        [1, 0],
      ],
    );
  });

  test("tells offsets east and north with cos δ, across right ascension 0", () => {
    const { eastRad, northRad } = offsetRad(at(359.999, 60), at(0.001, 60.001));

    assert.ok(Math.abs(eastRad / ARCSEC_RAD - 3.6) < 1e-6);
    assert.ok(Math.abs(northRad / ARCSEC_RAD - 3.6) < 1e-6);
  });
});

function at(raDeg: number, decDeg: number) {
  return { raRad: raDeg * DEGREE_RAD, decRad: decDeg * DEGREE_RAD };
}
