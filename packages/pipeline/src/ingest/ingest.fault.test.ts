/** An ingester is killed with kill -9 between any two of its steps. */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { until } from "@contimg/testkit";
import { afterEach, describe, test } from "vitest";

import { fieldIs } from "@contimg/absurd";
import { holdCallsOf, untilHeld } from "../testing/hold-calls.ts";
import { ALL_SUBBANDS, ingestBed, stampAt } from "./testing/ingest-bed.ts";

const bed = ingestBed();
const STEPS = [
  ["files are seen and not recorded", "record_look"],
  ["files are recorded and not in a group", "loose_files"],
  ["files are recorded and not looked into", "pending_files"],
  ["files were looked into and that is not recorded", "record_probes"],
  ["groups are whole and nothing is decided", "due_groups"],
  ["a group's state has changed and its chain is not spawned", "decide_group"],
  ["a chain is spawned and that is not committed", "record_run"],
] as const;

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) await kill(child);
});

describe("an ingester that is killed when", () => {
  test.each(STEPS)("%s loses and doubles nothing", async (_when, step) => {
    bed.deliverGroup(0);
    bed.deliverGroup(309);
    bed.deliverGroup(618, ALL_SUBBANDS.slice(0, 3));

    await holdCallsOf(bed.pool, step, async () => {
      const first = start();
      await untilHeld(bed.pool);
      await kill(first);
    });
    start();
    await runsReach(2);
    for (const subband of ALL_SUBBANDS.slice(3)) bed.deliver(640, subband);
    await runsReach(3);

    await assertOnce();
  });

  test("it was in the middle of anything, again and again", async () => {
    for (let group = 0; group < 4; group += 1) {
      const child = start();
      bed.deliverGroup(309 * group, ALL_SUBBANDS.slice(0, 9));
      await until(async () => (await bed.files()).length > 16 * group, { what: "files are seen" });
      await kill(child);
      for (const subband of ALL_SUBBANDS.slice(9)) bed.deliver(309 * group + 5, subband);
    }
    start();
    await runsReach(4);

    await assertOnce();
  });
});

/** Each file once and in its group, each group run once, each stage of it one task. */
async function assertOnce(): Promise<void> {
  const files = await bed.files();
  const runs = await bed.runs();
  const ids = runs.map((run) => run.group_id);
  assert.deepEqual(
    ids,
    runs.map((_run, index) => stampAt(309 * index)),
  );
  assert.equal(files.length, 16 * runs.length);
  assert.ok(files.every((file) => file.state === "whole" && ids.includes(file.group_id)));
  for (const { group_id, revision, workflow_id } of runs) {
    assert.equal(revision, 0);
    const all = (await bed.client.list({ conditions: [fieldIs("correlation", group_id)] })).tasks;
    const own = (await bed.client.list({ conditions: [fieldIs("workflow", workflow_id)] })).tasks;
    assert.equal(all.length, 5);
    assert.equal(own.length, 5);
  }
}

function start(): ChildProcess {
  const program = fileURLToPath(new URL("./ingest.test-process.ts", import.meta.url));
  const { folder, database } = bed;
  const child = fork(program, [JSON.stringify({ folder, connectionString: database.url })]);
  children.push(child);
  return child;
}

function runsReach(count: number): Promise<unknown> {
  return until(async () => (await bed.runs()).length >= count, {
    what: `${count} groups are run`,
    deadlineMs: 60_000,
  });
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}
