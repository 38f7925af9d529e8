import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { averageChannels, divideByGains, type AveragedSlab } from "./apply-gains.ts";

const RECEPTORS = { first: [0], second: [0] };
const ROWS = { row: Int32Array.of(0), antenna1: Int32Array.of(0), antenna2: Int32Array.of(1) };

describe("dividing by gains", () => {
  test("undoes g_p times the conjugate of g_q", () => {
    // g_0 = 2i, g_1 = 1 + i: their product 2i (1 − i) = 2 + 2i; of a source of 3 Jy 6 + 6i.
    const { slab, solution } = setup([6, 6], [0, 2], [1, 1]);

    const flagged = divideByGains(slab, ROWS, solution, RECEPTORS, { first: 0, end: 1 });

    assert.equal(flagged, 0);
    assert.deepEqual(Array.from(slab.vis), [3, 0]);
  });

  test.each([
    ["a zero", [0, 0], 1],
    ["not a number", [Number.NaN, 1], 1],
    ["infinite", [Infinity, 1], 1],
    ["without a solution", [6, 6], 0],
  ])("flags a visibility that is %s", (_what, vis, power) => {
    const { slab, solution } = setup(vis, [0, 2], [1, 1]);
    solution.powers[1] = power;

    const flagged = divideByGains(slab, ROWS, solution, RECEPTORS, { first: 0, end: 1 });

    assert.equal(flagged, 1);
    assert.equal(slab.flags[0], 1);
  });
});

describe("averaging channels", () => {
  test("weights them by the gains' power and leaves flagged and loud ones out", () => {
    const { slab, solution } = setup([1, 0, 3, 0, 9, 0, 100, 0], gains(4), gains(4));
    solution.powers.set([1, 3, 1, 1], 0);
    slab.flags[2] = 1;
    const out = emptyAverage();

    const clipped = average(slab, solution, out, Float32Array.of(50, 50, 50, 50));

    // (1 · 1 + 3 · 3) / (1 + 3); the third is flagged, the fourth is beyond the limit.
    assert.equal(clipped, 1);
    assert.deepEqual(Array.from(out.vis), [2.5, 0]);
    assert.deepEqual([out.weights[0], out.flags[0]], [4, 0]);
  });

  test("flags a group of which nothing is left and gives it no weight", () => {
    const { slab, solution } = setup([1, 0, 1, 0, 1, 0, 1, 0], gains(4), gains(4));
    slab.flags.fill(1);
    const out = emptyAverage();

    average(slab, solution, out, new Float32Array(4).fill(50));

    assert.deepEqual([out.vis[0], out.weights[0], out.flags[0]], [0, 0, 1]);
  });
});

/** One row of two antennas; vis and gains are [channel] complex. */
function setup(vis: number[], gains0: number[], gains1: number[]) {
  const channelCount = vis.length / 2;
  const all = Float32Array.from([...gains0, ...gains1]);
  return {
    slab: {
      vis: Float32Array.from(vis),
      flags: new Uint8Array(channelCount),
      rowCount: 1,
      channelCount,
      polarizationCount: 1,
    },
    solution: {
      channelCount,
      receptorCount: 1,
      gains: all,
      powers: new Float32Array(2 * channelCount).fill(1),
    },
  };
}

function gains(channelCount: number): number[] {
  return Array.from({ length: 2 * channelCount }, (_, at) => 1 - (at % 2));
}

function emptyAverage(): AveragedSlab {
  return {
    // Left from an earlier integration: must be overwritten.
    vis: Float32Array.of(7, 7),
    flags: Uint8Array.of(0),
    weights: Float32Array.of(7),
    channelCount: 1,
  };
}

function average(
  slab: ReturnType<typeof setup>["slab"],
  solution: ReturnType<typeof setup>["solution"],
  out: AveragedSlab,
  limit: Float32Array,
): number {
  const range = { first: 0, end: 4 };
  return averageChannels(slab, ROWS, solution, RECEPTORS, range, 4, limit, out);
}
