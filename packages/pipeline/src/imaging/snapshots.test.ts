import assert from "node:assert/strict";

import { beamKernel, type ImagePlane } from "@contimg/astro";
import { addSource, createRandom, synthesizeImage } from "@contimg/testkit";
import fc from "fast-check";
import { describe, test } from "vitest";

import { judgeFrames, smoothProjection } from "./snapshots.ts";

const SIDE = 128;
const KERNEL = beamKernel({ majorRad: 9e-5, minorRad: 6e-5, positionAngleRad: 0.3 }, 1.2e-5);
const FRAMES = 24;

describe("the frames of a tile", () => {
  test("with one flash name its frame, place and flux; no other frame has a candidate", () => {
    const frames = persistentSky();
    addSource(frames[9]!.pixels, SIDE, KERNEL, { x: 40, y: 85, flux: 0.12 });

    const verdicts = judgeFrames(frames);

    const flash = verdicts[9]!.candidate;
    assert.ok(Math.hypot(flash.x - 40, flash.y - 85) <= 1);
    assert.ok(flash.snr > 8, `snr is ${flash.snr}`);
    assert.ok(Math.abs(flash.fluxJy / 0.12 - 1) < 0.25, `flux is ${flash.fluxJy}`);
    assert.ok(Math.abs(flash.persistentJy) < 0.05);
    const others = verdicts.filter((_, frame) => frame !== 9).map((v) => v!.candidate.snr);
    assert.ok(Math.max(...others) < 6, `others reach ${Math.max(...others)}`);
  });

  test("see a flare on a source that persists, and say what persists", () => {
    const frames = persistentSky();
    addSource(frames[3]!.pixels, SIDE, KERNEL, { x: 64, y: 50, flux: 0.15 });

    const { candidate, peakSnr } = judgeFrames(frames)[3]!;

    assert.ok(Math.hypot(candidate.x - 64, candidate.y - 50) <= 1 && candidate.snr > 8);
    assert.ok(Math.abs(candidate.persistentJy / 0.92 - 1) < 0.15, `${candidate.persistentJy}`);
    assert.ok(peakSnr > 50);
  });

  test("that are empty get no verdict and spoil no other", () => {
    const frames = persistentSky();
    frames[5]!.pixels.fill(0);
    frames[6]!.pixels.fill(NaN);

    const verdicts = judgeFrames(frames);

    assert.equal(verdicts[5], undefined);
    assert.equal(verdicts[6], undefined);
    assert.ok(verdicts[4]!.candidate.snr < 6);
  });

  test("of one or none are judged without a course over time", () => {
    assert.deepEqual(judgeFrames([]), []);
    const [only] = judgeFrames(persistentSky().slice(0, 1));
    assert.equal(only!.candidate.snr, 0);
  });
});

describe("the smooth part of a course", () => {
  test("is every parabola itself, and projecting twice changes nothing", () => {
    const course = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(course, fc.integer({ min: 4, max: 40 }), ([a = 0, b = 0, c = 0], count) => {
        const times = Array.from({ length: count }, (_, index) => index + 3);
        const projection = smoothProjection(times, 2);
        const values = times.map((time) => a + b * time + c * time * time);

        const apply = (to: readonly number[]): number[] =>
          projection.map((row) => row.reduce((sum, share, at) => sum + share * to[at]!, 0));

        for (const [index, value] of apply(values).entries()) {
          assert.ok(Math.abs(value - values[index]!) < 1e-6 * (1 + Math.abs(value)));
        }
        const spike = times.map((_, index) => (index === 1 ? 1 : 0));
        const [once, twice] = [apply(spike), apply(apply(spike))];
        assert.ok(once.every((value, index) => Math.abs(value - twice[index]!) < 1e-9));
      }),
    );
  });
});

/** Noise of 10 mJy a frame, and a source of 1 Jy that fades and brightens as it drifts. */
function persistentSky(): ImagePlane[] {
  const random = createRandom(5);
  return Array.from({ length: FRAMES }, (_, frame) => {
    const drift = (frame - FRAMES / 2) / FRAMES;
    const flux = 1 + 0.1 * drift - 0.3 * drift ** 2;
    const sources = [{ x: 64, y: 50, flux }];
    const seed = Math.floor(1e6 * random());
    return synthesizeImage({ side: SIDE, kernel: KERNEL, sources, rms: 0.01, seed });
  });
}
