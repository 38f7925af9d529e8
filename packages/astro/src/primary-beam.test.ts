import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { DEGREE_RAD } from "./angle.ts";
import { airyPower, besselJ1 } from "./primary-beam.ts";

// Abramowitz & Stegun (1964), table 9.1.
const J1_TABLE: readonly (readonly [number, number])[] = [
  [0.5, 0.242_268_457_7],
  [1, 0.440_050_585_7],
  [2, 0.576_724_807_8],
  [3.5, 0.137_377_527_4],
  [5, -0.327_579_137_6],
  [8, 0.234_636_346_9],
  [10, 0.043_472_746_2],
  [15, 0.205_104_038_6],
];

describe("the primary beam", () => {
  test("rests on a J1 that agrees with the printed tables", () => {
    for (const [x, tabulated] of J1_TABLE) {
      assert.ok(Math.abs(besselJ1(x) - tabulated) < 1e-10, `J1(${x}) = ${besselJ1(x)}`);
      assert.equal(besselJ1(-x), -besselJ1(x));
    }
    assert.ok(Math.abs(besselJ1(3.831_705_970_207_512)) < 1e-12, "the first zero");
  });

  test("is whole on its axis, where a formula without J1 falls to nothing", () => {
    // (2 J1(x) / x)² is 1 − x²/4 + … near 0; (2 x / 3)², which was used once, makes bright
    // calibrators in the middle of the beam look faint.
    for (const offset of [0, 1e-12, 1e-6, 0.01]) {
      const response = airyPower(offset * DEGREE_RAD, 1.405e9);
      assert.ok(response > 0.9999 && response <= 1, `${response} at ${offset}°`);
    }
  });

  test("joins its two expansions without a step", () => {
    const step = besselJ1(12 + 1e-9) - besselJ1(12 - 1e-9);
    assert.ok(Math.abs(step) < 1e-9, `${step}`);
  });

  test("of a 4.65 m dish, not 4.7 m, is one half at 1.353° and zero at 3.21° at 1.405 GHz", () => {
    assert.equal(airyPower(0, 1.405e9), 1);
    assert.ok(Math.abs(airyPower(1.353 * DEGREE_RAD, 1.405e9) - 0.5) < 1e-3);
    assert.ok(airyPower(3.211 * DEGREE_RAD, 1.405e9) < 1e-6);
  });
});
