import assert from "node:assert/strict";

import { AbsurdClient, defineTask, fieldIs, startWorker } from "@contimg/absurd";
import { test } from "vitest";
import { z } from "zod";

import { CHAINS, spawnChain } from "./chains.ts";
import { PipelineError } from "./errors.ts";
import type { Json } from "./stage.ts";
import { classifyStageError, stageTasks } from "./stage-task.ts";
import { STAGES } from "./stages.ts";
import { pipelineDatabase } from "./testing/pipeline-database.ts";

const database = pipelineDatabase();

test("every stage of every chain exists", () => {
  const known = STAGES.map(({ stage }) => stage.name);
  for (const stage of Object.values(CHAINS).flat()) assert.ok(known.includes(stage), stage);
});

test("a chain's tasks wait for each other in order and share a workflow", async () => {
  const client = setup();

  const { workflowId, tasks } = await spawnChain(client, "target", "2026-01-25T22:00:00");

  const shown = await Promise.all(tasks.map(({ taskId }) => client.show(taskId)));
  assert.deepEqual(
    shown.map((task) => task.dependsOn),
    [[], ...tasks.slice(0, -1).map(({ taskId }) => [taskId])],
  );
  assert.ok(shown.every((task) => task.workflowId === workflowId));
  assert.deepEqual(
    shown.map((task) => task.place.place),
    ["ready", "waiting", "waiting", "waiting", "waiting"],
  );
  assert.deepEqual(
    shown.map((task) => task.priority),
    [0, 1, 2, 3, 4],
    "a tile that is begun is finished before another is begun",
  );
});

test("one bad calibrator stops no tile: it is calibrated by another, and imaged", async () => {
  const group = "2026-01-25T20:00:00";
  await spawnChain(setup(), "standard-pipeline", group, { queue: "bad-calibrator" });

  const ends = await endsWhenFails("calibration-solve", group, "bad-calibrator");

  assert.deepEqual(ends, {
    "convert-uvh5-to-ms": "completed",
    "calibration-solve": "failed",
    "calibration-apply": "completed",
    imaging: "completed",
    validation: "completed",
    photometry: "completed",
  });
});

test("a tile that cannot be converted is neither solved nor calibrated", async () => {
  const group = "2026-01-25T20:30:00";
  await spawnChain(setup(), "standard-pipeline", group, { queue: "bad-files" });

  const ends = await endsWhenFails("convert-uvh5-to-ms", group, "bad-files");

  const { "convert-uvh5-to-ms": convert, ...others } = ends;
  assert.equal(convert, "failed");
  assert.deepEqual([...new Set(Object.values(others))], ["cancelled"]);
});

test("a science tile's apply waits for the calibrator's solve when it is given", async () => {
  const client = setup();
  const calibrator = await spawnChain(client, "calibrator", "2026-01-25T21:00:00");
  const solveTaskId = calibrator.tasks.at(-1)!.taskId;

  const { tasks } = await spawnChain(client, "target", "2026-01-25T21:46:00", { solveTaskId });

  const apply = await client.show(tasks[1]!.taskId);
  assert.deepEqual([...apply.dependsOn].sort(), [tasks[0]!.taskId, solveTaskId].sort());
});

test("chains share the tasks of a group until a revision runs it again", async () => {
  const client = setup();
  const group = "2026-01-25T23:00:00";
  const first = await spawnChain(client, "quick-imaging", group);

  const longer = await spawnChain(client, "target", group);
  const again = await spawnChain(client, "target", group, { revision: "flagged-better" });

  assert.deepEqual(
    longer.tasks.map(({ created }) => created),
    [false, false, false, true, true],
  );
  assert.equal(longer.tasks[2]!.taskId, first.tasks[2]!.taskId);
  assert.ok(again.tasks.every(({ created }) => created));
});

test("a calibrator's Measurement Set goes to the calibrators unless asked elsewhere", async () => {
  const client = setup();
  const roleOf = async (params: Readonly<Record<string, Json>>, groupId: string) => {
    const chain = await spawnChain(client, "calibrator", groupId, {
      params: { "convert-uvh5-to-ms": params },
    });
    return (await client.show(chain.tasks[0]!.taskId)).params;
  };

  assert.deepEqual(await roleOf({ tolerance_seconds: 30 }, "2026-03-01T20:00:00"), {
    group_id: "2026-03-01T20:00:00",
    role: "calibrators",
    tolerance_seconds: 30,
  });
  assert.deepEqual(await roleOf({ role: "science" }, "2026-03-01T21:00:00"), {
    group_id: "2026-03-01T21:00:00",
    role: "science",
  });
});

test("a group id that is no time is refused before anything is spawned", async () => {
  const client = setup();

  await assert.rejects(spawnChain(client, "target", "last night"), (error: unknown) => {
    assert.ok(error instanceof PipelineError);
    assert.match(error.message, /group_id is "last night", expected a time such as/);
    return true;
  });
  assert.deepEqual(
    (await client.list({ conditions: [fieldIs("correlation", "last night")] })).tasks,
    [],
  );
});

/** How the tasks of a group end, when a stand-in of one stage fails and all others do nothing. */
async function endsWhenFails(failing: string, groupId: string, queue: string) {
  const tasks = CHAINS["standard-pipeline"].map((name) =>
    defineTask({
      name,
      queue,
      params: z.record(z.string(), z.unknown()),
      handler: () => {
        if (name === failing) throw new PipelineError("UnphysicalData", `${name} fails`);
        return Promise.resolve({});
      },
    }),
  );
  const worker = await startWorker({
    ...{ connectionString: database.url, tasks, queues: [queue] },
    capacity: { memory_mib: 1_000_000, open_files: 1_000_000 },
    classifyError: classifyStageError,
  });
  const client = new AbsurdClient(database.pool());
  try {
    const spawned = (await client.list({ conditions: [fieldIs("correlation", groupId)] })).tasks;
    const ended = await client.awaitTasks(spawned.map(({ taskId }) => taskId));
    return Object.fromEntries(ended.map(({ taskName, status }) => [taskName, status]));
  } finally {
    await worker.stop({ graceSeconds: 1 });
    await client.close();
  }
}

function setup(): AbsurdClient {
  const pool = database.pool();
  const tasks = stageTasks(STAGES, { pool, dataRoot: "/nowhere", threadCount: 1 });
  return new AbsurdClient(pool, { tasks });
}
