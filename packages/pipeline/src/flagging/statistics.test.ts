import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { axisTicks } from "./axis-ticks.ts";
import { drawFlags } from "./draw-flags.ts";
import { createFlagCounts, increment } from "./flag-counts.ts";
import { heatColor } from "./heat-map.ts";
import { reasonCode } from "./reasons.ts";
import { flagStatistics } from "./statistics.ts";
import type { TileFlags } from "./tile-flagger.ts";
import type { TileLayout } from "./tile-layout.ts";

/** Antennas a, b, c and a slot that delivers nothing; row 1 is a–b, row 2 a–c, row 4 b–c. */
const LAYOUT: TileLayout = {
  timeCount: 2,
  rowCount: 6,
  channelCount: 4,
  polarizationCount: 2,
  antennaCount: 4,
  antenna1: Int32Array.of(0, 0, 0, 1, 1, 2),
  antenna2: Int32Array.of(0, 1, 2, 1, 2, 2),
  subbandStarts: [0],
};
const TILE = {
  groupId: "2026-01-25T22:26:05",
  antennaNames: ["a", "b<&", "c", "empty"],
  frequencyHz: Float64Array.of(1.4e9, 1.401e9, 1.402e9, 1.403e9),
  timesMjd: Float64Array.of(61_000, 61_000.0001),
};

describe("statistics of flags", () => {
  test("are fractions of the cross-correlations of active antennas", () => {
    // Antenna c is dead: of one row, 2 · 4 · 2 visibilities are left, and three of them flagged.
    const flags = tileFlags([4, 5]);
    const statistics = flagStatistics(flags, TILE);

    assert.equal(statistics.flagged_fraction, 3 / 16);
    assert.deepEqual(statistics.by_reason, { channel: 2 / 16, neighbor: 1 / 16 });
    assert.deepEqual(statistics.axes.antenna, ["a", "b<&"]);
    assert.deepEqual(statistics.dead_antennas, ["c"]);
    assert.deepEqual(statistics.by_channel.channel, [0, 0.5, 0, 0]);
    assert.deepEqual(statistics.by_time.neighbor, [0, 0.125]);
    assert.deepEqual(statistics.by_antenna.channel, [2 / 16, 2 / 16]);
    assert.deepEqual(statistics.antenna_channel_percent, [
      [0, 50, 25, 0],
      [0, 50, 25, 0],
    ]);
    assert.deepEqual(statistics.time_channel_percent, [
      [0, 50, 0, 0],
      [0, 50, 50, 0],
    ]);
  });

  test("name the polarization of an antenna that lives in the other", () => {
    const statistics = flagStatistics(tileFlags([5]), TILE);
    assert.deepEqual(statistics.dead_antennas, ["c polarization 1"]);
    assert.deepEqual(statistics.axes.antenna, ["a", "b<&", "c"]);
  });

  test("of a tile without an active antenna are 1", () => {
    const statistics = flagStatistics(tileFlags([0, 1, 2, 3, 4, 5]), TILE);
    assert.equal(statistics.flagged_fraction, 1);
    assert.match(drawFlags(statistics), /dead: a, b&lt;&amp;, c/);
  });

  test("are drawn with every reason that occurs, and no other", () => {
    const drawing = drawFlags(flagStatistics(tileFlags([4, 5]), TILE));
    assert.match(drawing, />channel 13 %</);
    assert.match(drawing, />neighbor 6\.3 %</);
    assert.doesNotMatch(drawing, /burst/);
    assert.match(drawing, /prefers-color-scheme: dark/);
    assert.equal(drawing.match(/data:image\/png;base64,/g)?.length, 2);
    assert.doesNotMatch(drawing, /NaN|Infinity|undefined/);
  });
});

test("ticks are round numbers within the axis", () => {
  assert.deepEqual(
    axisTicks(1311.25, 1498.75, 10),
    [1320, 1340, 1360, 1380, 1400, 1420, 1440, 1460, 1480],
  );
  assert.deepEqual(axisTicks(0, 0.33, 5), [0, 0.1, 0.2, 0.3]);
  assert.deepEqual(axisTicks(5, 5, 5), [5]);
});

test("a percent of flags is told from none", () => {
  const [none, one] = [heatColor(0), heatColor(1)];
  assert.ok(Math.hypot(...none.map((part, at) => part - one[at]!)) > 30);
});

/** Three flagged visibilities on row 1. @param dead indices in [antenna, polarization] */
function tileFlags(dead: readonly number[]): TileFlags {
  const flags = {
    layout: LAYOUT,
    counts: createFlagCounts(LAYOUT),
    dead: Uint8Array.from({ length: 8 }, (_, at) => (dead.includes(at) ? 1 : 0)),
  };
  increment(LAYOUT, flags.counts, reasonCode("channel"), 1, 0, 2);
  increment(LAYOUT, flags.counts, reasonCode("channel"), 1, 1, 3);
  increment(LAYOUT, flags.counts, reasonCode("neighbor"), 1, 1, 4);
  return flags;
}
