import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { DEGREE_RAD, type PointSource } from "@contimg/astro";
import { isCasacoreAvailable, openTable } from "@contimg/casacore";
import { type DriftingSource, writeDriftingSkySet } from "@contimg/testkit";
import { afterAll, beforeAll, describe, test } from "vitest";

import { takeCensus } from "./visibility-census.ts";
import { steadyField, type SteadyOptions } from "./steady-field.ts";

/** The second is in the flank of the beam, where its flux changes by a third within the tile. */
const SOURCES: readonly DriftingSource[] = [
  { eastRad: 0.3 * DEGREE_RAD, northRad: 0.2 * DEGREE_RAD, fluxJy: 2 },
  { eastRad: 1.6 * DEGREE_RAD, northRad: 0.3 * DEGREE_RAD, fluxJy: 1 },
];
const CHANNEL_COUNT = 8;

describe.skipIf(!isCasacoreAvailable())("a field that drifts (needs casacore-dev)", () => {
  let folder = "";
  let weights: Float64Array;
  const skies = [SOURCES, [SOURCES[1]!]].map((sources) => ({
    sources,
    catalog: [] as PointSource[],
  }));
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "contimg-steady-"));
    for (const [index, sky] of skies.entries()) {
      const positions = writeDriftingSkySet(setOf(index), sky.sources, { noiseJy: 0, seed: 3 });
      sky.catalog = positions.map((position, at) => ({
        ...position,
        ...{ fluxJy: sky.sources[at]!.fluxJy, referenceFrequencyHz: 1.4e9, spectralIndex: 0 },
      }));
    }
    weights = takeCensus(setOf(0), CHANNEL_COUNT).weights;
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test("is empty without what lies beyond the image", () => {
    const report = steady(0, "empty", { isInImage: () => false });

    const left = amplitudes(join(folder, "empty"));
    assert.deepEqual(report, { steadiedCount: 0, removedCount: 2, rescaledCount: 0 });
    assert.ok(maximum(left) < 2e-3, `${maximum(left)} Jy are left`);
  });

  test("stands still in the image, with the mean flux that it had", () => {
    const report = steady(1, "still", { isInImage: () => true });

    const before = amplitudes(setOf(1));
    const after = amplitudes(join(folder, "still"));
    assert.deepEqual(report, { steadiedCount: 1, removedCount: 0, rescaledCount: 0 });
    assert.ok(spread(before) > 0.5, `it drifted by ${spread(before)}`);
    assert.ok(spread(after) < 1e-3, `it still drifts by ${spread(after)}`);
    assert.ok(Math.abs(meanOf(after) / meanOf(before) - 1) < 1e-4);
  });

  test("keeps as measured what the catalogue has wrong: only the change is taken off", () => {
    const catalog = skies[1]!.catalog.map((source) => ({ ...source, fluxJy: 1.2 }));

    steady(1, "wrong", { isInImage: () => true, catalog });

    const [before, after] = [amplitudes(setOf(1)), amplitudes(join(folder, "wrong"))];
    assert.ok(Math.abs(meanOf(after) / meanOf(before) - 1) < 1e-3);
    assert.ok(spread(after) < 0.25 * spread(before), `a fifth of ${spread(before)} is left`);
  });

  test("loses as much of a source as it has, not as the catalogue says", () => {
    const [first, second] = skies[0]!.catalog as [PointSource, PointSource];
    const gone = { ...first, decRad: first.decRad + 0.3 * DEGREE_RAD };
    const catalog = [first, { ...second, fluxJy: 3 }, gone];

    const report = steady(0, "rescaled", { isInImage: () => false, catalog });

    const left = amplitudes(join(folder, "rescaled"));
    assert.deepEqual(report, { steadiedCount: 0, removedCount: 3, rescaledCount: 2 });
    assert.ok(maximum(left) < 0.05, `${maximum(left)} Jy are left of 2, 1 and 0 Jy`);
  });

  test("is left alone where its sources change too little", () => {
    const report = steady(0, "alone", { isInImage: () => true, changeMinJy: 10 });

    assert.deepEqual(report, { steadiedCount: 0, removedCount: 0, rescaledCount: 0 });
    assert.deepEqual(amplitudes(join(folder, "alone")), amplitudes(setOf(0)));
  });

  function setOf(index: number): string {
    return join(folder, `tile-${index}.ms`);
  }

  function steady(
    index: number,
    name: string,
    options: Partial<SteadyOptions> & Pick<SteadyOptions, "isInImage">,
  ) {
    const { catalog } = skies[index]!;
    const defaults = { catalog, weights, changeMinJy: 0.001 };
    return steadyField(setOf(index), join(folder, name), { ...defaults, ...options });
  }
});

/** Of every visibility [Jy]. */
function amplitudes(path: string): number[] {
  using table = openTable(path);
  const vis = new Float32Array(2 * 2 * CHANNEL_COUNT * table.rowCount);
  table.getArray("DATA", 0, table.rowCount, vis);
  return Array.from({ length: vis.length / 2 }, (_, at) =>
    Math.hypot(vis[2 * at]!, vis[2 * at + 1]!),
  );
}

/** Largest difference over the mean. */
function spread(values: readonly number[]): number {
  const least = values.reduce((low, value) => Math.min(low, value), Infinity);
  return (maximum(values) - least) / meanOf(values);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function maximum(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}
