import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { DATA_FAULTS, DISTURBANCES, planNight } from "./night.ts";

const LONG = { tileCount: 40, size: "small", seed: 1, withFaults: true } as const;

describe("a night", () => {
  test("is the same for the same seed, and another for another", () => {
    assert.deepEqual(planNight(LONG), planNight(LONG));
    assert.notDeepEqual(
      planNight(LONG).tiles.map(({ fault }) => fault),
      planNight({ ...LONG, seed: 2 }).tiles.map(({ fault }) => fault),
    );
  });

  test("of 40 tiles has every fault and every disturbance, and good tiles", () => {
    const { tiles, disturbances } = planNight(LONG);
    const faults = new Set(tiles.flatMap(({ fault }) => fault ?? []));
    assert.deepEqual([...faults].sort(), Object.keys(DATA_FAULTS).sort());
    const kinds = new Set(disturbances.map(({ kind }) => kind));
    assert.deepEqual([...kinds].sort(), Object.keys(DISTURBANCES).sort());
    assert.ok(tiles.filter(({ fault }) => fault === null).length > 20);
    assert.equal(new Set(tiles.map(({ groupId }) => groupId)).size, 40);
  });

  test("without faults expects an image of every tile", () => {
    const { tiles, disturbances } = planNight({ ...LONG, withFaults: false });
    assert.ok(tiles.every(({ fault, expected }) => fault === null && expected === "imaged"));
    assert.deepEqual(disturbances, []);
  });

  test.each([1, 2, 3, 4, 7, 8, 16])(
    "of %d tiles has a calibrator that nothing is wrong with",
    (tileCount) => {
      const { tiles } = planNight({ ...LONG, tileCount });
      const calibrator = tiles[tileCount < 8 ? Math.min(1, tileCount - 1) : tileCount >> 2];
      assert.equal(tiles.length, tileCount);
      assert.equal(calibrator?.groupId, "2026-01-25T08:08:54");
      assert.equal(calibrator.fault, null);
    },
  );
});
