import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { alertsOf, type Facts, verdictOf } from "./alerts.ts";
import { stuckTasks } from "./system-state.ts";

const now = new Date("2026-11-27T12:00:00Z");
const well: Facts = {
  now,
  latencyMs: 3,
  queues: [{ name: "a", paused: false, ready: 10, oldestAt: new Date(now.getTime() - 5_000) }],
  workers: { total: 4, away: 0, queues: new Set(["a"]) },
  secondsWithoutCompletion: 10,
  ended: { total: 100, failed: 1 },
  stuck: [],
};

function codesOf(facts: Partial<Facts>): string[] {
  return alertsOf({ ...well, ...facts }).map((each) => `${each.level} ${each.code}`);
}

function queue(change: Partial<Facts["queues"][number]>): Partial<Facts> {
  return { queues: [{ ...well.queues[0]!, ...change }] };
}

function workers(change: Partial<Facts["workers"]>): Partial<Facts> {
  return { workers: { ...well.workers, ...change } };
}

function ago(seconds: number): Date {
  return new Date(now.getTime() - seconds * 1000);
}

describe("what needs a person", () => {
  const CASES: readonly (readonly [string, Partial<Facts>, readonly string[]])[] = [
    ["nothing, when all is well", {}, []],
    ["a database that is slow", { latencyMs: 501 }, ["warning database-slow"]],
    ["a database that is very slow", { latencyMs: 1_001 }, ["critical database-slow"]],
    ["no latency known", { latencyMs: null }, []],
    ["500 ready tasks", queue({ ready: 500 }), []],
    ["501 ready tasks", queue({ ready: 501 }), ["warning queue-depth"]],
    ["1001 ready tasks", queue({ ready: 1_001 }), ["critical queue-depth"]],
    ["ready for 10 minutes", queue({ oldestAt: ago(600) }), []],
    ["ready for longer", queue({ oldestAt: ago(601) }), ["warning oldest-pending"]],
    ["ready for over an hour", queue({ oldestAt: ago(3_601) }), ["critical oldest-pending"]],
    ["a pause with tasks", queue({ paused: true, oldestAt: ago(9_999) }), ["warning queue-paused"]],
    ["a pause without", queue({ paused: true, ready: 0 }), []],
    ["no worker, and work", workers({ total: 0 }), ["critical no-worker"]],
    ["no worker, no work", { ...workers({ total: 0 }), ...queue({ ready: 0 }) }, []],
    [
      "a queue that nobody serves",
      workers({ queues: new Set() }),
      ["warning queue-without-worker"],
    ],
    ["half of the workers away", workers({ away: 2 }), []],
    ["most of them away", workers({ away: 3 }), ["warning workers-away"]],
    ["all away", workers({ away: 4 }), ["critical workers-away"]],
    ["nothing completed", { secondsWithoutCompletion: 301 }, ["critical nothing-completed"]],
    [
      "nothing completed, nothing to do",
      { secondsWithoutCompletion: 301, ...queue({ ready: 0 }) },
      [],
    ],
    ["6 % failed", { ended: { total: 100, failed: 6 } }, ["warning error-rate"]],
    ["11 % failed", { ended: { total: 100, failed: 11 } }, ["critical error-rate"]],
    ["all of few failed", { ended: { total: 9, failed: 9 } }, []],
  ];
  for (const [what, facts, codes] of CASES) {
    test(what, () => {
      assert.deepEqual(codesOf(facts), codes);
    });
  }

  test("critical alerts come first, each with a remedy and a page, and make the verdict", () => {
    const alerts = alertsOf({ ...well, latencyMs: 600, ...workers({ total: 0 }) });
    assert.deepEqual(
      alerts.map((each) => each.code),
      ["no-worker", "database-slow"],
    );
    for (const { remedy, page } of alerts) assert.ok(remedy.length > 10 && page.startsWith("/"));
    assert.deepEqual(verdictOf(alerts), {
      status: "critical",
      message: "no worker is there for 10 ready tasks; and 1 more",
    });
    assert.equal(verdictOf(alerts.slice(1)).status, "degraded");
    assert.equal(verdictOf([]).status, "healthy");
  });
});

describe("stuck tasks", () => {
  const running = (taskName: string, seconds: number) => ({
    tasks: [{ taskId: taskName, taskName, attempt: 1, claimedAt: ago(seconds) }],
  });
  const usual = new Map([
    ["quick", 1],
    ["slow", 600],
  ]);

  test("run over five times the usual of their name, and over a minute", () => {
    const workers = [
      running("quick", 59),
      running("quick@v2", 61),
      running("slow", 2_999),
      running("slow", 3_001),
    ];
    assert.deepEqual(
      stuckTasks(workers, usual, now).map((each) => [each.taskName, each.runningSeconds]),
      [
        ["slow", 3_001],
        ["quick@v2", 61],
      ],
    );
  });

  test("of unknown names run over an hour", () => {
    assert.equal(stuckTasks([running("new", 3_599)], usual, now).length, 0);
    assert.equal(stuckTasks([running("new", 3_601)], usual, now).length, 1);
  });
});
