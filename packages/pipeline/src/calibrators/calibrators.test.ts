import assert from "node:assert/strict";

import { airyPower, DEGREE_RAD, nextTransit } from "@contimg/astro";
import { calibratorFluxJy, findCalibrator, type Calibrator } from "@contimg/formats";
import fc from "fast-check";
import { describe, test } from "vitest";

import { DSA_SITE } from "../array-site.ts";
import { PipelineError } from "../errors.ts";
import {
  calibratorsInBeam,
  dsaTile,
  isCalibratorTile,
  knownCalibrator,
  vlaCalibrators,
} from "./in-beam.ts";
import { predictTransits } from "./predict-transits.ts";
import { CALIBRATOR_LIMITS, describeCalibrator, placeCalibrator, rankCalibrators } from "./rank.ts";

const DATE_MJD = 61_065;
const TILE_DAYS = 309.24 / 86_400;
const workhorse = findCalibrator(vlaCalibrators(), "0834+555");
const transit = nextTransit(workhorse, DSA_SITE, DATE_MJD);

describe("calibrators in a beam", () => {
  test("are those inside the first null, the brightest usable one first", () => {
    const ranked = rankCalibrators(vlaCalibrators(), dsaTile(transit.mjdUtc, transit.decRad));

    assert.equal(ranked[0]?.calibrator.name, "0834+555");
    assert.ok(ranked.length > 1);
    const usable = ranked.filter(({ refusals }) => refusals.length === 0);
    assert.deepEqual(ranked.slice(0, usable.length), usable);
    for (const [index, one] of usable.slice(1).entries())
      assert.ok(one.apparentFluxJy <= usable[index]!.apparentFluxJy);
    for (const one of ranked) assert.ok(one.offAxisRad < 3.5 * DEGREE_RAD);
  });

  test("on the axis lose only what drifting through the tile takes", () => {
    const ours = placeCalibrator(workhorse, dsaTile(transit.mjdUtc, transit.decRad));

    // ±155 s are ±0.37° at this declination: at its ends the response is 0.95.
    assert.ok(ours.beamResponse > 0.97 && ours.beamResponse < 0.995, `${ours.beamResponse}`);
    const flux = calibratorFluxJy(workhorse, 1.405e9) * ours.beamResponse;
    assert.ok(Math.abs(ours.apparentFluxJy - flux) < 1e-9);
    assert.ok(Math.abs(ours.transitInSeconds) < 0.01);
  });

  test("at the beam's half width show half their flux", () => {
    const dec = transit.decRad + 1.353 * DEGREE_RAD;
    const ours = placeCalibrator(workhorse, {
      ...dsaTile(transit.mjdUtc, dec),
      durationSeconds: 1,
    });

    assert.ok(Math.abs(ours.beamResponse - 0.5) < 0.01, `${ours.beamResponse}`);
  });

  test("say how far their transit is", () => {
    const { transitInSeconds } = placeCalibrator(
      workhorse,
      dsaTile(transit.mjdUtc - 600 / 86_400, transit.decRad),
    );

    assert.ok(Math.abs(transitInSeconds - 600) < 0.1, `${transitInSeconds}`);
  });

  test("behind the horizon of the pattern are not seen, though its sine comes back", () => {
    const antipode = { ...workhorse, raRad: workhorse.raRad + Math.PI, decRad: -workhorse.decRad };
    const tile = dsaTile(transit.mjdUtc, transit.decRad);

    assert.equal(placeCalibrator(antipode, tile).beamResponse, 0);
    assert.deepEqual(rankCalibrators([antipode], tile), []);
  });

  test("are found across 0 h of right ascension", () => {
    const west: Calibrator = { ...workhorse, name: "west", raRad: 2 * Math.PI - 0.004 };
    const east: Calibrator = { ...workhorse, name: "east", raRad: 0.004 };
    const between = nextTransit({ raRad: 0, decRad: workhorse.decRad }, DSA_SITE, DATE_MJD);
    const ranked = rankCalibrators([west, east], dsaTile(between.mjdUtc, between.decRad));

    assert.equal(ranked.length, 2);
    for (const one of ranked) assert.ok(one.beamResponse > 0.9, describeCalibrator(one));
  });

  test("are refused with the reason in words", () => {
    const faint: Calibrator = { ...workhorse, fluxJy: 0.3, quality: "PPXP" };
    const { refusals } = placeCalibrator(faint, dsaTile(transit.mjdUtc, transit.decRad));

    assert.equal(refusals.length, 2);
    assert.match(refusals[0]!, /^apparent flux 0\.\d\d Jy, expected at least 0\.5 Jy$/);
    assert.match(refusals[1]!, /^quality X in the VLA's C configuration \(PPXP\), .* one of PS$/);
    const far = placeCalibrator(workhorse, dsaTile(transit.mjdUtc, transit.decRad - 0.07));
    assert.match(far.refusals[0]!, /^beam response 0\.0\d\d at 4\.0 degrees off axis, .* 0\.2$/);
    assert.match(describeCalibrator(far), /^0834\+555 with .*: refused for beam response/);
  });

  test("lose flux with distance from the axis, inside the main lobe", () => {
    fc.assert(
      fc.property(
        // Nearer than 0.01° the track's curvature decides, which is not straight in declination.
        fc.double({ min: 0.01, max: 2.8, noNaN: true }),
        fc.double({ min: 0.01, max: 2.8, noNaN: true }),
        (a, b) => {
          const [near, far] = [Math.min(a, b), Math.max(a, b)];
          const at = (deg: number): number =>
            placeCalibrator(workhorse, dsaTile(transit.mjdUtc, transit.decRad + deg * DEGREE_RAD))
              .apparentFluxJy;
          assert.ok(at(near) >= at(far) - 1e-12);
        },
      ),
      { numRuns: 100 },
    );
  });
});

test("a calibrator that the list does not know gets no flux by default: it is refused", () => {
  const name = "9999+999";

  assert.throws(
    () => knownCalibrator(name),
    (error: unknown) => {
      assert.ok(error instanceof PipelineError);
      assert.equal(error.tag, "NoCalibrator");
      assert.match(error.message, /9999\+999/);
      return true;
    },
  );
});

test("calibrators are where the sky has them, within a hundredth of a second of arc", () => {
  // International Celestial Reference Frame 3 (Charlot et al. 2020), epoch 2015.0.
  const { raRad, decRad } = knownCalibrator("3C286");
  const raDeg = 15 * (13 + 31 / 60 + 8.288 / 3600);
  const decDeg = 30 + 30 / 60 + 32.959 / 3600;

  assert.ok(Math.abs(raRad / DEGREE_RAD - raDeg) * 3600 < 0.02);
  assert.ok(Math.abs(decRad / DEGREE_RAD - decDeg) * 3600 < 0.02);
});

describe("a calibrator tile", () => {
  test("is one of the one or two about a transit, wherever tiles begin", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (phase) => {
        const mids = Array.from(
          { length: 12 },
          (_, tile) => transit.mjdUtc + (tile - 6 + phase) * TILE_DAYS,
        );
        const own = { calibrators: 0 };
        for (const mid of mids)
          if (
            calibratorsInBeam(mid, transit.decRad).some(
              ({ calibrator, transitInSeconds }) =>
                calibrator === workhorse && Math.abs(transitInSeconds) <= 300,
            )
          ) {
            own.calibrators += 1;
            assert.ok(isCalibratorTile(mid, transit.decRad));
          }
        assert.ok(own.calibrators === 1 || own.calibrators === 2, `${own.calibrators}`);
      }),
      { numRuns: 20 },
    );
  });

  test("is none 46 minutes after, when it has left the beam", () => {
    assert.equal(isCalibratorTile(transit.mjdUtc + 46 / 1440, transit.decRad), false);
  });

  test("comes about every two hours at the telescope's usual declination", () => {
    const tiles = Array.from({ length: 279 }, (_, tile) => DATE_MJD + tile * TILE_DAYS);
    const count = tiles.filter((mid) => isCalibratorTile(mid, 54.57 * DEGREE_RAD)).length;

    assert.ok(count >= 8 && count <= 40, `${count} calibrator tiles in a day`);
  });
});

describe("predicted transits", () => {
  test("are in order, usable, and repeat each sidereal day", () => {
    const transits = predictTransits({
      fromMjd: DATE_MJD,
      days: 60,
      pointingDecRad: transit.decRad,
    });

    const own = transits.filter(({ calibrator }) => calibrator === workhorse);
    assert.ok(own.length === 60 || own.length === 61);
    assert.equal(own[0]?.mjdUtc, transit.mjdUtc);
    for (const [index, one] of transits.slice(1).entries())
      assert.ok(one.mjdUtc >= transits[index]!.mjdUtc);
    for (const one of transits) {
      assert.ok(one.apparentFluxJy >= CALIBRATOR_LIMITS.apparentFluxMinJy);
      const offAxis = Math.abs(one.decRad - transit.decRad);
      assert.ok(Math.abs(one.beamResponse - airyPower(offAxis, 1.405e9)) < 1e-12);
    }
  });

  test("without a pointing are those of each calibrator on the axis", () => {
    const transits = predictTransits({
      fromMjd: DATE_MJD,
      days: 1,
      limits: { ...CALIBRATOR_LIMITS, apparentFluxMinJy: 5 },
    });

    const names = new Set(transits.map(({ calibrator }) => calibrator.name));
    for (const name of ["1331+305", "0137+331", "0834+555"]) assert.ok(names.has(name), name);
    // X for do not use in C configuration, and never above the horizon.
    assert.ok(!names.has("1229+020"));
    for (const one of transits) {
      assert.equal(one.beamResponse, 1);
      assert.ok(one.elevationRad > 0);
    }
  });
});
