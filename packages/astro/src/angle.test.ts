import assert from "node:assert/strict";

import fc from "fast-check";
import { describe, test } from "vitest";

import {
  ARCSEC_RAD,
  formatDegrees,
  formatHours,
  parseDegrees,
  parseHours,
  separationRad,
  wrapHalfTurn,
  wrapTurn,
} from "./angle.ts";

describe("angles", () => {
  test("wrap into one turn without changing direction", () => {
    fc.assert(
      fc.property(fc.double({ min: -1e3, max: 1e3, noNaN: true }), (angleRad) => {
        for (const wrapped of [wrapTurn(angleRad), wrapHalfTurn(angleRad)]) {
          assert.ok(Math.abs(Math.sin(wrapped) - Math.sin(angleRad)) < 1e-9);
          assert.ok(Math.abs(Math.cos(wrapped) - Math.cos(angleRad)) < 1e-9);
        }
        assert.ok(Math.abs(wrapHalfTurn(angleRad)) <= Math.PI);
      }),
    );
  });

  test("print with a carry and read back", () => {
    assert.equal(formatHours(parseHours("23:59:59.999"), 2), "00:00:00.00");
    assert.equal(formatDegrees(parseDegrees("-00:59:59.96"), 1), "-01:00:00.0");
    assert.equal(formatHours(parseHours("05:42:36.14"), 2), "05:42:36.14");
    assert.throws(() => parseDegrees("+91:00:00"), RangeError);
    assert.throws(() => parseHours("12h34"), /not of the form/);
  });

  test("measure tiny separations without losing digits", () => {
    const tiny = separationRad(1, 0.5, 1, 0.5 + 1e-6 * ARCSEC_RAD);
    assert.ok(Math.abs(tiny / ARCSEC_RAD / 1e-6 - 1) < 1e-3);
    assert.ok(Math.abs(separationRad(0, 0, Math.PI, 0) - Math.PI) < 1e-12);
  });
});
