import assert from "node:assert/strict";

import type { BulkAction, UndoPreview } from "@contimg/contract";
import { describe, test } from "vitest";

import { canUndo, paceText, undoText } from "./bulk-actions.model.ts";

function bulk(given: Partial<BulkAction> = {}): BulkAction {
  return {
    bulk_id: "0198a000-0000-7000-8000-000000000001",
    action: "cancel",
    state: "completed",
    q: "tag:test",
    reason: "a test night",
    actor: "maria",
    total: 100,
    done: 90,
    skipped: 10,
    undone: 0,
    created_at: "2026-01-25T08:00:00.000Z",
    ended_at: "2026-01-25T08:00:05.000Z",
    error: null,
    ...given,
  };
}

describe("an action on many tasks", () => {
  test("can be undone while something of it is left", () => {
    assert.ok(canUndo(bulk()));
    assert.ok(!canUndo(bulk({ done: 90, undone: 90 })));
    assert.ok(!canUndo(bulk({ state: "undone" })));
    assert.ok(!canUndo(bulk({ done: 0 })));
  });

  test("says what an undo takes back, and what stays", () => {
    const preview = (undoable: number, goneOn = 0, beyond = 0): UndoPreview => ({
      ...{ undoable, gone_on: goneOn, beyond, undoable_ids: [], gone_on_ids: [] },
    });
    const some = undoText(bulk(), preview(70, 1, 2));
    assert.match(some.back, /^70 tasks would be taken back. They would wait/);
    assert.deepEqual(some.stay, [
      "1 task stays as now: retried since.",
      "2 tasks stay as now: told to stop while running, or changed too long ago.",
    ]);
    assert.match(
      undoText(bulk({ state: "running" }), preview(1)).back,
      /^It would be stopped. 1 task would/,
    );
    assert.deepEqual(undoText(bulk({ action: "discard" }), preview(0)), {
      back: "No task can be taken back any more.",
      stay: [],
    });
  });

  test("says how fast it goes and when it is over", () => {
    const running = bulk({ state: "running", ended_at: null, done: 40, skipped: 10 });
    assert.equal(paceText(bulk(), new Date(0)), "took 5.0 s");
    assert.equal(paceText(running, new Date("2026-01-25T08:00:10Z")), "5/s, 10 s left");
    const begun = { ...running, done: 0, skipped: 0 };
    assert.equal(paceText(begun, new Date("2026-01-25T08:00:10Z")), "begins");
    const early = { ...running, created_at: "2026-01-25T08:00:10.000Z" };
    assert.equal(paceText(early, new Date("2026-01-25T08:00:09Z")), "begins");
  });
});
