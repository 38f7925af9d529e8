/** Reasons why a task is not running, moving it, and the workers that could run it. */
import assert from "node:assert/strict";

import type pg from "pg";
import { describe, test } from "vitest";
import { z } from "zod";

import { freshDatabase, setClock, sqlWorker, until } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { InvalidTransition, TaskNotFound, WorkerNotFound } from "./errors.ts";
import { defineTask } from "./task.ts";
import { type WorkerHandle, startWorker } from "./worker.ts";
import { fieldIs } from "./task-filter.ts";

const { claim, cycle, emptyEngine, spawn, task } = sqlWorker;
const database = freshDatabase();

async function reasons(db: pg.Client, taskId: string): Promise<string[]> {
  const { rows } = await db.query<{ code: string; message: string }>(
    "select code, message from absurd.explain_task($1)",
    [taskId],
  );
  return rows.map((row) => `${row.code}: ${row.message}`);
}

async function spawnOne(db: pg.Client, fields: Record<string, unknown>): Promise<string> {
  return (await spawn(db, [task(fields)]))[0]!.task_id;
}

describe("the explanation of a task", () => {
  test("says who runs it, how it failed, when it is tried again, and how it ended", async () => {
    const { db, worker } = await emptyEngine(database, {});
    const id = await spawnOne(db, { max_retries: 1 });
    assert.deepEqual(await reasons(db, id), ["in-line: It is next in line in queue default."]);
    const [first] = await claim(db, worker, 1);
    assert.deepEqual(await reasons(db, id), [
      `running: It is running: worker ${worker.id} (w) has had it since 2026-03-01T12:00:00Z, ` +
        "attempt 1.",
    ]);
    await cycle(db, worker, { failed: [[first!, "retryable"]] });
    const [backOff] = await reasons(db, id);
    assert.match(
      backOff!,
      /^back-off: Attempt 1 failed \(as asked\); the next is due at 2026-03-01T12:00:01Z\.$/,
    );
    await setClock(db, "2026-03-01T12:01:00Z");
    await db.query("select absurd.beat($1, $2)", [worker.id, worker.epoch]);
    assert.match((await reasons(db, id))[0]!, /^back-off: It fell due at .* next round\.$/);
    await sqlWorker.maintain(db, worker);
    const [second] = await claim(db, worker, 1);
    await cycle(db, worker, { failed: [[second!, "retryable"]] });
    assert.deepEqual(await reasons(db, id), [
      "ended: It failed for good at 2026-03-01T12:01:00Z: as asked. A retry gives it a new start.",
    ]);
  });

  test("names the delay and the tasks it waits for", async () => {
    const { db } = await emptyEngine(database, {});
    const parent = await spawnOne(db, { delay_seconds: 90 });
    const child = await spawnOne(db, { depends_on: [parent] });
    assert.deepEqual(await reasons(db, parent), [
      "delayed: It is delayed until 2026-03-01T12:01:30Z.",
    ]);
    assert.deepEqual(await reasons(db, child), [
      `waiting: It waits for 1 task: noop ${parent} (pending).`,
    ]);
  });

  test("names the pause, the limit, and how many are ahead", async () => {
    const { db, worker } = await emptyEngine(database, {});
    await spawn(db, [
      task({ queue_name: "told" }),
      task({ queue_name: "told", priority: 4 }),
      task({ queue_name: "told" }),
    ]);
    const id = await spawnOne(db, { queue_name: "told" });
    await db.query("update absurd.worker set queues = array['told']");
    await db.query("select absurd.configure_queue('told', '{\"running_max\": 1}')");
    await cycle(db, worker, { limit: 5, queues: ["told"] });
    assert.deepEqual(await reasons(db, id), [
      "queue-limit: Queue told runs 1 of at most 1 tasks.",
      "in-line: 2 tasks are ahead of it in queue told, " +
        "2 of them of the same task name and priority.",
    ]);
    await db.query("select absurd.pause_queue('told')");
    assert.match((await reasons(db, id))[0]!, /^queue-paused: Queue told is paused/);
  });

  test("says when no worker serves the queue, knows the name, or has a free place", async () => {
    const { db, worker } = await emptyEngine(database, {});
    const id = await spawnOne(db, { queue_name: "served" });
    const workerReason = async (): Promise<string> =>
      (await reasons(db, id)).find((each) => !each.startsWith("in-line")) ?? "none";
    assert.equal(await workerReason(), "no-worker: No live worker serves queue served.");

    await db.query("update absurd.worker set queues = array['served'], kinds = array[0]");
    assert.equal(
      await workerReason(),
      "unknown-kind: No live worker of queue served knows noop; it is served by w.",
    );
    await db.query("update absurd.worker set kinds = $1, concurrency = 1", [worker.kinds]);
    assert.equal(await workerReason(), "none");
    await spawn(db, [task({})]);
    await claim(db, worker, 1);
    assert.equal(
      await workerReason(),
      "workers-busy: The workers that know noop are busy: they run 1 tasks in 1 places.",
    );
    await db.query("select absurd.ask_worker($1, 'drain')", [worker.id]);
    assert.match(await workerReason(), /^workers-draining: /);
    await setClock(db, "2026-03-01T12:00:31Z"); // one second past the lease
    assert.equal(await workerReason(), "no-worker: No live worker serves queue served.");
  });

  test("of a task that does not exist is refused", async () => {
    const client = new AbsurdClient(database.pool());
    await assert.rejects(client.explain("01900000-0000-7000-8000-000000000000"), TaskNotFound);
    await assert.rejects(client.explain("nonsense"), TaskNotFound);
  });
});

describe("moving a task", () => {
  test("puts it before others and keeps its age, wherever it stands unclaimed", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 2 });
    const client = new AbsurdClient(database.pool());
    const ready = await spawnOne(db, {});
    const delayed = await spawnOne(db, { delay_seconds: 5 });
    const waiting = await spawnOne(db, { depends_on: [ready] });
    await client.queues.move(ready, { priority: 9 });
    await client.queues.move(delayed, { priority: 8, queue: "elsewhere" });
    await client.queues.move(waiting, { priority: 7 });

    const { rows } = await db.query(
      `select r.at = $2::timestamptz as kept
         from absurd.ready r where r.task_id = absurd.task_number($1)`,
      [ready, sqlWorker.T0],
    );
    assert.deepEqual(rows, [{ kept: true }]);
    const [first] = await claim(db, worker, 1);
    assert.equal(await sqlWorker.uuid(db, first!), ready);
    await assert.rejects(client.queues.move(ready, { priority: 1 }), InvalidTransition);
    await cycle(db, worker, { done: [first!] });
    await assert.rejects(client.queues.move(ready, { priority: 1 }), InvalidTransition);

    const [second] = await claim(db, worker, 1);
    assert.equal(await sqlWorker.uuid(db, second!), waiting);
    const shown = await client.show(delayed);
    assert.deepEqual([shown.queue, shown.priority], ["elsewhere", 8]);
  });

  test("leaves it where cancel finds it, and refuses what is out of range", async () => {
    const { db } = await emptyEngine(database, {});
    const client = new AbsurdClient(database.pool());
    const id = await spawnOne(db, {});
    await client.queues.move(id, { queue: "moved" });
    assert.equal(await client.cancel(id), true);
    assert.equal((await client.show(id)).status, "cancelled");
    await assert.rejects(client.queues.move(id, { priority: 1e6 }), /priority is 1000000/);
    await client.queues.drain("closed");
    const other = await spawnOne(db, {});
    await assert.rejects(client.queues.move(other, { queue: "closed" }), { name: "QueueDraining" });
  });
});

describe("a worker that is asked", () => {
  const noop = defineTask({ name: "asked", params: z.strictObject({}), handler: () => "done" });

  async function withWorker(
    work: (worker: WorkerHandle, client: AbsurdClient, id: number) => Promise<void>,
  ): Promise<void> {
    const client = new AbsurdClient(database.pool(), { tasks: [noop] });
    const worker = await startWorker({
      ...{ connectionString: database.url, tasks: [noop], concurrency: 3, version: "7.1" },
      ...{ beatSeconds: 0.1, pollSeconds: 0.1, queues: ["asked"] },
    });
    try {
      const view = (await client.workers.list()).find((each) => each.name === worker.name);
      assert.ok(view);
      await work(worker, client, view.workerId);
    } finally {
      await worker.stop();
    }
  }

  test("to drain claims nothing until it is resumed", async () => {
    await withWorker(async (_, client, id) => {
      await client.workers.drain(id);
      await until(
        async () => {
          await client.spawn(noop, {}, { queue: "asked" });
          const { tasks } = await client.list({
            conditions: [fieldIs("queue", "asked"), fieldIs("status", "pending")],
          });
          // Older than two polls and two beats.
          return tasks.some((each) => each.createdAt.getTime() < Date.now() - 500);
        },
        { what: "a task is left where it is" },
      );
      const [view] = (await client.workers.list()).filter((each) => each.workerId === id);
      assert.deepEqual(
        [view!.asked, view!.concurrency, view!.version, view!.kinds, view!.pid, view!.tasks],
        ["drain", 3, "7.1", ["asked"], process.pid, []],
      );
      const { taskId } = await client.spawn(noop, {}, { queue: "asked" });
      await client.workers.resume(id);
      assert.equal((await client.awaitTasks([taskId]))[0]!.status, "completed");
    });
  });

  test("to stop ends by itself and leaves the list", async () => {
    await withWorker(async (worker, client, id) => {
      await client.workers.stop(id, { graceSeconds: 1 });
      await worker.finished;
      assert.equal((await client.workers.list()).filter((each) => each.workerId === id).length, 0);
      await assert.rejects(client.workers.drain(id), WorkerNotFound);
    });
  });
});
