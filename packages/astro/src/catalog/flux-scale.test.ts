import assert from "node:assert/strict";

import fc from "fast-check";
import { describe, test } from "vitest";

import { PERLEY_BUTLER_2017, polynomialFluxJy, polynomialIndex } from "./flux-scale.ts";

describe("the flux scale of Perley and Butler (2017)", () => {
  // What CASA computes with its own table of the scale (its unit test, FluxStandard2_GTest.cc).
  test.each([
    ["3C48", 2e9, 12.0766376419],
    ["3C48", 20e9, 1.34376748572],
    ["3C138", 2e9, 6.99355160643],
    ["3C138", 20e9, 1.37874384626],
    ["3C147", 2e9, 16.7997184717],
    ["3C147", 20e9, 2.09874986844],
    ["3C196", 2e9, 10.3786270159],
    ["3C196", 20e9, 0.853708631823],
    ["3C286", 2e9, 12.5056530041],
    ["3C286", 20e9, 2.72898772521],
    ["3C295", 2e9, 16.3591315603],
    ["3C295", 20e9, 1.09928230977],
  ])("gives %s at %d Hz as CASA does", (name, frequencyHz, casaJy) => {
    const ours = polynomialFluxJy(known(name), frequencyHz);

    assert.ok(Math.abs(ours / casaJy - 1) < 1e-6, `${ours} Jy, CASA has ${casaJy}`);
  });

  test.each([...PERLEY_BUTLER_2017.keys()])(
    "makes %s a power law within 0.1 %% over our band",
    (name) => {
      const polynomial = known(name);
      const alpha = polynomialIndex(polynomial, 1.4e9);
      for (const frequencyHz of [1.31125e9, 1.405e9, 1.49875e9]) {
        const powerLaw = polynomialFluxJy(polynomial, 1.4e9) * (frequencyHz / 1.4e9) ** alpha;
        const exact = polynomialFluxJy(polynomial, frequencyHz);
        assert.ok(Math.abs(powerLaw / exact - 1) < 1e-3, `${frequencyHz} Hz: ${powerLaw / exact}`);
      }
    },
  );

  test("has the slope of its own values everywhere", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...PERLEY_BUTLER_2017.values()),
        fc.double({ min: 0.25, max: 40, noNaN: true }),
        (polynomial, ghz) => {
          const step = 1e-4;
          const above = polynomialFluxJy(polynomial, ghz * 1e9 * (1 + step));
          const below = polynomialFluxJy(polynomial, ghz * 1e9 * (1 - step));
          const slope = Math.log(above / below) / Math.log((1 + step) / (1 - step));
          assert.ok(Math.abs(slope - polynomialIndex(polynomial, ghz * 1e9)) < 1e-5);
        },
      ),
    );
  });

  test("is refused outside the frequencies that were fitted", () => {
    assert.throws(() => polynomialFluxJy(known("3C138"), 0.1e9), /from 0\.2 to 50 GHz/);
    assert.throws(() => polynomialFluxJy(known("3C286"), Number.NaN), RangeError);
  });
});

function known(name: string) {
  return PERLEY_BUTLER_2017.get(name) ?? assert.fail(name);
}
