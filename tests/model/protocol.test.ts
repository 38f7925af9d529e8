/** The protocol holds in every state of a small model, and each way to build it wrong is caught. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { check } from "./checker.ts";
import { type Flaw, protocol } from "./protocol.ts";

/** What each flaw must lead to. */
const CAUGHT: Readonly<Record<Flaw, RegExp>> = {
  "a fence without claim number": /stale attempt|completed twice/,
  "a fence without epoch": /stale attempt|completed twice/,
  "a completion that does not look at its row count": /completed twice|released twice/,
  "a release that wakes nobody": /nothing leads to the end/,
  "grants that survive their task": /nothing leads to the end/,
  "edges that are not counted again": /nothing leads to the end/,
  "leases that nobody was told of stay": /nothing leads to the end/,
};

describe("the protocol", () => {
  test("keeps its promises in every state that it can reach", () => {
    const { failure, stateCount } = check(protocol());
    assert.equal(failure, undefined);
    assert.ok(stateCount > 10_000, `only ${stateCount} states: the model does nothing`);
  });

  for (const [flaw, expected] of Object.entries(CAUGHT)) {
    test(`would not hold with ${flaw}`, () => {
      const { failure } = check(protocol(flaw as Flaw)); // Keys of the record above.
      assert.ok(failure, "the model holds all the same");
      assert.match(failure.what, expected, failure.trace.join("\n"));
    });
  }
});
