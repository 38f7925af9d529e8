import assert from "node:assert/strict";

import { describe, test } from "vitest";

import {
  type Cell,
  type TileRow,
  describeChanges,
  overallFraction,
  renderGrid,
} from "./live-view.ts";

describe("the demo's picture", () => {
  test("shows seconds of what completed, percent of what runs and its note", () => {
    const lines = renderGrid([tile(done("convert-uvh5-to-ms", 0.9), running("imaging", 0.5))], 12);

    assert.match(lines[0] ?? "", /convert\s+imaging/);
    assert.match(lines[1] ?? "", /^science 1\s+✔ 0\.9 s\s+▶ 50 %/);
    assert.equal(lines[2], "  science 1, imaging: major iteration 2");
  });

  test("estimates what is left from what the stages cost", () => {
    const half = [tile(running("imaging", 0.5))];

    assert.equal(overallFraction(half), 0.5);
    assert.match(renderGrid(half, 12).at(-1) ?? "", /50 %\s+12 s, about 12 s left$/);
  });

  test("promises nothing before there is a rate", () => {
    assert.doesNotMatch(renderGrid([tile(running("imaging", 0.01))], 12).at(-1) ?? "", /left/);
  });

  test("becomes one line a change in a log", () => {
    const before = [tile(running("imaging", 0.9))];
    const after = [tile(done("imaging", 21.4))];

    assert.deepEqual(describeChanges(before, after), ["science 1: imaging completed in 21.4 s"]);
    assert.deepEqual(describeChanges(after, after), []);
  });

  test("says why a task failed", () => {
    const failed: Cell = { ...running("imaging", 0), status: "failed", note: "disk is full" };

    assert.deepEqual(describeChanges([tile(running("imaging", 0.1))], [tile(failed)]), [
      "science 1: imaging failed: disk is full",
    ]);
  });
});

function tile(...cells: Cell[]): TileRow {
  return { label: "science 1", groupId: "2026-01-25T22:26:05", cells };
}

function done(stage: string, seconds: number): Cell {
  return { stage, status: "completed", fraction: 1, note: "", seconds };
}

function running(stage: string, fraction: number): Cell {
  return { stage, status: "claimed", fraction, note: "major iteration 2", seconds: null };
}
