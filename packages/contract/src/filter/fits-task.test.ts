/** Whether a task fits a filter, told from its summary. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";

import type { TaskSummary } from "../task.ts";
import { fitsTask } from "./fits-task.ts";
import { parseTaskFilter } from "./parse.ts";

const NOW = new Date("2026-01-25T08:30:00Z");
const TASK: TaskSummary = {
  task_id: "019b0c5e-7a1f-7cc2-8d5e-0a4b1c2d3e4f",
  queue_name: "night",
  task_name: "imaging",
  priority: 3,
  status: "failed",
  attempt: 2,
  max_retries: 1,
  worker_id: "host-1",
  created_at: "2026-01-25T06:00:00.000Z",
  available_at: "2026-01-25T06:00:00.000Z",
  claimed_at: "2026-01-25T06:10:00.000Z",
  completed_at: "2026-01-25T06:11:00.000Z",
  wait_time_sec: 600,
  execution_time_sec: 60,
  error: "WSClean: No space left",
  error_tag: "DiskFull",
  error_class: "retryable",
  tags: ["night-17", "3C286"],
  correlation_id: "2026-01-25T06",
  workflow_id: null,
  parent_task_id: null,
};
const PENDING: TaskSummary = {
  ...TASK,
  status: "pending",
  claimed_at: null,
  completed_at: null,
  worker_id: null,
  wait_time_sec: null,
  execution_time_sec: null,
  error: null,
  error_tag: null,
  error_class: null,
  attempt: 0,
};
const CLAIMED: TaskSummary = {
  ...TASK,
  status: "claimed",
  completed_at: null,
  execution_time_sec: null,
};

function fits(text: string, task: TaskSummary): boolean | undefined {
  const { conditions, faults } = parseTaskFilter(text, NOW);
  assert.deepEqual(faults, undefined);
  return fitsTask(conditions, task, NOW);
}

describe("a task fits", () => {
  test.each([
    "",
    "status:failed,cancelled name:imaging age>2h -tag:test",
    "name:imag* queue:night worker:host*",
    "tag:3C286",
    "tag:night*",
    'message:~"no space"',
    "error:DiskFull class:retryable",
    "attempt>=2 attempt:1,2 priority>2 priority<=3",
    "age<3h wait>=10m wait<=10m run>59s run<=60s",
    "created>=2026-01-25T06:00Z started<2026-01-25T06:10:01Z ended>-3h",
    "-workflow:* -parent:019*",
    "correlation:2026-01-25*",
    "wsclean 3c28",
    "id:019b0c5e*",
    "019b0c5e-7a1f-7cc2-8d5e-0a4b1c2d3e4f",
    "id:019b0c5e-7a1f-7cc2-8d5e-0a4b1c2d3e4f",
  ])("%s", (text) => {
    assert.equal(fits(text, TASK), true);
  });

  test.each([
    "-worker:*",
    "-ended<today",
    "wait>2h",
    "-run>0s",
    "-started>yesterday",
    "-error:DiskFull",
  ])("%s, while it is pending", (text) => {
    assert.equal(fits(text, PENDING), true);
  });

  test("run>2h, while it runs since then", () => {
    assert.equal(fits("run>2h", CLAIMED), true);
    assert.equal(fits("run>3h", CLAIMED), false);
  });
});

describe("a task does not fit", () => {
  test.each([
    "status:completed",
    "status:failed name:Imaging",
    "name:mag*",
    "-tag:3C286",
    "tag:3c286",
    "wait>10m",
    "workflow:*",
    "created>2026-01-25T06:00Z",
    "age>3h",
  ])("%s", (text) => {
    assert.equal(fits(text, TASK), false);
  });
});

test("a summary does not tell of params and keys, but other conditions may decide", () => {
  assert.equal(fits("param.dec:16", TASK), undefined);
  assert.equal(fits("status:failed key:a", TASK), undefined);
  assert.equal(fits("wsclean pear", TASK), undefined, "it may be in the params");
  const ofWorkflow = { ...TASK, workflow_id: TASK.task_id };
  assert.equal(fits("workflow:night", ofWorkflow), undefined);
  assert.equal(fits(`workflow:${TASK.task_id}`, ofWorkflow), true);
  assert.equal(fits("workflow:019b0c5e-0000-7cc2-8d5e-0a4b1c2d3e4f", ofWorkflow), false);
  assert.equal(fits("workflow:night", TASK), false);
  assert.equal(fits("status:completed -param.dec:16", TASK), false);
});
