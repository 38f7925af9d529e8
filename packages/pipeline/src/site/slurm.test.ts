import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { parseJobs } from "./slurm.ts";

describe("what Slurm says of jobs", () => {
  const cases: [string, string][] = [
    ["7|PENDING|Resources", "under-way"],
    ["7|COMPLETING|None", "under-way"],
    ["7|A_STATE_OF_TOMORROW|", "under-way"],
    ["7|COMPLETED|None", "completed"],
    ["7|OUT_OF_MEMORY|None", "out-of-memory"],
    ["7|TIMEOUT|TimeLimit", "out-of-time"],
    ["7|DEADLINE|None", "out-of-time"],
    ["7|NODE_FAIL|NodeDown", "lost"],
    ["7|PREEMPTED|None", "lost"],
    ["7|CANCELLED by 0|", "cancelled"],
    ["7|FAILED|NonZeroExitCode", "failed"],
  ];
  test.each(cases)("%s means %s", (line, stand) => {
    assert.deepEqual(
      parseJobs([line]).map((job) => [job.jobId, job.stand]),
      [["7", stand]],
    );
  });

  test("what is no job is left out: job steps, warnings, nothing", () => {
    assert.deepEqual(parseJobs(["7.batch|COMPLETED|", "slurm_load_jobs error: x", ""]), []);
  });

  test("a reason goes with the state", () => {
    assert.equal(parseJobs(["7|TIMEOUT|TimeLimit"])[0]?.state, "TIMEOUT (TimeLimit)");
    assert.equal(parseJobs(["7|COMPLETED|None"])[0]?.state, "COMPLETED");
  });
});
