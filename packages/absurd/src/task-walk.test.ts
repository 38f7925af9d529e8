/** A walk through tasks ends in time, whatever a candidate costs. */
import assert from "node:assert/strict";

import * as fc from "fast-check";
import { test } from "vitest";

import { Walk } from "./task-list.ts";

const SEARCH_MS = 30;

/** How long a walk takes whose statements cost so much, and how many candidates it looks at. */
function walk(msFixed: number, msEach: number): { ms: number; looked: number; first: number } {
  let now = 1_000;
  const walk = new Walk(null, 101, { searchMs: SEARCH_MS, candidatesMax: 20_000 }, () => now);
  let [looked, first] = [0, 0];
  let goesOn = true;
  while (goesOn) {
    const { size } = walk.step;
    now += msFixed + size * msEach;
    looked += size;
    first ||= now - 1_000;
    goesOn = walk.goOn(size, "1");
  }
  return { ms: now - 1_000, looked, first };
}

test("no step begins that would end late", () => {
  const cost = fc.double({ min: 0, max: 0.5, noNaN: true });
  fc.assert(
    fc.property(fc.double({ min: 0, max: 20, noNaN: true }), cost, (msFixed, msEach) => {
      const { ms, first } = walk(msFixed, msEach);
      assert.ok(ms <= Math.max(first, SEARCH_MS + msFixed), `${ms} ms, the first ${first}`);
    }),
  );
});

test("a cheap search looks at all that it may", () => {
  assert.equal(walk(1, 0.0005).looked, 20_000);
});

test("a dear one looks at what its time allows, not at a step more", () => {
  const { ms, looked } = walk(2, 0.02);
  assert.ok(ms <= SEARCH_MS + 2 && looked >= 900, `${looked} in ${ms} ms`);
});
