/**
 * What people look at besides lists: relatives, names, runs of a workflow, dead letters by page.
 */
import assert from "node:assert/strict";

import { describe, test } from "vitest";
import { z } from "zod";

import { freshDatabase, setClock, sqlWorker, until } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { InvalidTransition, TaskNotFound, TemplateNotFound } from "./errors.ts";
import { defineTask } from "./task.ts";
import { startWorker } from "./worker.ts";

const { claim, cycle, emptyEngine, fence, spawn, uuid } = sqlWorker;
const database = freshDatabase();

const reduce = defineTask({
  name: "reduce",
  params: z.strictObject({ field: z.string() }),
  handler: () => undefined,
});

describe("a person sees", () => {
  test("the relatives of a task, one step away", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    const client = new AbsurdClient(db);
    const [held] = await claim(db, worker, 1);
    const parent = await uuid(db, held!);
    const on = await fence(db, worker, held!);
    const child = await client.spawn("noop", {}, { fence: on });
    const [middle] = await spawn(db, [{ task_name: "noop", depends_on: [child.taskId] }]);
    const [last] = await spawn(db, [{ task_name: "noop", depends_on: [middle!.task_id] }]);
    const ids = (tasks: readonly { taskId: string }[]): string[] => tasks.map((t) => t.taskId);

    const ofChild = await client.lineage(child.taskId);
    assert.equal(ofChild.parent!.taskId, parent);
    assert.deepEqual(ids(ofChild.dependents), [middle!.task_id]);
    const ofMiddle = await client.lineage(middle!.task_id);
    assert.deepEqual(
      [ofMiddle.parent, ids(ofMiddle.dependsOn), ids(ofMiddle.dependents)],
      [null, [child.taskId], [last!.task_id]],
    );
    assert.deepEqual(ids((await client.lineage(parent)).children), [child.taskId]);
    await assert.rejects(client.lineage("018f0000-0000-7000-8000-000000000000"), TaskNotFound);
  });

  test("dead letters page by page, and how many", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 5 });
    const { deadLetters } = new AbsurdClient(db);
    const held = await claim(db, worker, 5);
    await cycle(db, worker, { failed: held.slice(0, 3).map((each) => [each, "fatal"] as const) });
    await setClock(db, "2026-03-01T12:01:00Z");
    await cycle(db, worker, { failed: held.slice(3).map((each) => [each, "fatal"] as const) });
    const all = await deadLetters.list();
    const first = await deadLetters.list({}, { limit: 2 });
    const second = await deadLetters.list({}, { limit: 2, after: first[1]! });
    const third = await deadLetters.list({}, { limit: 2, after: second[1]! });
    assert.deepEqual([...first, ...second, ...third], all);
    assert.equal(third.length, 1);
    assert.equal(await deadLetters.count(), 5);
    assert.equal(await deadLetters.count({ queue: "nowhere" }), 0);
  });

  test("the runs of a workflow with their nodes, and workflows by status", async () => {
    const { db, worker } = await emptyEngine(database, {});
    const { workflows } = new AbsurdClient(db);
    const tasks = { a: { task: "noop" }, b: { task: "noop", dependsOn: ["a"] } };
    const runs: string[] = [];
    for (let i = 0; i < 3; i++) {
      runs.push((await workflows.spawn({ name: "night", tasks })).workflowId);
    }
    await workflows.cancel(runs[0]!);
    const [held] = await claim(db, worker, 1);
    await setClock(db, "2026-03-01T12:00:07Z");
    await cycle(db, worker, { done: [held!] });

    const grid = await workflows.grid("night", 2);
    assert.deepEqual(
      grid.map((run) => [run.workflowId, run.nodes.map((node) => [node.node, node.status])]),
      [
        [
          runs[2],
          [
            ["a", "pending"],
            ["b", "pending"],
          ],
        ],
        [
          runs[1],
          [
            ["a", "completed"],
            ["b", "pending"],
          ],
        ],
      ],
    );
    const [done] = grid[1]!.nodes;
    assert.deepEqual(
      [done!.executionSeconds, done!.claimedAt?.toISOString()],
      [7, "2026-03-01T12:00:00.000Z"],
    );
    const page = await workflows.page({ status: "running", limit: 1 });
    const next = await workflows.page({ status: "running", limit: 1, cursor: page.cursor });
    const cancelled = await workflows.page({ status: "cancelled" });
    assert.deepEqual(
      [page, next, cancelled].map((each) => each.workflows.map((run) => run.workflowId)),
      [[runs[2]], [runs[1]], [runs[0]]],
    );
    assert.equal(cancelled.cursor, undefined);
  });

  test("a template go, but not while a schedule uses it", async () => {
    const { db } = await emptyEngine(database, {});
    const { workflows, schedules } = new AbsurdClient(db);
    await workflows.defineTemplate({ name: "nightly", tasks: { a: { task: "noop" } } });
    const spec = { everySeconds: 60, anchor: new Date("2026-03-01T00:00Z") };
    const made = await schedules.create({ name: "s", spec, spawn: { template: "nightly" } });
    assert.equal(made.lastAt, null);
    await assert.rejects(workflows.deleteTemplate("nightly"), InvalidTransition);
    const { fireAt } = await schedules.trigger("s");
    assert.deepEqual((await schedules.show("s")).lastAt, fireAt);
    assert.deepEqual(
      (await schedules.previewSpec(spec, 2)).map((each) => each.toISOString()),
      ["2026-03-01T12:01:00.000Z", "2026-03-01T12:02:00.000Z"],
    );
    await schedules.delete("s");
    await workflows.deleteTemplate("nightly");
    await assert.rejects(workflows.deleteTemplate("nightly"), TemplateNotFound);
  });

  test("task names with their schema, and workers with their memory", async () => {
    const db = await database.connect();
    const client = new AbsurdClient(db);
    await client.registerTasks([reduce]);
    const worker = await startWorker({
      connectionString: database.url,
      tasks: [reduce],
      leaseSeconds: 1.5,
    });
    try {
      const bytes = await until(
        async () => (await client.workers.list()).find((w) => w.memoryBytes !== null)?.memoryBytes,
        { what: "a beat that says the memory" },
      );
      assert.ok(bytes > 10e6 && bytes < 10e9, `${bytes} bytes`);
      const name = (await client.taskNames()).find((each) => each.taskName === "reduce")!;
      assert.deepEqual([name.isCurrent, name.queue, name.version], [true, "default", ""]);
      assert.ok(name.workerCount >= 1);
      assert.match(JSON.stringify(name.paramsSchema), /"field"/);
    } finally {
      await worker.stop();
    }
  });
});
