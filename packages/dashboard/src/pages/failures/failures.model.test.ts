import assert from "node:assert/strict";

import type { FailureGroup } from "@contimg/contract";
import { describe, test } from "vitest";

import {
  countTabs,
  deathsByHour,
  fitting,
  neighbourOf,
  onTab,
  picturedFrom,
  storyOf,
  tasksFilterOf,
  titleOf,
} from "./failures.model.ts";

function group(given: Partial<FailureGroup> = {}): FailureGroup {
  return {
    fingerprint: "f00d",
    task_name: "imaging",
    error_tag: "OutOfMemory",
    error_class: "retryable",
    message: "killed at 12 GB",
    count: 3,
    first_at: "2026-01-25T08:00:00Z",
    last_at: "2026-01-25T09:00:00Z",
    example: { task_id: "0198a000-0000-7000-8000-000000000001", message: "killed at 12 GB" },
    state: "open",
    assignee: null,
    note: null,
    hint: null,
    runbook_url: null,
    ...given,
  };
}

describe("the inbox of failures", () => {
  const groups = [
    group({ fingerprint: "a" }),
    group({ fingerprint: "b", state: "acknowledged", assignee: "maria" }),
    group({ fingerprint: "c", state: "resolved", note: "the disk was full", count: 0 }),
  ];

  test("counts and shows each state, and all", () => {
    assert.deepEqual(countTabs(groups), { open: 1, acknowledged: 1, resolved: 1, all: 3 });
    assert.deepEqual(
      onTab(groups, "acknowledged").map((each) => each.fingerprint),
      ["b"],
    );
    assert.equal(onTab(groups, "all").length, 3);
  });

  test("finds by every word in name, error, message and note, and by whose it is", () => {
    const found = (find: string, assignee?: string) =>
      fitting(groups, { find, assignee }).map((each) => each.fingerprint);
    assert.deepEqual(found("imaging OUTOFMEMORY"), ["a", "b", "c"]);
    assert.deepEqual(found("disk"), ["c"]);
    assert.deepEqual(found("disk nowhere"), []);
    assert.deepEqual(found("", "maria"), ["b"]);
    assert.deepEqual(found("", ""), []);
  });

  test("is walked to its ends and not beyond", () => {
    assert.equal(neighbourOf(groups, "", 1), "a");
    assert.equal(neighbourOf(groups, "", -1), "c");
    assert.equal(neighbourOf(groups, "a", 1), "b");
    assert.equal(neighbourOf(groups, "c", 1), "c");
    assert.equal(neighbourOf([], "a", 1), undefined);
  });
});

describe("a group", () => {
  test("says where it stands and what comes next", () => {
    assert.match(storyOf(group()), /^3 dead tasks; nobody/);
    assert.match(storyOf(group({ state: "acknowledged", count: 0 })), /resolved by itself/);
    assert.match(storyOf(group({ state: "resolved", count: 2 })), /2 dead tasks are still here/);
    assert.match(storyOf(group({ state: "resolved", count: 0 })), /open again/);
  });

  test("whose tasks are gone is called by its note, then by its fingerprint", () => {
    const gone = { error_tag: null, task_name: null, example: null, count: 0 };
    assert.equal(titleOf(group(gone)), "Group f00d");
    assert.equal(titleOf(group({ ...gone, note: "disk" })), "disk");
    assert.equal(tasksFilterOf(group(gone)), "status:failed");
  });

  test("leads to the tasks that failed like it, whatever the tag is written like", () => {
    assert.equal(tasksFilterOf(group()), "status:failed name:imaging error:OutOfMemory");
    assert.equal(
      tasksFilterOf(group({ error_tag: "no space" })),
      'status:failed name:imaging error:"no space"',
    );
  });

  test("has its deaths in the hour in which they were", () => {
    const now = new Date("2026-01-25T09:30:00Z");
    const from = picturedFrom(now);
    assert.equal(from, "2026-01-24T10:00:00.000Z");
    const counts = deathsByHour(
      [
        "2026-01-24T09:59:59Z",
        "2026-01-24T10:00:00Z",
        "2026-01-25T09:00:00Z",
        "2026-01-25T09:29:00Z",
      ].map((at) => ({ failed_at: at })),
      from,
    );
    assert.equal(counts.length, 24);
    assert.deepEqual([counts[0], counts[22], counts[23]], [1, 0, 2]);
  });
});
