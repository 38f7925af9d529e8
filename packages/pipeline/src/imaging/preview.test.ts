import assert from "node:assert/strict";

import { skyToPixel, wcsFromCards } from "@contimg/astro";
import { createRandom } from "@contimg/testkit";
import { describe, test } from "vitest";

import { colorOf, stretch } from "./preview-colors.ts";
import { addFrame } from "./preview-frame.ts";
import { renderPreview } from "./preview.ts";

const SIDE = 700;
const INK = [214, 214, 214];

describe("a preview", () => {
  test("has a source where the sky has it, north up and east left", () => {
    const random = createRandom(1);
    const pixels = Float32Array.from({ length: SIDE * SIDE }, () => random() - 0.5);
    // North-west of the middle: right and, in the image, up from its first row.
    const place = { x: 500, y: 600 };
    for (let dy = -2; dy <= 2; dy++) {
      pixels.fill(1000, (place.y + dy) * SIDE + place.x - 2, (place.y + dy) * SIDE + place.x + 3);
    }
    const picture = renderPreview({ width: SIDE, height: SIDE, pixels }, options());

    const [left, top] = [picture.width - SIDE - 132, picture.height - SIDE - 40];
    const at = 3 * ((top + SIDE - 1 - place.y) * picture.width + left + place.x);
    assert.deepEqual([...picture.rgb.subarray(at, at + 3)], [...colorOf(1)]);
  });

  test("has a tick below each whole step of right ascension, also across 24 h", () => {
    const picture = { width: SIDE, height: SIDE, rgb: new Uint8Array(3 * SIDE * SIDE) };
    const { wcs } = options();
    const framed = addFrame(picture, { wcs, binFactor: 1, rmsJy: 1e-3, caption: "" });

    const row = framed.height - 40 + 2;
    const inked = Array.from({ length: SIDE }, (_, x) => x).filter((x) => {
      const at = 3 * (row * framed.width + 92 + x);
      return INK.every((channel, index) => framed.rgb[at + index] === channel);
    });
    // The field is centered on 0 h; 10 minutes of right ascension are 2.5 degrees.
    const bottomDecRad = wcs.referenceDecRad - (350 * 30 * Math.PI) / 180 / 3600;
    const atMidnight = skyToPixel(wcs, { raRad: 0, decRad: bottomDecRad })!.x;
    assert.ok(
      inked.some((x) => Math.abs(x - atMidnight) <= 2),
      `${inked.join()} ${atMidnight}`,
    );
    assert.ok(inked.length >= 4 && inked.length <= 16);
  });

  test("stretches from below the noise to the brightest without a step back", () => {
    const levels = [-5, -1.5, 0, 1, 5, 30, 299, 300, 1e6].map(stretch);
    assert.deepEqual(
      levels,
      levels.toSorted((a, b) => a - b),
    );
    assert.deepEqual([levels[0], levels.at(-1), stretch(NaN)], [0, 1, 0]);
  });
});

function options() {
  const cards: Record<string, string | number> = {
    ...{ CTYPE1: "RA---SIN", CTYPE2: "DEC--SIN", CRPIX1: 351, CRPIX2: 351 },
    ...{ CRVAL1: 0, CRVAL2: 40, CDELT1: -30 / 3600, CDELT2: 30 / 3600 },
  };
  return {
    cellArcsec: 30,
    beam: { majorArcsec: 90, minorArcsec: 60, positionAngleDeg: 30 },
    wcs: wcsFromCards({ find: (keyword) => cards[keyword] }),
    caption: "test",
  };
}
