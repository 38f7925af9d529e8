/** Peaks between pixels. */
import assert from "node:assert/strict";

import { synthesizeImage } from "@contimg/testkit";
import { describe, test } from "vitest";

import { ARCSEC_RAD } from "../angle.ts";
import { beamKernel } from "./beam.ts";
import { heightOfPeak, PIXEL_SHARE_MIN } from "./peak-height.ts";

const KERNEL = beamKernel(
  { majorRad: 34 * ARCSEC_RAD, minorRad: 9 * ARCSEC_RAD, positionAngleRad: 1.85 },
  3 * ARCSEC_RAD,
);

describe("the height of a peak", () => {
  test("is that of the source, wherever between the pixels it lies", () => {
    for (const [dx, dy] of [
      [0, 0],
      [0.5, 0.5],
      [-0.5, 0.5],
      [0.3, -0.45],
    ] as const) {
      const sources = [{ x: 40 + dx, y: 40 + dy, flux: 2 }];
      const plane = synthesizeImage({ side: 80, kernel: KERNEL, sources, rms: 0, seed: 1 });
      const [x, y] = highestPixel(plane);
      const pixel = plane.pixels[y * plane.width + x]!;
      assert.ok(pixel >= 2 * PIXEL_SHARE_MIN, `${dx}, ${dy}: the pixel has ${pixel}`);
      assert.ok(Math.abs(heightOfPeak(plane, x, y) - 2) < 1e-4, `${heightOfPeak(plane, x, y)}`);
    }
  });

  test("is the pixel's own where its neighbors have no logarithm, or no top", () => {
    const spike = plane3([-1, -1, -1, -1, 5, -1, -1, -1, -1]);
    assert.equal(heightOfPeak(spike, 1, 1), 5);
    const ridge = plane3([1, 4, 5, 1, 5, 1, 5, 4, 1]);
    assert.equal(heightOfPeak(ridge, 1, 1), 5);
    const hollow = plane3([NaN, 1, 1, 1, 5, 1, 1, 1, 1]);
    assert.equal(heightOfPeak(hollow, 1, 1), 5);
  });
});

function plane3(values: number[]) {
  return { width: 3, height: 3, pixels: Float32Array.from(values) };
}

function highestPixel(plane: { width: number; pixels: Float32Array }): [x: number, y: number] {
  const { width, pixels } = plane;
  const index = pixels.indexOf(pixels.reduce((a, b) => Math.max(a, b)));
  return [index % width, Math.floor(index / width)];
}
