import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import fc from "fast-check";
import { describe, test } from "vitest";

import { DEGREE_RAD, wrapHalfTurn } from "./angle.ts";
import { apparentHourAngleDec, earthOrientation } from "./apparent-place.ts";
import { localApparentSiderealTime, nextTransit, transitsDuring } from "./transit.ts";

const SITE = {
  latitudeRad: 0.6498455107238486,
  longitudeRad: -2.064427799136453,
  altitudeM: 1188.0519,
};
const SECONDS_PER_RAD = 86_400 / (2 * Math.PI);

interface RefereeTransit {
  name: string;
  ra_deg: number;
  dec_deg: number;
  after_mjd: number;
  transit_mjd: number;
  dut1_seconds: number;
  apparent_dec_deg: number;
  sidereal_time_rad: number;
}

// Made by transit.referee.py with astropy 5.2.1.
const referee = JSON.parse(
  readFileSync(fileURLToPath(new URL("./transit.referee.json", import.meta.url)), "utf8"),
) as RefereeTransit[];

describe("a transit", () => {
  test.each(referee)("of $name after $after_mjd is astropy's within 0.05 s", (theirs) => {
    const source = { raRad: theirs.ra_deg * DEGREE_RAD, decRad: theirs.dec_deg * DEGREE_RAD };

    const ours = nextTransit(source, SITE, theirs.after_mjd, theirs.dut1_seconds);

    const offSeconds = (ours.mjdUtc - theirs.transit_mjd) * 86_400;
    assert.ok(Math.abs(offSeconds) < 0.05, `${offSeconds} s off`);
    const decArcsec = (ours.decRad / DEGREE_RAD - theirs.apparent_dec_deg) * 3600;
    assert.ok(Math.abs(decArcsec) < 0.3, `declination ${decArcsec}″ off`);
    const lstSeconds =
      wrapHalfTurn(ours.siderealTimeRad - theirs.sidereal_time_rad) * SECONDS_PER_RAD;
    assert.ok(Math.abs(lstSeconds) < 0.05, `sidereal time ${lstSeconds} s off`);
  });

  test("is the first at or after its start, and at hour angle 0", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 60_000, max: 63_000, noNaN: true }),
        fc.double({ min: 0, max: 2 * Math.PI, noNaN: true }),
        fc.double({ min: -0.8, max: 1.5, noNaN: true }),
        (afterMjd, raRad, decRad) => {
          const { mjdUtc } = nextTransit({ raRad, decRad }, SITE, afterMjd);
          assert.ok(mjdUtc >= afterMjd && mjdUtc < afterMjd + 1, `${mjdUtc} after ${afterMjd}`);
          const earth = earthOrientation(mjdUtc, SITE);
          const { hourAngleRad } = apparentHourAngleDec(earth, raRad, decRad);
          assert.ok(Math.abs(hourAngleRad) * SECONDS_PER_RAD < 0.001);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("begun at a transit is that transit", () => {
    const source = { raRad: 2.24674, decRad: 0.96992 };
    const first = nextTransit(source, SITE, 61_065).mjdUtc;

    assert.ok(nextTransit(source, SITE, first - 1e-7).mjdUtc - first < 1e-8);
    assert.ok(nextTransit(source, SITE, first + 1e-7).mjdUtc - first > 0.99);
  });

  test("comes 60 or 61 times in 60 days, a sidereal day apart", () => {
    const transits = transitsDuring({ raRad: 2.24674, decRad: 0.96992 }, SITE, 61_065, 60);

    assert.ok(transits.length === 60 || transits.length === 61, `${transits.length}`);
    for (const [index, { mjdUtc }] of transits.slice(1).entries()) {
      const days = mjdUtc - transits[index]!.mjdUtc;
      assert.ok(Math.abs(days - 0.997_269_57) * 86_400 < 0.1, `${days} days apart`);
    }
  });

  test("stands as high as the site's latitude and its declination say", () => {
    const north = nextTransit({ raRad: 1, decRad: 1.2 }, SITE, 61_065);
    const south = nextTransit({ raRad: 1, decRad: -0.3 }, SITE, 61_065);

    for (const { decRad, elevationRad } of [north, south]) {
      const sine = Math.cos(SITE.latitudeRad - decRad);
      assert.ok(Math.abs(Math.sin(elevationRad) - sine) < 1e-12);
    }
  });
});

test("apparent sidereal time turns by 24 h and 237 s a day", () => {
  const before = localApparentSiderealTime(61_065, SITE.longitudeRad);
  const after = localApparentSiderealTime(61_066, SITE.longitudeRad);

  const seconds = wrapHalfTurn(after - before) * SECONDS_PER_RAD;
  assert.ok(Math.abs(seconds - 236.555) < 0.02, `${seconds} s`);
});
