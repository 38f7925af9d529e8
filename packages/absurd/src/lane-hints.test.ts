/** What the worker remembers of the lanes, and when it looks again. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { LaneHints, type LaneStart } from "./lane-hints.ts";

describe("lane hints", () => {
  test("start two claims before the last seq, and never below 0", async () => {
    const { hints } = await lookedAt([]);
    hints.record(7, "100");
    hints.record(8, "3");
    assert.deepEqual(hints.take(10), { lanes: [7, 8], seqs: ["81", "0"] });
  });

  test("go up by claims, and down only by a look", async () => {
    const { hints, bed } = await lookedAt([]);
    hints.record(7, "100");
    hints.record(7, "90");
    assert.deepEqual(hints.take(10).seqs, ["81"]);

    bed.starts = [live(7, 50n)];
    await bed.passMs(1_000, hints);
    assert.deepEqual(hints.take(10).seqs, ["30"]);
  });

  test("look once a second, beside the claims", async () => {
    const { hints, bed } = await lookedAt([live(7, 100n)]);
    bed.nowMs = 999;
    hints.take(10);
    assert.equal(bed.lookCount, 1);
    bed.nowMs = 1_000;
    hints.take(10);
    hints.take(10);
    assert.equal(bed.lookCount, 2, "one look at a time");
  });

  test("look the more rarely the slower the look was", async () => {
    const { hints, bed } = await lookedAt([live(7, 100n)], 600);
    assert.equal(bed.nowMs, 600);
    bed.nowMs = 12_599;
    hints.take(10);
    assert.equal(bed.lookCount, 1);
    bed.nowMs = 12_600;
    hints.take(10);
    assert.equal(bed.lookCount, 2);
  });

  test("begin where the lanes do when dead rows took long to read", async () => {
    const starts = [{ laneId: 7, seq: 1_000n, isLive: false }, live(8, 500n)];
    const quick = await lookedAt(starts, 100);
    assert.deepEqual(quick.hints.take(10).lanes, [], "nothing to step over");
    const slow = await lookedAt(starts, 101);
    assert.deepEqual(slow.hints.take(10), { lanes: [7, 8], seqs: ["981", "480"] });
    const many = Array.from({ length: 1_000 }, (_, index) => live(index, 500n));
    const wide = await lookedAt(many, 149);
    assert.deepEqual(wide.hints.take(10).lanes, [], "slow because of the lanes");
  });

  test("are forgotten before a look that is waited for, which says when it fails", async () => {
    const { hints, bed } = await lookedAt([live(7, 100n)]);
    hints.record(7, "100");
    bed.starts = new Error("the database is away");
    await assert.rejects(hints.renew(), /away/);
    assert.deepEqual(hints.take(10).lanes, []);
    assert.deepEqual(bed.errors, []);
  });

  test("stay when a look beside a claim fails, and the next follows", async () => {
    const { hints, bed } = await lookedAt([live(7, 100n)]);
    hints.record(7, "100");
    bed.starts = new Error("the database is away");
    await bed.passMs(1_000, hints);
    assert.deepEqual(hints.take(10).seqs, ["81"]);
    assert.match(String(bed.errors), /away/);
    bed.starts = [live(7, 200n)];
    await bed.passMs(1_000, hints);
    assert.deepEqual(hints.take(10).seqs, ["180"]);
  });
});

function live(laneId: number, seq: bigint): LaneStart {
  return { laneId, seq, isLive: true };
}

class Bed {
  nowMs = 0;
  lookCount = 0;
  starts: LaneStart[] | Error;
  readonly errors: unknown[] = [];

  constructor(starts: LaneStart[]) {
    this.starts = starts;
  }

  /** A claim after so long, and all that the look beside it does. */
  async passMs(ms: number, hints: LaneHints): Promise<void> {
    this.nowMs += ms;
    hints.take(10);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Hints of a worker that began at time 0 with a look of `tookMs`. */
async function lookedAt(starts: LaneStart[], tookMs = 0): Promise<{ hints: LaneHints; bed: Bed }> {
  const bed = new Bed(starts);
  const read = (): Promise<LaneStart[]> => {
    bed.lookCount += 1;
    bed.nowMs += tookMs;
    return bed.starts instanceof Error ? Promise.reject(bed.starts) : Promise.resolve(bed.starts);
  };
  const hints = new LaneHints(
    read,
    (error) => bed.errors.push(error),
    () => bed.nowMs,
  );
  await hints.renew();
  return { hints, bed };
}
