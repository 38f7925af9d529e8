import assert from "node:assert/strict";

import fc from "fast-check";
import { describe, test } from "vitest";

import type { Beam } from "./beam.ts";
import { commonBeam } from "./common-beam.ts";

const ARCSEC = Math.PI / 180 / 3600;

describe("the common beam", () => {
  test("of one beam is that beam", () => {
    fc.assert(
      fc.property(beams(1), ([beam]) => {
        const common = commonBeam([beam!]);

        assert.ok(Math.abs(common.majorRad / beam!.majorRad - 1) < 1e-3);
        assert.ok(Math.abs(common.minorRad / beam!.minorRad - 1) < 1e-3);
        if (beam!.majorRad > 1.1 * beam!.minorRad) {
          const turned = Math.abs(Math.sin(common.positionAngleRad - beam!.positionAngleRad));
          assert.ok(turned < 3e-3, `turned by ${turned} rad`);
        }
      }),
      { numRuns: 50 },
    );
  });

  test("covers every beam, and touches one", () => {
    fc.assert(
      fc.property(beams(4), (several) => {
        const common = commonBeam(several);
        const reach = Math.max(...several.map((beam) => excess(common, beam)));
        assert.ok(reach <= 1 + 2e-3, `a beam reaches ${reach} times its edge`);
        assert.ok(reach > 0.99, "a smaller one would do");
      }),
      { numRuns: 12 },
    );
  });

  test("of two crossed beams is the circle around both", () => {
    const common = commonBeam(
      [0, Math.PI / 2].map((positionAngleRad) => ({
        majorRad: 20 * ARCSEC,
        minorRad: 8 * ARCSEC,
        positionAngleRad,
      })),
    );
    assert.ok(Math.abs(common.majorRad / ARCSEC - 20) < 0.05);
    assert.ok(Math.abs(common.minorRad / ARCSEC - 20) < 0.05);
  });

  test("of none is refused", () => {
    assert.throws(() => commonBeam([]), /no beam/);
  });
});

function beams(maxLength: number): fc.Arbitrary<Beam[]> {
  const beam = fc
    .record({
      minor: fc.double({ min: 5, max: 40, noNaN: true }),
      elongation: fc.double({ min: 1, max: 4, noNaN: true }),
      angle: fc.double({ min: 0, max: Math.PI, noNaN: true }),
    })
    .map(({ minor, elongation, angle }) => ({
      majorRad: minor * elongation * ARCSEC,
      minorRad: minor * ARCSEC,
      positionAngleRad: angle,
    }));
  return fc.array(beam, { minLength: 1, maxLength });
}

/** How far an ellipse's outline reaches in units of the common one's. */
function excess(common: Beam, beam: Beam): number {
  let farthest = 0;
  for (let step = 0; step < 360; step++) {
    const angle = (step * Math.PI) / 180;
    const along = beam.majorRad * Math.cos(angle);
    const across = beam.minorRad * Math.sin(angle);
    // The outline's point in the axes of the common beam.
    const turn = beam.positionAngleRad - common.positionAngleRad;
    const major = along * Math.cos(turn) - across * Math.sin(turn);
    const minor = along * Math.sin(turn) + across * Math.cos(turn);
    farthest = Math.max(farthest, Math.hypot(major / common.majorRad, minor / common.minorRad));
  }
  return farthest;
}
