import assert from "node:assert/strict";

import { airyPower, ARCSEC_RAD } from "@contimg/astro";
import fc from "fast-check";
import { describe, test } from "vitest";

import { PipelineError } from "../errors.ts";
import {
  chooseSettings,
  type DataFacts,
  fftFriendly,
  givenSettings,
  nominalSettings,
} from "./choose-settings.ts";
import { imagingParamsSchema } from "./imaging-params.ts";
import { TIER_NAMES, TIERS } from "./tiers.ts";

/** A full-size tile at declination 55.5°. */
const DSA: DataFacts = {
  longestBaselineM: 2518,
  frequencyMinHz: 1.31125e9,
  frequencyMaxHz: 1.49875e9,
  channelCount: 192,
  dishDiameterM: 4.65,
  expectedNoiseJy: 4e-4,
};
const GROUP = "2026-01-25T08:55:17";

describe("the settings of a tile of DSA-110", () => {
  test("are at tier standard those that were measured and decided", () => {
    const { settings } = chooseSettings("standard", DSA, {});

    assert.deepEqual(settings, {
      cell_arcsec: 3,
      pixel_count: 4096,
      robustness: 0,
      iterations_max: 30_000,
      major_gain: 0.9,
      auto_mask_sigma: 5,
      auto_threshold_sigma: 3,
      threshold_jy: 0.0012,
      channels_out: 1,
    });
  });

  test.each([16, 37])("keep their pixels at declination %i°", (declinationDeg) => {
    const longestBaselineM = { 16: 2494, 37: 2602 }[declinationDeg]!;
    const { settings } = chooseSettings("standard", { ...DSA, longestBaselineM }, {});
    assert.deepEqual([settings.cell_arcsec, settings.pixel_count], [3, 4096]);
  });

  test("are small at tier quicklook and large at tier deep", () => {
    const quick = chooseSettings("quicklook", DSA, {}).settings;
    const deep = chooseSettings("deep", DSA, {}).settings;

    assert.deepEqual([quick.cell_arcsec, quick.pixel_count, quick.channels_out], [5, 1944, 1]);
    assert.deepEqual([deep.cell_arcsec, deep.pixel_count, deep.channels_out], [3, 4800, 4]);
    assert.deepEqual(nominalSettings("deep", {}), { pixel_count: 4800, channels_out: 4 });
  });
});

describe("settings chosen from any data", () => {
  const facts = fc.record({
    longestBaselineM: fc.double({ min: 20, max: 40_000, noNaN: true }),
    frequencyMinHz: fc.double({ min: 5e8, max: 2e9, noNaN: true }),
    widthHz: fc.double({ min: 1e6, max: 1e9, noNaN: true }),
    channelCount: fc.integer({ min: 1, max: 1000 }),
    dishDiameterM: fc.double({ min: 2, max: 30, noNaN: true }),
    noiseJy: fc.option(fc.double({ min: 1e-6, max: 1, noNaN: true }), { nil: undefined }),
  });

  test("sample the finest fringe, cover the beam, transform fast and stay in range", () => {
    fc.assert(
      fc.property(facts, fc.constantFrom(...TIER_NAMES), (any, tierName) => {
        const data: DataFacts = {
          ...any,
          frequencyMaxHz: any.frequencyMinHz + any.widthHz,
          expectedNoiseJy: any.noiseJy,
        };

        const { settings, reasons } = chooseSettings(tierName, data, {});

        const fringeRad = 299_792_458 / data.frequencyMaxHz / data.longestBaselineM;
        const cellRad = settings.cell_arcsec * ARCSEC_RAD;
        assert.ok(cellRad <= (1 + 1e-6) * (fringeRad / TIERS[tierName].pixelsPerFringe));
        assert.ok(isFiveSmooth(settings.pixel_count) && settings.pixel_count % 4 === 0);
        assert.ok(settings.channels_out >= 1 && settings.channels_out <= data.channelCount);
        if (settings.pixel_count > 64 && settings.pixel_count < 16_000) {
          const middleHz = (data.frequencyMinHz + data.frequencyMaxHz) / 2;
          const edge = airyPower(
            (settings.pixel_count / 2) * cellRad,
            middleHz,
            data.dishDiameterM,
          );
          assert.ok(Math.abs(edge - TIERS[tierName].edgeResponse) < 0.1, `edge at ${edge}`);
        }
        const params = imagingParamsSchema.parse({ group_id: GROUP, ...settings });
        assert.deepEqual(chooseSettings(tierName, data, givenSettings(params)).settings, settings);
        assert.ok(Object.values(reasons).every((reason) => reason.length > 0));
      }),
    );
  });

  test("use a size near the wanted one", () => {
    fc.assert(
      fc.property(fc.double({ min: 64, max: 16_384, noNaN: true }), (wanted) => {
        const count = fftFriendly(wanted);
        assert.ok(isFiveSmooth(count) && count % 4 === 0);
        const off = Math.abs(count - wanted);
        for (let other = 4 * Math.ceil((wanted - off) / 4); other < wanted + off; other += 4) {
          const isNearer = Math.abs(other - wanted) < off && isFiveSmooth(other);
          assert.ok(!isNearer, `${other} is nearer to ${wanted} than ${count}`);
        }
        // From 96 on two such sizes are at most an eighth apart.
        if (wanted >= 96) assert.ok(off / wanted < 0.07, `${count} for ${wanted}`);
      }),
      { numRuns: 1000 },
    );
  });

  test("have no floor where the data cannot tell the noise", () => {
    const { settings, reasons } = chooseSettings(
      "standard",
      { ...DSA, expectedNoiseJy: undefined },
      {},
    );
    assert.equal(settings.threshold_jy, 0);
    assert.match(reasons.threshold_jy, /polarizations do not tell/);
  });
});

describe("a setting that is given", () => {
  test("wins over the rule, and the reason says so", () => {
    const { settings, reasons } = chooseSettings("standard", DSA, { cell_arcsec: 4 });

    assert.equal(settings.cell_arcsec, 4);
    assert.equal(settings.pixel_count, 3200, "the size follows the cell");
    assert.equal(reasons.cell_arcsec, "given; the rule says 3");
  });

  test.each([
    [{ cell_arcsec: 9 }, "cell_arcsec is 9, expected 0.01 to 8.19 (half a fringe"],
    [{ channels_out: 64 }, "channels_out is 64, expected 1 to 8 (the channels that there are)"],
    [{ auto_threshold_sigma: 7 }, "auto_threshold_sigma is 7, expected 0 to 5 (auto_mask_sigma"],
  ])("that the data forbid is refused: %o", (given, message) => {
    assert.throws(
      () => chooseSettings("standard", { ...DSA, channelCount: 8 }, given),
      (error: unknown) => {
        assert.ok(error instanceof PipelineError && error.tag === "InvalidParams");
        assert.ok(error.message.startsWith(message), error.message);
        assert.equal(error.fields["field"], Object.keys(given)[0]);
        return true;
      },
    );
  });

  test.each([
    [{ cell_arcsec: -1 }, "cell_arcsec", "is -1, expected a number from 0.01 to 600 arcsec"],
    [{ pixel_count: 4097 }, "pixel_count", "is 4097, expected an even number of pixels"],
    [{ pixel_count: 1e6 }, "pixel_count", "is 1000000, expected a whole number from 64 to 16384"],
    [{ major_gain: "0.9" }, "major_gain", 'is "0.9", expected a number from 0.05 to 1'],
    [{ tier: "best" }, "tier", 'is "best", expected one of quicklook, standard, deep'],
    [{ threshold_jy: Infinity }, "threshold_jy", "expected a number from 0 to 1000 Jy"],
  ])("outside its range is refused with field, value and range: %o", (given, field, message) => {
    const { error } = imagingParamsSchema.safeParse({ group_id: GROUP, ...given });

    assert.deepEqual(error?.issues[0]?.path, [field]);
    assert.ok(error.issues[0].message.includes(message), error.issues[0].message);
  });
});

function isFiveSmooth(count: number): boolean {
  let rest = count;
  for (const prime of [2, 3, 5]) while (rest % prime === 0) rest /= prime;
  return rest === 1;
}

test("a threshold in mJy, in words, or without its unit is refused by name, never guessed", () => {
  const wrong = [
    { threshold_mjy: 5 },
    { threshold: 0.005 },
    { threshold_jy: "5mJy" },
    { threshold_jy: "0.005" },
  ];
  for (const params of wrong) {
    const parsed = imagingParamsSchema.safeParse({ group_id: GROUP, ...params });
    assert.ok(!parsed.success, JSON.stringify(params));
    assert.match(parsed.error.message, new RegExp(Object.keys(params)[0]!));
  }
});
