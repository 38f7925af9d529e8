import assert from "node:assert/strict";

import { afterEach, describe, test } from "vitest";
import { z } from "zod";

import { freshDatabase } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";

import { type AnyTask, defineTask } from "./task.ts";
import { type WorkerHandle, type WorkerOptions, startWorker } from "./worker.ts";

const database = freshDatabase();
const workers: WorkerHandle[] = [];

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop({ graceSeconds: 0 })));
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
});

/** A client and a worker with short times; the worker ends after the test. */
async function setup(
  tasks: readonly AnyTask[],
  options: Partial<WorkerOptions> = {},
): Promise<{ client: AbsurdClient; worker: WorkerHandle }> {
  const client = new AbsurdClient(database.pool(), { tasks });
  const worker = await startWorker({
    connectionString: database.url,
    tasks,
    leaseSeconds: 1.5,
    pollSeconds: 0.1,
    abortGraceSeconds: 0.3,
    ...options,
  });
  workers.push(worker);
  return { client, worker };
}
[LeaseLost, TaskError, UnknownTaskName, until];
