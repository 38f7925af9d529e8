import assert from "node:assert/strict";

import { describe, test } from "vitest";
import { z } from "zod";

import { freshDatabase, until } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { InvalidTransition, TaskCancelled, TaskError, TaskNotFound, TimedOut } from "./errors.ts";
import { type AnyTask, type TaskContext, defineTask } from "./task.ts";
import { workerStage } from "./testing/worker-stage.ts";

const database = freshDatabase();
const { setup, start } = workerStage(database, {
  leaseSeconds: 1.5,
  pollSeconds: 0.1,
  abortGraceSeconds: 0.3,
});

describe("a worker", () => {
  test("runs a task with its params and stores the result", async () => {
    const add = defineTask({
      name: "add",
      params: z.strictObject({ a: z.number(), b: z.number() }),
      handler: ({ a, b }) => ({ sum: a + b }),
    });
    const { client } = await setup([add]);

    const { taskId } = await client.spawn(add, { a: 2, b: 3 });
    const [task] = await client.awaitTasks([taskId]);

    assert.equal(task!.status, "completed");
    assert.deepEqual(task!.result, { sum: 5 });
    assert.equal(task!.attempt, 1);
  });

  test("gives back a lease that it was told to have lost and has not", async () => {
    const db = await database.connect();
    const doubtful = named("doubtful", async (context) => {
      if (context.attempt > 1) return { attempt: context.attempt };
      const heard = aborted(context.signal);
      await db.query("update absurd.lease set worker_id = -worker_id");
      context.progress(0.5, "is refused");
      await heard;
      await db.query("update absurd.lease set worker_id = -worker_id");
      return "never heard of";
    });
    const { client } = await setup([doubtful], { leaseSeconds: 30 });

    const { taskId } = await client.spawn(doubtful, {}, { maxRetries: 0 });
    const [task] = await client.awaitTasks([taskId]);

    assert.deepEqual(task!.result, { attempt: 2 }, "it runs again, and the first does not count");
  });

  test("tries a retryable failure again and keeps the error of each attempt", async () => {
    const flaky = named("flaky", (context) => {
      if (context.attempt < 3) throw new Error(`no luck at attempt ${context.attempt}`);
      return { luckyAttempt: context.attempt };
    });
    const { client } = await setup([flaky]);

    const { taskId } = await client.spawn(flaky, {}, { backoffSeconds: 0.02 });
    const [task] = await client.awaitTasks([taskId]);

    assert.deepEqual(task!.result, { luckyAttempt: 3 });
    const attempts = await client.outcomes(taskId);
    assert.deepEqual(
      attempts.map((each) => [each.attempt, each.ending, each.error?.message]),
      [
        [1, "retryable", "no luck at attempt 1"],
        [2, "retryable", "no luck at attempt 2"],
        [3, "completed", undefined],
      ],
    );
  });

  test("ends a fatal failure at once, with tag, fields and stack", async () => {
    const doomed = named("doomed", () => {
      throw new TaskError("fatal", "dish 7 is gone", { tag: "DishGone", fields: { dish: 7 } });
    });
    const { client } = await setup([doomed]);

    const { taskId } = await client.spawn(doomed, {});
    const [task] = await client.awaitTasks([taskId]);

    assert.equal(task!.status, "failed");
    assert.equal(task!.attempt, 1);
    assert.equal(task!.error!.tag, "DishGone");
    assert.deepEqual(task!.error!.fields, { dish: 7 });
    assert.match(task!.error!.stack!, /worker\.db\.test/);
  });

  test("gives up after max retries; retry gives the task a new start", async () => {
    let isRepaired = false;
    const broken = named("broken", () => {
      if (!isRepaired) throw new Error("broken");
    });
    const { client } = await setup([broken]);

    const options = { maxRetries: 1, backoffSeconds: 0.02 };
    const { taskId } = await client.spawn(broken, {}, options);
    const [dead] = await client.awaitTasks([taskId]);
    assert.deepEqual([dead!.status, dead!.attempt], ["failed", 2]);

    isRepaired = true;
    await client.retry(taskId);
    const [task] = await client.awaitTasks([taskId]);
    assert.deepEqual([task!.status, task!.attempt], ["completed", 3]);
    await assert.rejects(client.retry(taskId), InvalidTransition);
  });

  test("refuses params that SQL callers got wrong, without running the handler", async () => {
    const strict = defineTask({
      name: "strict",
      params: z.strictObject({ path: z.string() }),
      handler: () => assert.fail("ran"),
    });
    const { client } = await setup([strict]);
    await client.registerTasks();
    const db = await database.connect();
    const { rows } = await db.query<{ id: string }>(
      "select absurd.spawn_task('default', 'strict', '{\"path\": 3}') as id",
    );

    const [task] = await client.awaitTasks([rows[0]!.id]);

    assert.equal(task!.status, "failed");
    assert.match(task!.error!.message, /params of strict are invalid: path: /);
  });

  test("aborts a running task that is cancelled", async () => {
    const reasons: unknown[] = [];
    const endless = named("endless", async ({ signal }) => {
      await aborted(signal);
      reasons.push(signal.reason);
      throw new Error("stopped");
    });
    const { client } = await setup([endless]);

    const { taskId } = await client.spawn(endless, {});
    await untilPlace(client, taskId, "lease");
    assert.equal(await client.cancel(taskId, "not needed"), true);
    const [task] = await client.awaitTasks([taskId]);

    assert.equal(task!.status, "cancelled");
    assert.equal(task!.error!.message, "not needed");
    assert.ok(reasons[0] instanceof TaskCancelled);
    assert.equal(await client.cancel(taskId), false);
    await assert.rejects(client.cancel("01a2021c-bb60-7000-8040-000000000000"), TaskNotFound);
  });

  test("ends a task that runs past its timeout, also one that does not listen", async () => {
    const deaf = named("deaf", () => new Promise<void>(() => undefined));
    const { client } = await setup([deaf]);

    const { taskId } = await client.spawn(deaf, {}, { timeoutSeconds: 0.1, maxRetries: 0 });
    const [task] = await client.awaitTasks([taskId]);

    assert.equal(task!.status, "failed");
    assert.equal(task!.error!.tag, TimedOut.name);
  });

  test("keeps its lease while its event loop is blocked for longer than that", async () => {
    const blocking = named("blocking", () => {
      const end = performance.now() + 2_500;
      while (performance.now() < end) Math.sqrt(end);
    });
    const { client } = await setup([blocking], { leaseSeconds: 0.8 });
    await start([named("other", () => undefined)], { leaseSeconds: 0.8 });

    const { taskId } = await client.spawn(blocking, {});
    const [task] = await client.awaitTasks([taskId]);

    assert.deepEqual([task!.status, task!.attempt], ["completed", 1]);
  });

  test("reports progress", async () => {
    const half = named("half", async (context) => {
      context.progress(0.5, "half way");
      await aborted(context.signal);
    });
    const { client } = await setup([half]);
    const { taskId } = await client.spawn(half, {});

    const progress = await until(async () => (await client.show(taskId)).place.progress, {
      what: "progress is in the database",
    });

    assert.deepEqual(progress, { fraction: 0.5, note: "half way" });
    await client.cancel(taskId);
  });

  test("lets a task spawn children that know their parent", async () => {
    const child = named("child", () => "grown up");
    const parent = named("parent", async (context) => {
      const { taskId } = await context.spawn({ task: child, params: {} });
      return { childId: taskId };
    });
    const { client } = await setup([child, parent]);

    const { taskId } = await client.spawn(parent, {});
    const [task] = await client.awaitTasks([taskId]);
    const { childId } = task!.result as { childId: string };
    const [grown] = await client.awaitTasks([childId]);

    assert.equal(grown!.parentTaskId, taskId);
    assert.equal(grown!.result, "grown up");
  });

  test("that is stopped gives back what does not end in time, not counted", async () => {
    const long = named("long", (context) => aborted(context.signal));
    const { client, worker } = await setup([long]);
    const { taskId } = await client.spawn(long, {}, { maxRetries: 0 });
    await untilPlace(client, taskId, "lease");

    await worker.stop({ graceSeconds: 0 });

    const task = await client.show(taskId);
    assert.deepEqual([task.status, task.place.place], ["pending", "ready"]);
    assert.deepEqual(
      task.attempts.map(({ ending }) => ending),
      ["released"],
    );
  });

  test("drains: finishes what runs and claims nothing more", async () => {
    let finish = (): void => undefined;
    const slow = named("slow", () => new Promise<void>((resolve) => (finish = resolve)));
    const { client, worker } = await setup([slow]);
    const [first, second] = await client.spawnMany([
      { task: slow, params: {} },
      { task: slow, params: {} },
    ]);
    await untilPlace(client, first!.taskId, "lease");

    const stopped = worker.stop();
    finish();
    await stopped;

    assert.equal((await client.show(first!.taskId)).status, "completed");
    assert.equal((await client.show(second!.taskId)).status, "pending");
  });
});

/** A task without params. */
function named(name: string, handler: (context: TaskContext) => unknown): AnyTask {
  return defineTask({
    name,
    params: z.strictObject({}),
    handler: async (_params, context) => handler(context),
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => {
      resolve();
    });
  });
}

async function untilPlace(client: AbsurdClient, taskId: string, place: string): Promise<void> {
  await until(async () => (await client.show(taskId)).place.place === place, {
    what: `task ${taskId} is in ${place}`,
  });
}
