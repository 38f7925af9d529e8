import assert from "node:assert/strict";

import type { Limit } from "@contimg/contract";
import { describe, test } from "vitest";

import {
  addressOf,
  countKinds,
  fullnessOf,
  limitAt,
  numbersOf,
  numberText,
  shownLimits,
} from "./limits.model.ts";

function limit(given: Partial<Limit> = {}): Limit {
  return {
    kind: "key",
    name: "imaging",
    limit: 4,
    period_seconds: null,
    is_pinned: false,
    in_use: 2,
    waiting: 0,
    set_at: "2026-01-25T08:00:00Z",
    ...given,
  };
}

describe("a limit", () => {
  test("says how full it is, by its kind", () => {
    assert.deepEqual(fullnessOf(limit()), { share: 0.5, isFull: false, text: "2 of 4" });
    assert.deepEqual(fullnessOf(limit({ limit: 0, in_use: 0 })), {
      share: 1,
      isFull: true,
      text: "0 of 0",
    });
    const rate = limit({ kind: "rate", limit: 20, period_seconds: 60, in_use: 20 });
    assert.deepEqual(fullnessOf(rate), {
      share: 1,
      isFull: true,
      text: "20 of 20 starts",
    });
    assert.equal(numberText(rate), "20 in 1 min");
    const lock = limit({ kind: "lock", limit: null, in_use: 0 });
    assert.deepEqual(fullnessOf(lock), { share: null, isFull: false, text: "free" });
    assert.equal(fullnessOf({ ...lock, in_use: 1 }).text, "held by 1 task");
  });

  test("that keeps others waiting comes first, then the fullest", () => {
    const limits = [
      limit({ name: "a" }),
      limit({ name: "b", in_use: 4 }),
      limit({ name: "c", waiting: 9 }),
      limit({ name: "d", kind: "lock", limit: null, in_use: 0 }),
    ];
    const names = (tab: "all" | "lock", find = "") =>
      shownLimits(limits, tab, find).map((each) => each.name);
    assert.deepEqual(names("all"), ["c", "b", "a", "d"]);
    assert.deepEqual(names("lock"), ["d"]);
    assert.deepEqual(names("all", " B "), ["b"]);
    assert.deepEqual(countKinds(limits), { all: 4, key: 3, lock: 1, rate: 0, events: null });
  });

  test("has an address, also with a slash in its name", () => {
    const name = { kind: "rate", name: "site/a" } as const;
    assert.deepEqual(limitAt(addressOf(name)), name);
    assert.equal(limitAt("imaging"), undefined);
    assert.equal(limitAt("door/imaging"), undefined);
  });

  test("is set to whole numbers, a rate with its period", () => {
    assert.deepEqual(numbersOf("key", { count: "3", period: "x" }), { limit: 3 });
    assert.deepEqual(numbersOf("rate", { count: "3", period: "0.5" }), {
      limit: 3,
      period_seconds: 0.5,
    });
    assert.throws(() => numbersOf("key", { count: "", period: "" }), /whole number/);
    assert.throws(() => numbersOf("key", { count: "1.5", period: "" }), /"1.5".*whole number/);
    assert.throws(() => numbersOf("rate", { count: "3", period: "0" }), /seconds above 0/);
  });
});
