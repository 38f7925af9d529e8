import assert from "node:assert/strict";

import type { Overview } from "@contimg/contract";
import { describe, test } from "vitest";

import { needsOf } from "../../components/needs.model.ts";
import { lonePoints } from "../../components/TimeSeries.tsx";
import { chartsOf } from "./charts.model.ts";
import { backlogText, isFresh, machineryText } from "./overview.model.ts";

const AT = "2026-01-25T08:08:54.000Z";

const METRICS: Overview["metrics"] = {
  total_spawned: 0,
  total_claimed: 0,
  total_completed: 0,
  total_failed: 0,
  total_cancelled: 0,
  total_timed_out: 0,
  current_pending: 0,
  current_claimed: 0,
  avg_wait_time_sec: 0,
  avg_execution_time_sec: 0,
  p50_wait_time_sec: 0,
  p95_wait_time_sec: 0,
  p99_wait_time_sec: 0,
  p50_execution_time_sec: 0,
  p95_execution_time_sec: 0,
  p99_execution_time_sec: 0,
  throughput_1min: 0,
  throughput_5min: 0,
  throughput_15min: 0,
  success_rate_1min: 1,
  success_rate_5min: 1,
  success_rate_15min: 1,
  error_rate_1min: 0,
  error_rate_5min: 0,
  error_rate_15min: 0,
};

const QUIET: Overview = {
  health: {
    status: "healthy",
    message: "all is well",
    queue_depth: 0,
    database_available: true,
    database_latency_ms: 1,
    worker_pool_healthy: true,
    alerts: [],
    warnings: [],
    checked_at: AT,
  },
  metrics: METRICS,
  open_failures: { groups: 0, tasks: 0 },
  stuck: [],
  held: 0,
  held_tasks: [],
  backlog: 0,
  drains_in_seconds: null,
  workers: { total: 0, active: 0, idle: 0, away: 0 },
};

describe("what needs a person", () => {
  test("is nothing on a quiet system", () => {
    assert.deepEqual(needsOf(QUIET), []);
  });

  test("has what is critical first, then each held task by name and event", () => {
    const needs = needsOf({
      ...QUIET,
      health: {
        ...QUIET.health,
        alerts: [
          {
            level: "critical",
            code: "no-worker",
            message: "no worker is there",
            remedy: "start one",
            page: "/workers",
            timestamp: AT,
          },
        ],
      },
      open_failures: { groups: 1, tasks: 3 },
      held: 3,
      held_tasks: [{ task_id: "a", task_name: "publish", awaited_event: "approved" }],
    });
    assert.deepEqual(
      needs.map((need) => [need.title, need.page]),
      [
        ["no worker is there", "/workers"],
        ["3 failed tasks in 1 group that nobody looked at", "/failures"],
        ["publish waits for the event approved", "/tasks/a"],
        ["2 more tasks held for an event", "/tasks?q=status%3Apending"],
      ],
    );
  });

  test("says of the machinery what it is, whatever tasks failed", () => {
    assert.equal(machineryText(QUIET.health), "Database, queues and workers are well");
    const alone = { ...QUIET.health, worker_pool_healthy: false };
    assert.equal(machineryText(alone), "Database and queues are well; no worker is there");
    const slow = { ...QUIET.health, status: "degraded" as const, message: "the database is slow" };
    assert.equal(machineryText(slow), "the database is slow");
  });
});

test("a system is fresh until something was spawned", () => {
  assert.ok(isFresh(QUIET));
  assert.ok(!isFresh({ ...QUIET, metrics: { ...METRICS, total_spawned: 1 } }));
  assert.ok(!isFresh({ ...QUIET, backlog: 1 }));
});

test("a backlog says when it is done", () => {
  assert.equal(backlogText(QUIET), "Nothing waits");
  assert.equal(
    backlogText({ ...QUIET, backlog: 12, drains_in_seconds: 240 }),
    "12 wait, done in 4 min",
  );
  assert.equal(backlogText({ ...QUIET, backlog: 12 }), "12 wait, and more come than go");
});

describe("charts", () => {
  const steps = Array.from({ length: 288 }, (_, index) => ({
    since: new Date(Date.parse(AT) + index * 300_000).toISOString(),
    completed: 0,
    failed: 0,
    cancelled: 0,
    wait_time_sec: null,
    execution_time_sec: null,
  }));

  test("begin before the first end, and are an hour at least", () => {
    assert.equal(chartsOf(steps).times.length, 12);
    const late = steps.map((step, index) => ({ ...step, completed: index >= 286 ? 4 : 0 }));
    assert.equal(chartsOf(late).times.length, 12);
    const early = steps.map((step, index) => ({ ...step, failed: index === 100 ? 1 : 0 }));
    assert.equal(chartsOf(early).times.length, 189);
    const always = steps.map((step) => ({ ...step, completed: 1 }));
    assert.equal(chartsOf(always).times.length, 288);
  });

  test("show a value between two gaps", () => {
    const data = [
      [1, 2, 3, 4, 5, 6],
      [null, 7, null, 1, 2, null],
    ] as const;
    assert.deepEqual(lonePoints({ data: [[...data[0]], [...data[1]]] }, 1), [1]);
    assert.equal(
      lonePoints(
        {
          data: [
            [1, 2],
            [3, 4],
          ],
        },
        1,
      ),
      null,
    );
  });
});
