/** Attempts that complete their task in a transaction of their own. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { freshDatabase } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import type { TaskContext } from "./task.ts";
import { named, workerStage } from "./testing/worker-stage.ts";

const database = freshDatabase();
const { setup } = workerStage(database, { leaseSeconds: 1.5, pollSeconds: 0.1 });

describe("completeIn", () => {
  test("commits the handler's rows and the completion together", async () => {
    const { client, db } = await setupCompletion(async (context) => {
      await inTransaction(async (tx) => {
        await tx.query("insert into product (task_id) values ($1)", [context.taskId]);
        await context.completeIn(tx, { stored: true });
      });
    });

    const { taskId } = await client.spawn("produce", {});
    const [task] = await client.awaitTasks([taskId]);

    assert.deepEqual(task!.result, { stored: true });
    assert.equal((await client.outcomes(taskId)).length, 1);
    assert.equal((await db.query("select from product where task_id = $1", [taskId])).rowCount, 1);
  });

  test("counts as a failure when its transaction was rolled back", async () => {
    const { client, db } = await setupCompletion(async (context) => {
      const tx = await database.connect();
      await tx.query("begin");
      await tx.query("insert into product (task_id) values ($1)", [context.taskId]);
      await context.completeIn(tx);
      await tx.query(context.attempt === 1 ? "rollback" : "commit");
    });

    const { taskId } = await client.spawn("produce", {}, { backoffSeconds: 0.02 });
    const [task] = await client.awaitTasks([taskId]);

    assert.deepEqual([task!.status, task!.attempt], ["completed", 2]);
    assert.equal((await db.query("select from product where task_id = $1", [taskId])).rowCount, 1);
  });
});

async function setupCompletion(
  handler: (context: TaskContext) => Promise<void>,
): Promise<{ client: AbsurdClient; db: Awaited<ReturnType<typeof database.connect>> }> {
  const db = await database.connect();
  await db.query("create table if not exists product (task_id uuid primary key)");
  const { client } = await setup([named("produce", handler)]);
  return { client, db };
}

async function inTransaction(
  work: (tx: Awaited<ReturnType<typeof database.connect>>) => Promise<void>,
): Promise<void> {
  const tx = await database.connect();
  await tx.query("begin");
  await work(tx);
  await tx.query("commit");
}
