import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { fieldIs } from "@contimg/absurd";
import { measureLoad, pauseReason } from "./back-pressure.ts";
import { ingestPolicySchema } from "./policy.ts";
import { ALL_SUBBANDS, ingestBed } from "./testing/ingest-bed.ts";
import { QUEUE } from "./testing/stand-ins.ts";

const bed = ingestBed();
const policy = { pause_free_bytes: 1e9, resume_free_bytes: 3e9, pause_tasks: 10, resume_tasks: 4 };

describe("back-pressure", () => {
  test("pauses while disk or queue is above its high mark, until below the low one", () => {
    const marks = ingestPolicySchema.parse(policy);
    const reason = (freeBytes: number, taskCount: number, isPaused: boolean) =>
      pauseReason({ freeBytes, taskCount, diskBytes: 1e12 }, isPaused, marks);
    assert.equal(reason(2e9, 7, false), null);
    assert.match(reason(0.9e9, 0, false)!, /^0.900 GB free, files are taken again at 3.00 GB$/);
    assert.match(reason(2e9, 0, true)!, /^2.00 GB free/);
    assert.equal(reason(3e9, 4, true), null);
    assert.match(reason(1e12, 11, false)!, /^11 tasks in the queue, .* again at 4$/);
    assert.match(reason(1e12, 5, true)!, /^5 tasks/);
  });

  test("goes by a twentieth of a small disk and by 20 GB of a large one", () => {
    const marks = ingestPolicySchema.parse({});
    const isPaused = (freeBytes: number, diskBytes: number) =>
      pauseReason({ freeBytes, diskBytes, taskCount: 0 }, false, marks) !== null;
    assert.deepEqual([isPaused(4e9, 1e11), isPaused(6e9, 1e11)], [true, false]);
    assert.deepEqual([isPaused(19e9, 1e13), isPaused(21e9, 1e13)], [true, false]);
  });

  test("leaves files where they are, says so, and loses none of them", async () => {
    bed.deliverGroup(0);

    const full = await bed.look({ policy, loads: [{ freeBytes: 0.5e9 }] });
    assert.match(full.paused!, /0.500 GB free/);
    assert.equal(full.seenCount, 0);
    assert.deepEqual(await bed.files(), []);
    const said = await bed.pool.query("select paused_reason from contimg.ingest_folders");
    assert.deepEqual(said.rows, [{ paused_reason: full.paused }]);

    // Also in another process: between the marks it stays as it was.
    assert.match((await bed.look({ policy, loads: [{ freeBytes: 2e9 }] })).paused!, /2.00 GB/);
    const free = await bed.look({ policy, loads: [{ freeBytes: 4e9 }] });

    assert.equal(free.paused, null);
    assert.equal(free.spawned.length, 1);
  });

  test("stops spawning in the middle of a look, in order of observation", async () => {
    for (let group = 0; group < 20; group += 1) bed.deliverGroup(309 * group);

    const busy = await bed.look({ policy, loads: [{}, { taskCount: 20 }] });

    assert.match(busy.paused!, /20 tasks/);
    assert.equal(busy.spawned.length, 16);
    const spawned = (await bed.runs()).map((run) => run.group_id);
    const all = (await bed.groups()).map((group) => group.group_id);
    assert.deepEqual(spawned, all.slice(0, 16));

    assert.equal((await bed.look({ policy })).spawned.length, 4);
  });

  test("does not count tiles that wait for a calibration", async () => {
    const before = await measureLoad(bed.client, QUEUE, [bed.folder]);
    bed.deliverGroup(0);
    await bed.look();

    const load = await measureLoad(bed.client, QUEUE, [bed.folder, "/nowhere/at/all"]);

    assert.equal(load.taskCount, before.taskCount + 1);
    assert.ok(load.freeBytes > 0 && load.diskBytes > load.freeBytes);
  });
});

describe("stragglers", () => {
  test("make a group that was run without them run again, in place of the first run", async () => {
    bed.deliverGroup(0, ALL_SUBBANDS.slice(0, 14));
    await bed.look();
    const partial = await bed.look({ at: 301 });
    assert.deepEqual(
      partial.spawned.map((run) => [run.revision, run.missing]),
      [[0, [14, 15]]],
    );
    const before = await convertParams(0);
    assert.deepEqual(
      [before["missing_subbands"], (before["input_paths"] as string[]).length],
      ["flag", 14],
    );

    bed.deliver(3, 14);
    await bed.look({ at: 400 });
    bed.deliver(40, 15);
    const whole = await bed.look({ at: 410 });

    assert.deepEqual(
      whole.spawned.map(({ revision, reason }) => [revision, reason]),
      [[1, "sb14, sb15 came late"]],
    );
    const after = await convertParams(1);
    assert.ok(!("missing_subbands" in after));
    const [first] = await bed.runs();
    const { tasks } = await bed.client.list({
      conditions: [fieldIs("workflow", first!.workflow_id)],
    });
    assert.ok(tasks.every((task) => task.status === "cancelled"));
  });

  test("take back that a group was given up", async () => {
    bed.deliverGroup(0, [0, 1]);
    await bed.look();
    const [refused] = (await bed.look({ at: 90_000 })).refused;
    assert.match(refused!.reason, /2 of 16 subbands.*at least 12 are needed; given up/);

    bed.deliverGroup(0);
    const report = await bed.look({ at: 90_010 });

    assert.equal(report.spawned.length, 1);
    assert.deepEqual(
      (await bed.groups()).map((group) => group.state),
      ["complete"],
    );
  });
});

async function convertParams(revision: number): Promise<Record<string, unknown>> {
  const run = (await bed.runs())[revision]!;
  const { tasks } = await bed.client.list({ conditions: [fieldIs("workflow", run.workflow_id)] });
  const convert = tasks.find((task) => task.taskName === "convert-uvh5-to-ms")!;
  return (await bed.client.show(convert.taskId)).params as Record<string, unknown>;
}
