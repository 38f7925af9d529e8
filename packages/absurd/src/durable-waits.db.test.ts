/** What handlers wait for, with real workers. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";
import { z } from "zod";

import { deadline, freshDatabase, until } from "@contimg/testkit";

import { EventTimeout, Suspended, TaskFailed } from "./errors.ts";
import { defineTask } from "./task.ts";
import { named, workerStage } from "./testing/worker-stage.ts";
import { fieldIs } from "./task-filter.ts";

const database = freshDatabase();
const { setup } = workerStage(database, { concurrency: 10, leaseSeconds: 20, pollSeconds: 0.1 });

describe("sleep", () => {
  test("gives up the slot, does not count as an attempt, and is not slept twice", async () => {
    const order: string[] = [];
    const sleeper = named("sleeper", async (context) => {
      order.push(`sleeper ${context.attempt}`);
      await context.sleep(1.2);
      return "awake";
    });
    const other = named("other", () => void order.push("other"));
    const { client } = await setup([sleeper, other], { concurrency: 1 });

    const { taskId } = await client.spawn(sleeper, {}, { maxRetries: 0 });
    const isAsleep = async (): Promise<boolean> =>
      (await client.show(taskId)).place.place === "deferred";
    await until(isAsleep, { what: "the task sleeps" });
    const beside = await client.spawn(other, {});
    await client.awaitTasks([beside.taskId]);
    assert.equal((await client.show(taskId)).status, "pending");
    const [done] = await client.awaitTasks([taskId]);

    assert.deepEqual([done!.status, done!.result], ["completed", "awake"]);
    assert.deepEqual(order, ["sleeper 1", "other", "sleeper 2"]);
    const ms = done!.completedAt!.getTime() - done!.createdAt.getTime();
    assert.ok(ms >= 1200, `woke after ${ms} ms`);
  });

  test("cannot be swallowed: what a handler does after it counts for nothing", async () => {
    const seen: string[] = [];
    const task = named("swallower", async (context) => {
      if (context.attempt > 1) return "second";
      await context.sleep(3600).catch((error: unknown) => {
        seen.push(error instanceof Suspended ? "Suspended" : String(error));
      });
      for (const call of [
        () => context.step("late", () => 1),
        () => context.sleep(3600),
        () => context.awaitEvent("never"),
        () => context.emit("late"),
        () => context.spawn({ task }),
        () => context.awaitTasks([context.taskId]),
      ]) {
        await call().catch((error: unknown) => {
          seen.push(error instanceof Suspended ? "Suspended" : String(error));
        });
      }
      return "first";
    });
    const { client } = await setup([task]);
    const db = await database.connect();

    const { taskId } = await client.spawn(task, {});
    await until(() => seen.length === 7, { what: "the handler tried all" });
    await until(async () => (await client.show(taskId)).place.place === "deferred", {
      what: "the task sleeps",
    });
    assert.deepEqual(seen, Array(7).fill("Suspended"));
    await db.query(
      "update absurd.deferred set run_at = now() where task_id = absurd.task_number($1)",
      [taskId],
    );
    const [done] = await client.awaitTasks([taskId]);

    assert.equal(done!.result, "second");
    assert.equal(await client.events.get("late"), undefined);
  });
});

describe("an event", () => {
  test("wakes who waits for it, and answers who asks later at once", async () => {
    const task = named("listener", async (context) => [
      await context.awaitEvent("go"),
      context.attempt,
    ]);
    const { client } = await setup([task], { concurrency: 1 });

    const early = await client.spawn(task, {});
    await until(async () => (await client.events.waiters("go")).length === 1, {
      what: "the task waits",
    });
    assert.deepEqual(await client.events.waiters("go"), [early.taskId]);
    assert.equal(await client.events.emit("go", { flux: 16 }), true);
    assert.equal(await client.events.emit("go", { flux: 17 }), false);
    const late = await client.spawn(task, {});
    const ended = await client.awaitTasks([early.taskId, late.taskId]);

    assert.deepEqual(
      ended.map((each) => each.result),
      [
        [{ flux: 16 }, 2],
        [{ flux: 16 }, 1],
      ],
    );
    assert.deepEqual((await client.events.get("go"))!.payload, { flux: 16 });
  });

  test("that does not come in time is a typed error, replayed as one", async () => {
    const task = named("impatient", async (context) => {
      try {
        return await context.awaitEvent("too late", { timeoutSeconds: 0.05 });
      } catch (error) {
        assert.ok(error instanceof EventTimeout);
        await context.sleep(0);
        if (context.attempt === 2) throw new Error("once more", { cause: error });
        return `no ${error.eventName}`;
      }
    });
    const { client } = await setup([task]);

    const { taskId } = await client.spawn(task, {}, { backoffSeconds: 0.02 });
    const [done] = await client.awaitTasks([taskId]);

    assert.deepEqual([done!.result, done!.attempt], ["no too late", 3]);
  });

  test("may be emitted by a task for another, with one slot for both", async () => {
    const listener = named("pair-listener", (context) => context.awaitEvent("pair"));
    const speaker = named("pair-speaker", (context) => context.emit("pair", "hello"));
    const { client } = await setup([listener, speaker], { concurrency: 1 });

    const spawned = await client.spawnMany([{ task: listener }, { task: speaker }]);
    const ended = await client.awaitTasks(spawned.map((each) => each.taskId));

    assert.deepEqual(
      ended.map((each) => each.result),
      ["hello", true],
    );
    assert.equal((await client.events.get("pair"))!.taskId, spawned[1]!.taskId);
  });
});

describe("a child", () => {
  test("is awaited without a slot: one worker of one slot runs both", async () => {
    const child = defineTask({
      name: "child",
      params: z.strictObject({ n: z.number() }),
      handler: ({ n }) => n * 10,
    });
    const parent = named("parent", async (context) => {
      const first = await context.spawn({ task: child, params: { n: 1 } });
      const more = await context.step("spawn more", async () => {
        const spawned = [];
        for (const n of [2, 3]) spawned.push(await context.spawn({ task: child, params: { n } }));
        return spawned.map((each) => each.taskId);
      });
      const one = await context.awaitTask<number>(first.taskId);
      return [one, ...(await context.awaitTasks<number>(more))];
    });
    const { client } = await setup([child, parent], { concurrency: 1 });

    const { taskId } = await client.spawn(parent, {}, { maxRetries: 0 });
    const [done] = await client.awaitTasks([taskId], deadline());

    assert.deepEqual(done!.result, [10, 20, 30]);
    const { tasks } = await client.list({ conditions: [fieldIs("name", "child")] });
    assert.equal(tasks.length, 3, "a replayed handler spawned twice");
  });

  test("that fails is a typed error with its record", async () => {
    const child = named("failing-child", () => {
      throw new RangeError("dish 7");
    });
    const parent = named("catching-parent", async (context) => {
      const { taskId } = await context.spawn({ task: child, maxRetries: 0 });
      try {
        return await context.awaitTask(taskId);
      } catch (error) {
        if (!(error instanceof TaskFailed)) throw error;
        return [error.status, error.taskError.tag, error.taskError.message];
      }
    });
    const { client } = await setup([child, parent], { concurrency: 1 });

    const { taskId } = await client.spawn(parent, {});
    const [done] = await client.awaitTasks([taskId], deadline());

    assert.deepEqual(done!.result, ["failed", "RangeError", "dish 7"]);
  });

  test("that is cancelled while it is awaited wakes its parent", async () => {
    const child = named("cancelled-child", (context) => context.awaitEvent("never comes"));
    const parent = named("parent-of-cancelled", async (context) => {
      const spawned = await context.spawn({ task: child });
      return context.awaitTask(spawned.taskId).catch((error: unknown) => {
        if (error instanceof TaskFailed) return error.status;
        throw error;
      });
    });
    const { client } = await setup([child, parent], { concurrency: 1 });

    const { taskId } = await client.spawn(parent, {});
    const [waiter] = await until(
      async () => {
        const waiters = await client.events.waiters("never comes");
        return waiters.length > 0 ? waiters : undefined;
      },
      { what: "the child waits" },
    );
    await client.cancel(waiter!);
    const [done] = await client.awaitTasks([taskId], deadline());

    assert.equal(done!.result, "cancelled");
  });

  test("that is awaited by its own child is refused", async () => {
    const child = defineTask({
      name: "awaits-parent",
      params: z.strictObject({ parent: z.string() }),
      handler: ({ parent }, context) => context.awaitTask(parent),
    });
    const parent = named("awaited-by-child", async (context) => {
      const params = { parent: context.taskId };
      const { taskId } = await context.spawn({ task: child, params, maxRetries: 0 });
      return context.awaitTask(taskId);
    });
    const { client } = await setup([child, parent], { concurrency: 1 });

    const { taskId } = await client.spawn(parent, {}, { maxRetries: 0 });
    const [done] = await client.awaitTasks([taskId], deadline());

    assert.equal(done!.status, "failed");
    assert.match(done!.error!.message, /would wait for itself/);
  });
});
