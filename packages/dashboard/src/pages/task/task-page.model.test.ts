import assert from "node:assert/strict";
import { describe, test } from "vitest";

import type { Attempt } from "./attempt.ts";
import { statePath } from "./state-path.model.ts";
import { timelineOf } from "./timeline.model.ts";

const AT = "2026-01-25T08:00:00Z";

function at(seconds: number): string {
  return new Date(Date.parse(AT) + seconds * 1000).toISOString();
}

function ended(attempt: number, from: number, to: number, ending: string): Attempt {
  const span = { claimed_at: at(from), finished_at: at(to) };
  return { attempt, worker_id: "w", ...span, ending, error: null };
}

describe("the way of a task", () => {
  const fresh = { depends_on: [], created_at: AT, available_at: AT };

  test("that failed once and runs again went through back-off", () => {
    const { visits, moves, now } = statePath({ ...fresh, place: "lease", attempt: 2 }, []);
    assert.equal(now, "lease");
    assert.deepEqual([visits.ready, visits.lease, visits.deferred], [2, 2, 1]);
    assert.ok(moves.has("lease>deferred") && moves.has("deferred>ready"));
    assert.equal(visits.waiting, 0);
  });

  test("that waits for another has not been ready", () => {
    const task = { ...fresh, depends_on: ["x"], place: "waiting" as const, attempt: 0 };
    const { visits, moves } = statePath(task, []);
    assert.deepEqual([visits.waiting, visits.ready], [1, 0]);
    assert.deepEqual([...moves], ["spawned>waiting"]);
  });

  test("that is parked shows it, though no record says how it came there", () => {
    assert.equal(statePath({ ...fresh, place: "parked", attempt: 0 }, []).visits.parked, 1);
  });

  test("that completed at once has no way back", () => {
    const { visits, moves } = statePath({ ...fresh, place: "completed", attempt: 1 }, []);
    assert.deepEqual([visits.lease, visits.completed, visits.deferred], [1, 1, 0]);
    assert.ok(!moves.has("lease>deferred"));
  });
});

describe("the timeline", () => {
  test("has each wait and each run, to the present while it goes on", () => {
    const attempts = [ended(1, 2, 5, "retryable")];
    const task = {
      created_at: AT,
      status: "claimed",
      claimed_at: at(9),
      completed_at: null,
      attempt: 2,
      worker_id: "w",
    } as const;
    const { spans, from, to } = timelineOf(task, attempts, Date.parse(at(12)));
    assert.deepEqual(
      spans.map((span) => [span.kind, (span.to - span.from) / 1000, span.ending]),
      [
        ["wait", 2, null],
        ["run", 3, "retryable"],
        ["wait", 4, null],
        ["run", 3, null],
      ],
    );
    assert.equal(to - from, 12_000);
  });

  test("of a task that ended does not grow", () => {
    const task = {
      created_at: AT,
      status: "completed",
      claimed_at: at(1),
      completed_at: at(3),
      attempt: 1,
      worker_id: "w",
    } as const;
    const { to, from } = timelineOf(task, [ended(1, 1, 3, "completed")], Date.parse(at(900)));
    assert.equal(to - from, 3_000);
  });
});
