import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { isCasacoreAvailable, openTable, type Table } from "@contimg/casacore";
import { writeDriftingSkySet } from "@contimg/testkit";
import { afterEach, beforeEach, describe, test } from "vitest";

import { takeCensus, type VisibilityCensus } from "./visibility-census.ts";

const CHANNELS = 8;
const BASELINES = 435;
const TIMES = 6;

describe.skipIf(!isCasacoreAvailable())("the census of a Measurement Set", () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "contimg-census-"));
    path = join(folder, "tile.ms");
    const source = { eastRad: 0.003, northRad: -0.002, fluxJy: 5 };
    writeDriftingSkySet(path, [source], { noiseJy: 0.3, seed: 3 });
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  test("counts what is there and tells the noise beside a source that outshines it", () => {
    const census = takeCensus(path, CHANNELS);

    assert.equal(census.visibilityCount, BASELINES * TIMES * CHANNELS);
    assert.equal(census.sampleCount, census.visibilityCount);
    assert.ok(census.weights.every((weight) => weight === BASELINES));
    // Two polarizations of 0.3 Jy make 0.3/√2 a visibility of Stokes I.
    const expected = 0.3 / Math.SQRT2 / Math.sqrt(census.visibilityCount);
    assert.ok(Math.abs(census.expectedNoiseJy! / expected - 1) < 0.04, `${census.expectedNoiseJy}`);
  });

  test("leaves out what is flagged, in one polarization or both", () => {
    const before = takeCensus(path, CHANNELS);
    const longest = flag(path, before);

    const census = takeCensus(path, CHANNELS);

    const gone = TIMES * CHANNELS + BASELINES - 1;
    assert.equal(census.visibilityCount, before.visibilityCount - gone);
    assert.ok(census.longestBaselineM < longest - 1);
    assert.equal(census.weights[2 * CHANNELS + 5], 0, "the flagged channel of one integration");
    assert.equal(census.weights[3 * CHANNELS + 5], BASELINES - 1);
  });

  test("of a set without a visibility left is refused by the path", () => {
    edit(path, (table) => {
      const count = table.rowCount * CHANNELS * 2;
      table.putArray("FLAG", 0, table.rowCount, new Uint8Array(count).fill(1));
    });
    assert.throws(() => takeCensus(path, CHANNELS), {
      tag: "TooFewVisibilities",
      message: /tile\.ms: all of 20880 visibilities are flagged/,
    });
  });
});

/** Flags the longest baseline, and channel 5 of integration 2 in the second polarization. */
function flag(path: string, { longestBaselineM }: VisibilityCensus): number {
  edit(path, (table) => {
    const rows = table.rowCount;
    const uvwM = table.getArray("UVW", 0, rows, new Float64Array(3 * rows));
    const flags = table.getArray("FLAG", 0, rows, new Uint8Array(rows * CHANNELS * 2));
    const lengthOf = (row: number): number => Math.hypot(uvwM[3 * row]!, uvwM[3 * row + 1]!);
    const first = Array.from({ length: BASELINES }, (_, row) => row);
    const longest = first.reduce((best, row) => (lengthOf(row) > lengthOf(best) ? row : best), 0);
    for (let time = 0; time < TIMES; time++) {
      const row = time * BASELINES + longest;
      flags.fill(1, row * CHANNELS * 2, (row + 1) * CHANNELS * 2);
    }
    for (let row = 2 * BASELINES; row < 3 * BASELINES; row++)
      flags[(row * CHANNELS + 5) * 2 + 1] = 1;
    table.putArray("FLAG", 0, rows, flags);
  });
  return longestBaselineM;
}

function edit(path: string, change: (table: Table) => void): void {
  using table = openTable(path, { writable: true });
  change(table);
}
