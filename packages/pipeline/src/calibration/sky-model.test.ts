import assert from "node:assert/strict";

import { DEGREE_RAD, nextTransit } from "@contimg/astro";
import { findCalibrator, type CatalogSource } from "@contimg/formats";
import fc from "fast-check";
import { describe, test } from "vitest";

import { DSA_SITE } from "../array-site.ts";
import { dsaTile, vlaCalibrators } from "../calibrators/in-beam.ts";
import { CALIBRATOR_LIMITS, placeCalibrator } from "../calibrators/rank.ts";
import { PipelineError } from "../errors.ts";
import { chooseCalibrator, fieldModel } from "./sky-model.ts";

const workhorse = findCalibrator(vlaCalibrators(), "0834+555");
const transit = nextTransit(workhorse, DSA_SITE, 61_065);
const tile = dsaTile(transit.mjdUtc, transit.decRad);
const calibrator = placeCalibrator(workhorse, tile);

describe("the choice of a calibrator", () => {
  test("takes the best of the beam and says why it refuses others", () => {
    const { chosen, refused } = chooseCalibrator(
      vlaCalibrators(),
      undefined,
      tile,
      CALIBRATOR_LIMITS,
    );

    assert.equal(chosen.calibrator.name, "0834+555");
    assert.ok(refused.length > 0);
    for (const sentence of refused) assert.match(sentence, /^\d{4}[+-]\d+.*: refused for /);
  });

  test("has the next one ready when the best is missing", () => {
    const two = [workhorse, { ...workhorse, name: "backup", fluxJy: 2 }];

    const { backups } = chooseCalibrator(two, undefined, tile, CALIBRATOR_LIMITS);

    assert.deepEqual(
      backups.map((one) => one.calibrator.name),
      ["backup"],
    );
  });

  test("takes a calibrator of any quality that a person names, but not a faint one", () => {
    // XXXS: not for C configuration.
    const standard = findCalibrator(vlaCalibrators(), "3C196");
    const itsTransit = nextTransit(standard, DSA_SITE, 61_065);
    const itsTile = dsaTile(itsTransit.mjdUtc, itsTransit.decRad);

    const byRank = (): unknown =>
      chooseCalibrator([standard], undefined, itsTile, CALIBRATOR_LIMITS);
    const { chosen } = chooseCalibrator([standard], "3C196", itsTile, CALIBRATOR_LIMITS);

    assert.throws(byRank, /3C196\) with 14\.\d+ Jy .*refused for quality X/);
    assert.equal(chosen.calibrator.name, "0813+482");
    assert.throws(
      () => chooseCalibrator([], "3C196", tile, CALIBRATOR_LIMITS),
      /calibrator 0813\+482 \(3C196\) with .* refused for beam response/,
    );
  });

  test("is refused as NoCalibrator when the beam shows none, with what it does show", () => {
    const faint = { ...workhorse, fluxJy: 0.1 };
    try {
      chooseCalibrator([faint], undefined, tile, CALIBRATOR_LIMITS);
      assert.fail("there is no calibrator");
    } catch (error) {
      assert.ok(error instanceof PipelineError);
      assert.equal(error.tag, "NoCalibrator");
      assert.match(error.message, /0834\+555 with 0\.10 Jy at 0\.00 .* expected at least 0\.5 Jy/);
    }
  });
});

describe("the model of the field", () => {
  test("is the calibrator alone without a catalog, and holds all of the flux", () => {
    const model = fieldModel([], calibrator, tile, { fluxFraction: 0.95, sourcesMax: 9 });

    assert.deepEqual(model.sources, [calibrator.source]);
    assert.equal(model.fluxFraction, 1);
    assert.equal(model.fluxLimitJy, calibrator.apparentFluxJy);
  });

  test("leaves out the calibrator's own entry and what the beam does not show", () => {
    const own = source({ fluxJy: 8, decRad: workhorse.decRad + 10 / 206_265 });
    const outside = source({ fluxJy: 50, decRad: workhorse.decRad - 6 * DEGREE_RAD });
    const model = fieldModel([own, outside], calibrator, tile, {
      ...{ fluxFraction: 1, sourcesMax: 9 },
    });

    assert.equal(model.sources.length, 1);
    assert.equal(model.fieldFluxJy, calibrator.apparentFluxJy);
  });

  test("takes the brightest in the beam, not the brightest", () => {
    const bright = source({ name: "far", fluxJy: 2, decRad: workhorse.decRad + 2.5 * DEGREE_RAD });
    const near = source({ name: "near", fluxJy: 1, decRad: workhorse.decRad + 0.5 * DEGREE_RAD });
    const { sources, fluxLimitJy } = fieldModel([bright, near], calibrator, tile, {
      ...{ fluxFraction: 1, sourcesMax: 2 },
    });

    assert.deepEqual(sources, [calibrator.source, near]);
    assert.ok(fluxLimitJy < 1 && fluxLimitJy > 0.8);
  });

  test("stops at its share of the flux or its number of sources, and states the share", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.01, max: 3, noNaN: true }), { maxLength: 30 }),
        fc.double({ min: 0.5, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 12 }),
        (fluxes, fluxFraction, sourcesMax) => {
          const catalog = fluxes.map((fluxJy, index) =>
            source({ fluxJy, decRad: workhorse.decRad + (index + 1) * 0.05 * DEGREE_RAD }),
          );
          const model = fieldModel(catalog, calibrator, tile, { fluxFraction, sourcesMax });
          assert.ok(model.sources.length <= sourcesMax);
          assert.ok(model.fluxFraction > 0 && model.fluxFraction <= 1 + 1e-12);
          if (model.sources.length < Math.min(sourcesMax, catalog.length + 1))
            assert.ok(model.fluxFraction >= fluxFraction);
        },
      ),
    );
  });
});

function source(changes: Partial<CatalogSource>): CatalogSource {
  return {
    ...{ name: "source", raRad: workhorse.raRad, decRad: workhorse.decRad, fluxJy: 1 },
    ...{ referenceFrequencyHz: 1.405e9, spectralIndex: 0 },
    ...changes,
  };
}
