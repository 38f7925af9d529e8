import assert from "node:assert/strict";

import { AbsurdClient, fieldIs } from "@contimg/absurd";
import { test } from "vitest";

import { CHAINS, spawnChain } from "./chains.ts";
import { PipelineError } from "./errors.ts";
import type { Json } from "./stage.ts";
import { stageTasks } from "./stage-task.ts";
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

function setup(): AbsurdClient {
  const pool = database.pool();
  const tasks = stageTasks(STAGES, { pool, dataRoot: "/nowhere", threadCount: 1 });
  return new AbsurdClient(pool, { tasks });
}
