import assert from "node:assert/strict";

import type { TaskPage, TaskSummary } from "@contimg/contract";
import { describe, test } from "vitest";

import {
  isSearching,
  mergeRows,
  statusesOf,
  toggleStatus,
  withoutStatus,
  withTerm,
} from "./tasks.model.ts";

describe("the list", () => {
  test("has what is new first, and goes on with the pages", () => {
    const pages = [page([3, 2], "c"), page([1], null)];
    assert.deepEqual(ids(mergeRows(page([5, 4, 3], "c"), pages)), [5, 4, 3, 2, 1]);
  });

  test("drops what fits the filter no more", () => {
    const pages = [page([4, 3, 2], "c"), page([1], null)];
    assert.deepEqual(ids(mergeRows(page([4, 2], "c"), pages)), [4, 2, 1]);
  });

  test("is the newest alone when they are all there is", () => {
    assert.deepEqual(ids(mergeRows(page([9], null), [page([8, 7], null)])), [9]);
  });

  test("says when so many are new that the rest does not meet them", () => {
    const merged = mergeRows(page([9, 8], "c"), [page([3, 2], "c")]);
    assert.equal(merged.hasGap, true);
    assert.equal(mergeRows(page([4, 3], "c"), [page([3, 2], "c")]).hasGap, false);
  });

  test("does not lose or double the task that was the newest's last and has gone", () => {
    const pages = [page([5, 4, 3, 2], "c"), page([1], null)];
    assert.deepEqual(ids(mergeRows(page([6, 5, 3], "c"), pages)), [6, 5, 3, 2, 1]);
  });
});

describe("a search that ended by its budget", () => {
  const cut = { ...page([], "c"), complete: false, scanned_to: task(5).created_at };

  test("of the newest keeps what the pages found where it did not look", () => {
    const pages = [page([7, 4], "c"), page([3], null)];
    assert.deepEqual(ids(mergeRows(cut, pages)), [4, 3]);
    assert.deepEqual(ids(mergeRows({ ...cut, next_cursor: null }, pages)), []);
  });

  test("goes on until a screen is full or all was looked at", () => {
    const some = { ...page([9, 8], "c"), complete: false, scanned_to: task(7).created_at };
    assert.equal(isSearching([some], 3), true);
    assert.equal(isSearching([some], 2), false);
    assert.equal(isSearching([some, cut], 2), true);
    assert.equal(isSearching([some, page([3], "c")], 9), false);
    assert.equal(isSearching([some, { ...cut, complete: true, next_cursor: null }], 9), false);
    assert.equal(isSearching([], 9), false);
  });
});

describe("the filter's status", () => {
  test("goes and comes by a click, and leaves the other terms alone", () => {
    assert.equal(toggleStatus("name:imaging", "failed"), "status:failed name:imaging");
    assert.equal(
      toggleStatus("status:failed name:imaging", "pending"),
      "status:pending,failed name:imaging",
    );
    assert.equal(toggleStatus("status:failed name:imaging", "failed"), "name:imaging");
    assert.deepEqual([...statusesOf("-status:failed")], []);
  });

  test("does not count for the counts, and a filter that cannot be read stays as it is", () => {
    assert.equal(withoutStatus("status:failed age>2h"), "age>2h");
    assert.equal(withoutStatus("age>>2h"), "age>>2h");
  });

  test("is joined by a term once, quoted when it must be", () => {
    assert.equal(withTerm("a", "name", "imaging"), "a name:imaging");
    assert.equal(withTerm("name:imaging", "name", "imaging"), "name:imaging");
    assert.equal(withTerm("", "worker", "a b"), 'worker:"a b"');
  });
});

function page(numbers: readonly number[], cursor: string | null): TaskPage {
  return { tasks: numbers.map(task), next_cursor: cursor, complete: true, scanned_to: null };
}

function task(number: number): TaskSummary {
  const at = new Date(number * 1000).toISOString();
  return {
    task_id: `01a21ddf-9372-7000-9040-00000000000${number}`,
    queue_name: "default",
    task_name: "imaging",
    priority: 0,
    status: "pending",
    attempt: 0,
    max_retries: 3,
    worker_id: null,
    created_at: at,
    available_at: at,
    claimed_at: null,
    completed_at: null,
    wait_time_sec: null,
    execution_time_sec: null,
    error: null,
    error_tag: null,
    error_class: null,
    tags: [],
    correlation_id: null,
    workflow_id: null,
    parent_task_id: null,
  };
}

function ids({ rows }: { rows: readonly TaskSummary[] }): number[] {
  return rows.map((row) => Number(row.task_id.at(-1)));
}
