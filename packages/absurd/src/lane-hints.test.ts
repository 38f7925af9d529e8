/** When a claim trusts what the worker remembers of the lanes. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { LaneHints } from "./lane-hints.ts";

const NO_HINTS = { lanes: [], seqs: [], isUnhinted: true };

describe("lane hints", () => {
  test("start two claims before the last seq, and never below 0", () => {
    const hints = afterOneClaim();
    hints.record(8, "3");
    assert.deepEqual(hints.take(10, 0), {
      lanes: [7, 8],
      seqs: ["81", "0"],
      isUnhinted: false,
    });
  });

  test("are left out once a second", () => {
    const hints = afterOneClaim();
    assert.notDeepEqual(hints.take(10, 999), NO_HINTS);
    assert.deepEqual(hints.take(10, 1_000), NO_HINTS);
  });

  test("are left out the more rarely the slower such a claim was", () => {
    const hints = afterOneClaim();
    hints.take(10, 1_000);
    hints.finishUnhinted(1_600, 600);
    assert.notDeepEqual(hints.take(10, 13_599), NO_HINTS);
    assert.deepEqual(hints.take(10, 13_600), NO_HINTS);
  });

  test("are left out at once when they are distrusted", () => {
    const hints = afterOneClaim();
    hints.distrust();
    assert.deepEqual(hints.take(10, 1), NO_HINTS);
  });
});

/** The first claim, which has nothing to go by, at time 0. */
function afterOneClaim(): LaneHints {
  const hints = new LaneHints();
  assert.deepEqual(hints.take(10, 0), NO_HINTS);
  hints.record(7, "100");
  hints.finishUnhinted(0, 1);
  return hints;
}
