import assert from "node:assert/strict";

import type { QueueStats } from "@contimg/absurd";
import { test } from "vitest";

import { Pace } from "./pace.ts";

function counts(queue: string, completed: number, pending: number, failed = 0): QueueStats {
  const total = completed + pending + failed;
  return { queue, pending, claimed: 0, completed, failed, cancelled: 0, retrying: 0, total };
}

function watched(): { pace: Pace; at: (seconds: number, ...stats: QueueStats[]) => Promise<void> } {
  let nowMs = 0;
  let stats: QueueStats[] = [];
  const client = { stats: () => Promise.resolve(stats) };
  const pace = new Pace(client, () => nowMs, 0);
  return {
    pace,
    async at(seconds, ...now) {
      nowMs = seconds * 1000;
      stats = now;
      await pace.look();
    },
  };
}

test("arrivals and ends of a queue are told by the second", async () => {
  const { pace, at } = watched();
  await at(0, counts("a", 0, 100));
  await at(10, counts("a", 50, 80));
  assert.deepEqual((await pace.byQueue()).get("a"), { arrivalsPerSecond: 3, endsPerSecond: 5 });
});

test("counts that go back are no arrivals and no ends", async () => {
  const { pace, at } = watched();
  await at(0, counts("a", 1000, 10));
  await at(10, counts("a", 20, 10));
  assert.deepEqual((await pace.byQueue()).get("a"), { arrivalsPerSecond: 0, endsPerSecond: 0 });
});

test("only the last minutes count", async () => {
  const { pace, at } = watched();
  await at(0, counts("a", 0, 0));
  await at(10, counts("a", 9000, 0));
  await at(400, counts("a", 9000, 0, 39));
  await at(500, counts("a", 9010, 0, 39));
  assert.equal((await pace.byQueue()).get("a")?.endsPerSecond, 0.1);
});

test("it says since when nothing completed", async () => {
  const { pace, at } = watched();
  await at(0, counts("a", 5, 1));
  await at(100, counts("a", 6, 1));
  await at(350, counts("a", 6, 1, 3));
  assert.equal(pace.secondsWithoutCompletion, 250);
});
