import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { decideGroup, type GroupFacts } from "./decide-group.ts";
import { ingestPolicySchema } from "./policy.ts";

const policy = ingestPolicySchema.parse({ wait_seconds: 300, min_subbands: 12 });
const DAY_MS = 86_400_000;

/** A group whose files all came at 0. */
function facts(subbandCount: number, changes: Partial<GroupFacts> = {}): GroupFacts {
  return {
    members: members(subbandCount),
    ...{ pendingCount: 0, quarantined: [], firstSeenUnixMs: 0, lastChangeUnixMs: 0, lastRun: null },
    ...changes,
  };
}

function members(count: number, digest = "a") {
  return Array.from({ length: count }, (_, subband) => ({ subband, digest }));
}

describe("a group that was never run", () => {
  test("runs at once when it is whole, even while another file is looked into", () => {
    const decision = decideGroup(facts(16, { pendingCount: 1 }), policy, 0);
    assert.deepEqual(decision, {
      ...{ action: "run", state: "complete", missing: [], revision: 0, reason: "all subbands" },
    });
  });

  test.each([
    [15, 299_999, "wait", 300_000],
    [15, 300_000, "run", null],
    [12, 300_000, "run", null],
    [11, 300_000, "wait", DAY_MS],
    [11, DAY_MS - 1, "wait", DAY_MS],
    [11, DAY_MS, "refuse", null],
    [0, DAY_MS, "refuse", null],
  ])("of %d subbands after %d ms: %s", (count, nowUnixMs, action, untilUnixMs) => {
    const decision = decideGroup(facts(count), policy, nowUnixMs);
    assert.equal(decision.action, action);
    if (decision.action === "wait") assert.equal(decision.untilUnixMs, untilUnixMs);
    if (decision.action === "run") assert.equal(decision.missing.length, 16 - count);
    assert.match(decision.reason!, new RegExp(`^${count} of 16 subbands, missing .*sb15`));
  });

  test("waits for a file that is looked into, however long ago the last one came", () => {
    const decision = decideGroup(facts(15, { pendingCount: 1 }), policy, DAY_MS);
    assert.deepEqual(
      [decision.action, "untilUnixMs" in decision && decision.untilUnixMs],
      [...["wait", null]],
    );
  });

  test("counts the wait from the last file, not from the first", () => {
    const late = facts(15, { lastChangeUnixMs: 200_000 });
    assert.equal(decideGroup(late, policy, 400_000).action, "wait");
    assert.equal(decideGroup(late, policy, 500_000).action, "run");
  });

  test("says which files are bad when it lacks them", () => {
    const bad = facts(15, { quarantined: ["sb15 (truncated)"] });
    assert.match(decideGroup(bad, policy, 0).reason!, /missing sb15; quarantined: sb15 \(trunc/);
  });
});

describe("a group that was run", () => {
  const ranWith = (count: number, revision = 0) => ({ revision, members: members(count) });

  test("rests while its files are what they were", () => {
    const same = facts(14, { lastRun: ranWith(14) });
    assert.equal(decideGroup(same, policy, DAY_MS).action, "rest");
  });

  test("runs again at once when a straggler makes it whole", () => {
    const decision = decideGroup(facts(16, { lastRun: ranWith(15) }), policy, 1);
    assert.deepEqual(decision, {
      ...{ action: "run", state: "complete", missing: [], revision: 1, reason: "sb15 came late" },
    });
  });

  test("runs again without the rest when no further straggler comes", () => {
    const more = facts(14, { lastRun: ranWith(12), lastChangeUnixMs: 1000 });
    assert.equal(decideGroup(more, policy, 2000).action, "wait");
    const decision = decideGroup(more, policy, 301_000);
    assert.ok(decision.action === "run" && decision.state === "partial");
    assert.match(decision.reason, /^sb12, sb13 came late; 14 of 16 subbands, missing sb14, sb15$/);
  });

  test("waits until a replacement of several files is over, then runs again", () => {
    const replaced = facts(16, {
      lastRun: ranWith(16),
      members: members(16, "b"),
      lastChangeUnixMs: 1000,
    });
    assert.equal(decideGroup(replaced, policy, 2000).action, "wait");
    assert.equal(decideGroup(replaced, policy, 301_000).action, "run");
  });

  test("is not run again once its files are gone, nor more often than allowed", () => {
    const gone = { members: members(16).slice(1), lastRun: ranWith(15) };
    const rest = decideGroup(facts(16, gone), policy, DAY_MS);
    assert.deepEqual(
      [rest.action, rest.reason],
      ["rest", "sb00 of the last run are no longer there; not run again"],
    );
    const often = facts(16, { lastRun: ranWith(15, policy.reruns_max) });
    assert.match(decideGroup(often, policy, DAY_MS).reason!, /not run again after 5 reruns/);
  });
});

test("a policy that contradicts itself is refused", () => {
  for (const [bad, message] of [
    [{ min_subbands: 17 }, /min_subbands is above/],
    [{ resume_tasks: 200 }, /resume_tasks is above/],
    [{ pause_free_bytes: 2, resume_free_bytes: 1 }, /resume_free_bytes is below/],
    [{ tolerance_seconds: 151 }, /150/],
    [{ wait: 5 }, /wait/],
  ] as const) {
    const parsed = ingestPolicySchema.safeParse(bad);
    assert.match(String(parsed.error), message);
  }
});
