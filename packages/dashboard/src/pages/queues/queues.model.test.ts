/** What the queue pages make of the API's answers. */
import assert from "node:assert/strict";

import type { Queue } from "@contimg/contract";
import { expect, test } from "vitest";

import { changeOf, formOf } from "./queue-settings.model.ts";
import { chooseRange, drainText, historyOf, needsAttention, stateOf } from "./queues.model.ts";

const QUEUE: Queue = {
  queue_name: "imaging",
  pending_max: null,
  running_max: 4,
  weight: null,
  priority_mode: "strict",
  aging_seconds: 60,
  paused: false,
  draining: false,
  ready: 12,
  deferred: 0,
  waiting: 3,
  running: 4,
  oldest_at: "2026-01-25T08:00:00Z",
  throughput_per_second: 0.5,
  drains_in_seconds: 24,
};

test("a pause outranks a drain, which outranks what runs", () => {
  expect(stateOf({ ...QUEUE, paused: true, draining: true }).word).toBe("Paused");
  expect(stateOf({ ...QUEUE, draining: true }).word).toBe("Draining");
  expect(stateOf(QUEUE).word).toBe("Running");
  expect(stateOf({ ...QUEUE, running: 0 }).word).toBe("Backlog");
  expect(stateOf({ ...QUEUE, running: 0, ready: 0 }).word).toBe("Idle");
});

test("a backlog that does not shrink is said and marked", () => {
  expect(drainText(QUEUE)).toBe("24 s");
  expect(needsAttention(QUEUE)).toBe(false);
  const growing = { ...QUEUE, drains_in_seconds: null };
  expect(drainText(growing)).toBe("never like this");
  expect(needsAttention(growing)).toBe(true);
  expect(drainText({ ...growing, ready: 0 })).toBe("empty");
  expect(needsAttention({ ...growing, ready: 0 })).toBe(false);
});

test("an address that asks for too many points gets the step that fits", () => {
  expect(chooseRange("7d", "1m")).toMatchObject({ range: { hours: 168 }, resolution: "6h" });
  expect(chooseRange("6h", "1m").resolution).toBe("1m");
  expect(chooseRange("nonsense", "").range.id).toBe("1h");
});

test("rates are by the second, of the step that is still filling by its part", () => {
  const step = { failed: 0, cancelled: 0, wait_time_sec: null, execution_time_sec: null };
  const history = historyOf(
    [
      { ...step, since: "2026-01-25T08:00:00Z", completed: 120 },
      { ...step, since: "2026-01-25T08:01:00Z", completed: 30 },
    ],
    "1m",
    new Date("2026-01-25T08:01:15Z"),
  );
  expect(history.completed).toEqual([2, 2]);
  expect(history.wait.p50).toEqual([null, null]);
});

test("a settings form sends what was changed, and says what cannot be read", () => {
  assert.deepEqual(changeOf(QUEUE, formOf(QUEUE)), { change: {} });
  assert.deepEqual(changeOf(QUEUE, { ...formOf(QUEUE), running_max: "", weight: "5" }), {
    change: { running_max: null, weight: 5 },
  });
  const { faults } = changeOf(QUEUE, { ...formOf(QUEUE), running_max: "many", weight: "0" });
  expect(Object.keys(faults ?? {}).sort()).toEqual(["running_max", "weight"]);
});
