import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { patchParams } from "./dead-letters.model.ts";

describe("a patch of params", () => {
  test("replaces members, adds some, and null takes one away", () => {
    assert.deepEqual(patchParams({ a: 1, b: [2], c: 3 }, { a: 5, b: null, d: "x", c: 3 }), {
      after: { a: 5, c: 3, d: "x" },
      changed: ["a", "b", "d"],
    });
  });

  test("of what is not there changes nothing", () => {
    assert.deepEqual(patchParams({ a: 1 }, { b: null }), { after: { a: 1 }, changed: [] });
  });

  test("needs an object on both sides", () => {
    assert.match(patchParams({ a: 1 }, [1]).fault ?? "", /patch has to be an object/);
    assert.match(patchParams([1], { a: 1 }).fault ?? "", /params are no object/);
  });
});
