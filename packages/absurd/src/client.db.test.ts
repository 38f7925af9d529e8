/** What the client promises to those who spawn and look. */
import assert from "node:assert/strict";

import { describe, onTestFinished, test } from "vitest";
import { z } from "zod";

import { freshDatabase } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { DependencyCycle, InvalidParams, TaskNotFound, UnknownTaskName } from "./errors.ts";
import { type AnyTask, defineTask } from "./task.ts";
import { startWorker } from "./worker.ts";
import { fieldIs } from "./task-filter.ts";

const database = freshDatabase();

describe("spawning", () => {
  test("is part of the caller's transaction", async () => {
    const noop = named("noop", () => undefined);
    const { client } = await setup([noop]);
    await client.registerTasks();
    const tx = await database.connect();

    await tx.query("begin");
    const gone = await client.spawn(noop, {}, { on: tx });
    await tx.query("rollback");
    await tx.query("begin");
    const kept = await client.spawn(noop, {}, { on: tx });
    await tx.query("commit");
    client.wake();

    await client.awaitTasks([kept.taskId]);
    await assert.rejects(client.show(gone.taskId), TaskNotFound);
  });

  test("orders a batch by its dependencies and names a cycle", async () => {
    const order: string[] = [];
    const step = defineTask({
      name: "step",
      params: z.strictObject({ name: z.string() }),
      handler: ({ name }) => void order.push(name),
    });
    const { client } = await setup([step], { concurrency: 4 });

    const spawned = await client.spawnMany([
      { task: step, params: { name: "last" }, dependsOn: [1, 2] },
      { task: step, params: { name: "middle" }, dependsOn: [2] },
      { task: step, params: { name: "first" } },
    ]);
    await client.awaitTasks(spawned.map((each) => each.taskId));

    assert.deepEqual(order, ["first", "middle", "last"]);
    await assert.rejects(
      client.spawnMany([
        { task: step, params: { name: "a" }, dependsOn: [1] },
        { task: step, params: { name: "b" }, dependsOn: [0] },
      ]),
      (error) => error instanceof DependencyCycle && /step \[0\] -> step \[1\]/.test(error.message),
    );
  });

  test("refuses unknown names, naming near ones, bad params and large ones", async () => {
    const imaging = defineTask({ name: "imaging", params: z.strictObject({ cell: z.number() }) });
    const client = new AbsurdClient(database.pool(), { tasks: [imaging] });

    await assert.rejects(
      client.spawn("imagnig", {}),
      (error) => error instanceof UnknownTaskName && error.nearNames.includes("imaging"),
    );
    await assert.rejects(
      client.spawn("imaging", { cell: "wide" }),
      (error) => error instanceof InvalidParams && error.issues[0]!.path === "cell",
    );
    const blob = defineTask({ name: "blob", params: z.looseObject({}) });
    await assert.rejects(
      client.spawn(blob, { bytes: "x".repeat(1_048_577) }),
      (error) => error instanceof InvalidParams && error.message.includes("1048576"),
    );
  });

  test("with a known idempotency key returns the older task", async () => {
    const noop = named("noop", () => undefined);
    const client = new AbsurdClient(database.pool(), { tasks: [noop] });
    const first = await client.spawn(noop, {}, { idempotencyKey: "tile-1" });
    const second = await client.spawn(noop, {}, { idempotencyKey: "tile-1" });
    assert.deepEqual(second, { taskId: first.taskId, created: false });
  });
});

describe("lists", () => {
  test("page through tasks, newest first, by filter", async () => {
    const listed = named("listed", () => undefined);
    const client = new AbsurdClient(database.pool(), { tasks: [listed] });
    const spawned = await client.spawnMany(
      Array.from({ length: 5 }, () => ({ task: listed, params: {}, tags: ["page"] })),
    );

    const first = await client.list(
      { conditions: [fieldIs("tag", "page"), fieldIs("status", "pending")] },
      { limit: 3 },
    );
    const second = await client.list(
      { conditions: [fieldIs("tag", "page")] },
      { limit: 3, cursor: first.cursor },
    );

    const ids = [...first.tasks, ...second.tasks].map((task) => task.taskId);
    assert.deepEqual(ids, spawned.map((each) => each.taskId).reverse());
    assert.equal(second.cursor, undefined);
    await client.cancel(spawned[2]!.taskId);
    const withStatus = async (status: "pending" | "cancelled" | "failed"): Promise<number> =>
      (await client.list({ conditions: [fieldIs("tag", "page"), fieldIs("status", status)] })).tasks
        .length;
    assert.deepEqual(
      [await withStatus("pending"), await withStatus("cancelled"), await withStatus("failed")],
      [4, 1, 0],
    );
    const stats = await client.stats("default");
    assert.ok(stats[0]!.pending >= 4);
  });
});

/** A client, and a worker that ends by itself when the test is over. */
async function setup(
  tasks: readonly AnyTask[],
  options: { concurrency?: number } = {},
): Promise<{ client: AbsurdClient }> {
  const client = new AbsurdClient(database.pool(), { tasks });
  const worker = await startWorker({
    connectionString: database.url,
    tasks,
    leaseSeconds: 1.5,
    pollSeconds: 0.1,
    ...options,
  });
  onTestFinished(() => worker.stop({ graceSeconds: 0 }));
  return { client };
}

/** A task without params. */
function named(name: string, handler: () => unknown): AnyTask {
  return defineTask({ name, params: z.strictObject({}), handler: async () => handler() });
}
