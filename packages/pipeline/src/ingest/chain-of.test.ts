import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { predictTransits } from "../calibrators/predict-transits.ts";
import { byCalibrators, type ReadyGroup } from "./chain-of.ts";

const DEC_RAD = (54.57 * Math.PI) / 180;
const HALF_TILE_DAYS = 154.62 / 86_400;

function groupAt(midMjd: number, declinationRad: number | null): ReadyGroup {
  return {
    groupId: "2026-01-25T08:08:54",
    revision: 0,
    inputPaths: [],
    missing: [],
    startMjd: midMjd - HALF_TILE_DAYS,
    endMjd: midMjd + HALF_TILE_DAYS,
    declinationRad,
  };
}

describe("the chain of a group, unless one is named", () => {
  const transit = predictTransits({ fromMjd: 61_065, days: 1, pointingDecRad: DEC_RAD }).find(
    ({ calibrator }) => calibrator.name === "0834+555",
  )!;

  test("solves a tile that sees 0834+555 near its transit", () => {
    assert.deepEqual(byCalibrators(groupAt(transit.mjdUtc, DEC_RAD)), {
      chain: "standard-pipeline",
    });
  });

  test("takes a tile of an hour later, or of unknown declination, as science", () => {
    assert.deepEqual(byCalibrators(groupAt(transit.mjdUtc + 1 / 24, DEC_RAD)), { chain: "target" });
    assert.deepEqual(byCalibrators(groupAt(transit.mjdUtc, null)), { chain: "target" });
  });
});
