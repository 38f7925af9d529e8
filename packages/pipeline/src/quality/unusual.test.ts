import assert from "node:assert/strict";

import fc from "fast-check";
import { describe, test } from "vitest";

import { randomStream } from "../simulate/random.ts";
import { THRESHOLDS } from "./thresholds.ts";
import { percentileOf, robustZScore, unusualFindings } from "./unusual.ts";

describe("the robust z-score", () => {
  test("is the deviation over sigma for a normal distribution", () => {
    const past = normalValues(20_000, 7, 2);

    for (const sigmas of [-4, -1, 0, 2.5]) {
      const z = robustZScore(7 + 2 * sigmas, past)!;
      assert.ok(Math.abs(z - sigmas) < 0.06, `${z} for ${sigmas}`);
    }
  });

  test("is 1/1.4826 per MAD, by hand", () => {
    // Median 3, deviations 2 1 0 1 2, MAD 1.
    assert.ok(Math.abs(robustZScore(6, [1, 2, 3, 4, 5])! - 3 / 1.4826) < 1e-4);
  });

  test("does not care for four wild values in ten", () => {
    const calm = normalValues(1000, 0, 1);
    const wild = calm.map((value, index) => (index % 5 < 2 ? 1e6 : value));

    const z = robustZScore(20, wild)!;

    // The median moves to the 5/6 quantile of the calm ones and the MAD grows; it stays far out.
    assert.ok(z > 5, String(z));
    const mean = wild.reduce((sum, each) => sum + each) / wild.length;
    assert.ok(mean > 1e5, "while the mean is lost");
  });

  test("falls back on the mean deviation where most values are equal", () => {
    const past = [...Array<number>(30).fill(96), ...Array<number>(10).fill(95)];

    // Mean absolute deviation 0.25, sigma 0.3133.
    assert.ok(Math.abs(robustZScore(90, past)! - -6 / (0.25 * Math.sqrt(Math.PI / 2))) < 1e-9);
  });

  test("does not exist without a past or a scale", () => {
    assert.equal(robustZScore(1, []), null);
    assert.equal(robustZScore(1, [2, 2, 2]), null);
  });

  test("does not change with unit and zero point", () => {
    const numbers = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 3 });
    fc.assert(
      fc.property(numbers, fc.integer({ min: -2000, max: 2000 }), (past, value) => {
        const z = robustZScore(value, past);
        const other = robustZScore(
          4 * value + 8,
          past.map((each) => 4 * each + 8),
        );
        if (z === null) assert.equal(other, null);
        else assert.ok(Math.abs(z - other!) < 1e-9 * Math.max(1, Math.abs(z)));
      }),
    );
  });
});

describe("an unusual value", () => {
  const limits = THRESHOLDS.history;
  const past = { rms_jy: normalValues(100, 2e-4, 1e-5) };

  test("is a warning with its distance, never more", () => {
    const [finding, ...others] = unusualFindings({ rms_jy: 4e-4, other: 1 }, past, limits);

    assert.equal(others.length, 0);
    assert.equal(finding?.verdict, "warn");
    assert.equal(finding.kind, "unusual");
    assert.match(
      finding.text,
      /rms_jy is 0\.0004, unusual: \d+(\.\d+)? sigma from the median 0\.000/,
    );
  });

  test("is none within the limit, nor with too little of a past", () => {
    assert.deepEqual(unusualFindings({ rms_jy: 2.2e-4 }, past, limits), []);
    const short = { rms_jy: past.rms_jy.slice(0, limits.count_min - 1) };
    assert.deepEqual(unusualFindings({ rms_jy: 1 }, short, limits), []);
    const enough = { rms_jy: past.rms_jy.slice(0, limits.count_min) };
    assert.equal(unusualFindings({ rms_jy: 1 }, enough, limits).length, 1);
  });

  test("is told in less than one of a thousand usual runs", () => {
    const random = normalValues(2000, 2e-4, 1e-5, 11);
    const told = random.filter(
      (value) => unusualFindings({ rms_jy: value }, past, limits).length > 0,
    );
    assert.ok(told.length <= 2, `${told.length} of 2000`);
  });
});

test("the percentile counts what is below, and half of what is equal", () => {
  assert.equal(percentileOf(3, [1, 2, 3, 4]), 62.5);
  assert.equal(percentileOf(0, [1, 2]), 0);
  assert.equal(percentileOf(9, [1, 2]), 100);
  assert.equal(percentileOf(9, []), null);
});

function normalValues(count: number, mean: number, sigma: number, seed = 3): number[] {
  const random = randomStream("unusual", seed);
  return Array.from({ length: count }, () => mean + sigma * random.normal());
}
