import assert from "node:assert/strict";

import type { QueueStats } from "@contimg/absurd";
import { test } from "vitest";

import { Counts } from "./counts.ts";

function counts(queue: string, completed: number, pending: number, failed = 0): QueueStats {
  const total = completed + pending + failed;
  return { queue, pending, claimed: 0, completed, failed, cancelled: 0, retrying: 0, total };
}

function watched(): {
  watch: Counts;
  at: (seconds: number, ...stats: QueueStats[]) => Promise<void>;
} {
  let nowMs = 0;
  let stats: QueueStats[] = [];
  const client = { stats: () => Promise.resolve(stats) };
  const watch = new Counts(client, () => nowMs, 0);
  return {
    watch,
    async at(seconds, ...now) {
      nowMs = seconds * 1000;
      stats = now;
      await watch.look();
    },
  };
}

test("it says since when nothing completed", async () => {
  const { watch, at } = watched();
  await at(0, counts("a", 5, 1));
  await at(100, counts("a", 6, 1));
  await at(350, counts("a", 6, 1, 3));
  assert.equal(watch.secondsWithoutCompletion, 250);
});

test("a queue's first completions count, counts that go back do not", async () => {
  const { watch, at } = watched();
  await at(0, counts("a", 5, 1));
  await at(50, counts("a", 5, 1), counts("b", 1, 0));
  assert.equal(watch.secondsWithoutCompletion, 0);
  await at(90, counts("a", 2, 4), counts("b", 1, 0));
  assert.equal(watch.secondsWithoutCompletion, 40);
  assert.deepEqual(await watch.stats(), [counts("a", 2, 4), counts("b", 1, 0)]);
});
