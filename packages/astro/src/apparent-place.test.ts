import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { describe, test } from "vitest";

import { ARCSEC_RAD, DEGREE_RAD, separationRad, wrapHalfTurn } from "./angle.ts";
import { apparentHourAngleDec, earthOrientation, icrsOfHourAngleDec } from "./apparent-place.ts";
import { geodeticToEcef } from "./geodesy.ts";

const SITE = {
  latitudeRad: 37.2334 * DEGREE_RAD,
  longitudeRad: -118.283 * DEGREE_RAD,
  altitudeM: 1188,
};

interface Referee {
  site_m: number[];
  pole_arcsec: [number, number];
  places: {
    mjd: number;
    dut1_seconds: number;
    ra_deg: number;
    dec_deg: number;
    hour_angle_rad: number;
    apparent_dec_rad: number;
  }[];
}

const astropyExists = spawnSync("/usr/bin/python3", ["-c", "import astropy"]).status === 0;

describe("apparent place", () => {
  test.skipIf(!astropyExists)(
    "agrees with astropy to 0.07 arcsec over two years and the whole northern sky",
    () => {
      const referee = askAstropy();
      const [xArcsec, yArcsec] = referee.pole_arcsec;
      const pole = { xRad: xArcsec * ARCSEC_RAD, yRad: yArcsec * ARCSEC_RAD };
      for (const place of referee.places) {
        const earth = earthOrientation(place.mjd, SITE, place.dut1_seconds, pole);
        const ours = apparentHourAngleDec(
          earth,
          place.ra_deg * DEGREE_RAD,
          place.dec_deg * DEGREE_RAD,
        );
        const cosDec = Math.cos(place.apparent_dec_rad);
        const eastArcsec =
          (wrapHalfTurn(ours.hourAngleRad - place.hour_angle_rad) * cosDec) / ARCSEC_RAD;
        const northArcsec = (ours.decRad - place.apparent_dec_rad) / ARCSEC_RAD;
        // The largest difference is a source 7° from the Sun, whose gravity we leave out.
        assert.ok(Math.abs(eastArcsec) < 0.07, `${eastArcsec}″ east of ${JSON.stringify(place)}`);
        assert.ok(Math.abs(northArcsec) < 0.07, `${northArcsec}″ off ${JSON.stringify(place)}`);
      }
      const siteM = geodeticToEcef(SITE);
      for (const [k, value] of siteM.entries()) {
        assert.ok(Math.abs(value - referee.site_m[k]!) < 1e-6);
      }
    },
  );

  test("comes back to the same ICRS direction within a microarcsecond", () => {
    const earth = earthOrientation(61000.25, SITE, 0.03);
    for (const decRad of [-0.3, 0.2, 0.95, 1.4]) {
      for (const raRad of [0.01, 2, 4.5]) {
        const place = apparentHourAngleDec(earth, raRad, decRad);
        const back = icrsOfHourAngleDec(earth, place.hourAngleRad, place.decRad);
        const missArcsec = separationRad(raRad, decRad, back.raRad, back.decRad) / ARCSEC_RAD;
        assert.ok(missArcsec < 1e-6, `came back ${missArcsec}″ off`);
      }
    }
  });

  test("turns by 15.04 arcsec for a second of UT1 and for a second of UTC", () => {
    const hourAngle = (mjd: number, dut1Seconds: number): number =>
      apparentHourAngleDec(earthOrientation(mjd, SITE, dut1Seconds), 1, 0.5).hourAngleRad;
    const still = hourAngle(61000, 0);
    const byUt1 = (hourAngle(61000, 1) - still) / ARCSEC_RAD;
    const byUtc = (hourAngle(61000 + 1 / 86_400, 0) - still) / ARCSEC_RAD;
    assert.ok(Math.abs(byUt1 - 15.041) < 0.001, `${byUt1}″`);
    assert.ok(Math.abs(byUtc - 15.041) < 0.001, `${byUtc}″`);
  });
});

function askAstropy(): Referee {
  const script = fileURLToPath(new URL("./apparent-place.referee.py", import.meta.url));
  const run = spawnSync("/usr/bin/python3", [script], { encoding: "utf8" });
  assert.equal(run.status, 0, run.stderr);
  return JSON.parse(run.stdout) as Referee;
}
