import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { createAmplitudeClip, type IntegrationSlab } from "./amplitude-clip.ts";

const ROWS = 200;
const CHANNELS = 32;
const RANGE = { first: 0, end: CHANNELS };
const ALL_ROWS = Int32Array.from({ length: ROWS }, (_, row) => row);

describe("amplitude limits", () => {
  test("pass ordinary noise and stop one loud visibility", () => {
    const slab = noiseSlab();
    setAmplitude(slab, 17, 5, 30);

    const limit = createAmplitudeClip(RANGE, 1).powerLimits(slab, ALL_ROWS);

    const stopped = powersOf(slab).filter((power, at) => power > limit[at % CHANNELS]!);
    assert.deepEqual(stopped.map(Math.round), [900]);
  });

  test("close a channel that is loud on all baselines alike", () => {
    const slab = noiseSlab();
    for (let row = 0; row < ROWS; row += 1) setAmplitude(slab, row, 9, 5 + (row % 7) / 10);

    const limit = createAmplitudeClip(RANGE, 1).powerLimits(slab, ALL_ROWS);

    assert.equal(limit[9], 0);
    assert.equal(limit.filter((value) => value === 0).length, 1);
  });

  test("do not see what is flagged, zero or not a number", () => {
    const slab = noiseSlab();
    const clean = createAmplitudeClip(RANGE, 1).powerLimits(slab, ALL_ROWS).slice();
    for (let row = 0; row < 90; row += 1) setAmplitude(slab, row, 4, [0, NaN, 1e6][row % 3]!);
    for (let row = 2; row < 90; row += 3) slab.flags[row * CHANNELS + 4] = 1;

    const limit = createAmplitudeClip(RANGE, 1).powerLimits(slab, ALL_ROWS);

    assert.ok(Math.abs(Math.sqrt(limit[4]!) - Math.sqrt(clean[4]!)) < 1.5);
  });

  test("leave data without noise alone", () => {
    const slab = noiseSlab();
    for (let row = 0; row < ROWS; row += 1)
      for (let channel = 0; channel < CHANNELS; channel += 1)
        setAmplitude(slab, row, channel, 1 + (row % 50 === 0 ? 0.2 : 0));

    const limit = createAmplitudeClip(RANGE, 1).powerLimits(slab, ALL_ROWS);

    assert.ok(limit.every((value) => value > 1.2 ** 2));
  });

  test("are zero where a channel has nothing usable", () => {
    const slab = noiseSlab();
    for (let row = 0; row < ROWS; row += 1) setAmplitude(slab, row, 3, 0);

    assert.equal(createAmplitudeClip(RANGE, 1).powerLimits(slab, ALL_ROWS)[3], 0);
  });
});

/** Amplitudes about 1 with a scatter of some tenths, the same in every run. */
function noiseSlab(): IntegrationSlab {
  const vis = new Float32Array(2 * ROWS * CHANNELS);
  let state = 7;
  for (let at = 0; at < vis.length; at += 1) {
    let sum = -6;
    for (let k = 0; k < 12; k += 1) {
      state = (state * 48_271) % 2_147_483_647;
      sum += state / 2_147_483_647;
    }
    vis[at] = 0.7 * sum;
  }
  const flags = new Uint8Array(ROWS * CHANNELS);
  return { vis, flags, rowCount: ROWS, channelCount: CHANNELS, polarizationCount: 1 };
}

function setAmplitude(slab: IntegrationSlab, row: number, channel: number, value: number): void {
  slab.vis[2 * (row * CHANNELS + channel)] = value;
  slab.vis[2 * (row * CHANNELS + channel) + 1] = 0;
}

function powersOf({ vis }: IntegrationSlab): number[] {
  return Array.from(
    { length: vis.length / 2 },
    (_, at) => vis[2 * at]! ** 2 + vis[2 * at + 1]! ** 2,
  );
}
