/** What a worker claimed ahead of its free places goes back when it must not begin any more. */
import assert from "node:assert/strict";

import type pg from "pg";
import { afterEach, describe, test } from "vitest";
import { z } from "zod";

import { freshDatabase, until } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { defineTask } from "./task.ts";
import type { WorkerOptions } from "./worker-options.ts";
import { type WorkerHandle, startWorker } from "./worker.ts";

const database = freshDatabase();
/** A claim that waits for 5 s goes back in any case. */
const SOON_MS = 4_500;
const workers: WorkerHandle[] = [];

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop({ graceSeconds: 0 })));
});

/** A worker with one place and room for ten more, whose first task runs until it is let go. */
async function busyWorker(
  queues: readonly string[],
  options: Partial<WorkerOptions> = {},
): Promise<{ db: pg.Client; client: AbsurdClient; finish: () => void; begun: string[] }> {
  const begun: string[] = [];
  let finish = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const tasks = queues.map((queue) =>
    defineTask({
      name: `long-of-${queue}`,
      queue,
      params: z.strictObject({}),
      handler: async () => {
        begun.push(queue);
        await held;
      },
    }),
  );
  const client = new AbsurdClient(database.pool(), { tasks });
  for (const each of tasks) {
    await client.spawnMany([
      { task: each, params: {} },
      { task: each, params: {} },
    ]);
  }
  workers.push(
    await startWorker({
      connectionString: database.url,
      tasks,
      concurrency: 1,
      prefetch: 10,
      ...options,
    }),
  );
  const db = await database.connect();
  await untilLeased(db, queues, 2 * queues.length);
  return { db, client, finish, begun };
}

async function untilLeased(
  db: pg.Client,
  queues: readonly string[],
  expected: number,
): Promise<void> {
  await until(async () => (await countLeased(db, queues)) === expected, {
    what: `${expected} tasks of ${queues.join(", ")} are leased`,
    deadlineMs: SOON_MS,
  });
}

async function countLeased(db: pg.Client, queues: readonly string[]): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `select count(*)::integer as n from absurd.lease s
       join absurd.lane l on l.lane_id = s.lane_id where l.queue = any($1)`,
    [queues],
  );
  return rows[0]!.n;
}

describe("what a worker claimed ahead", () => {
  test("goes back when its queue is paused, uncounted, and runs once it is resumed", async () => {
    const { db, client, finish, begun } = await busyWorker(["halted"]);
    await client.queues.pause("halted");
    await untilLeased(db, ["halted"], 1);

    finish();
    await untilLeased(db, ["halted"], 0);
    assert.deepEqual(begun, ["halted"]);

    await client.queues.resume("halted");
    await until(() => begun.length === 2, { what: "the second task ran" });
    const { rows } = await db.query<{ attempts_left: number }>(
      `select count(*)::integer as attempts_left from absurd.credit c
         join absurd.task t on t.id = c.task_id
         join absurd.lane l on l.lane_id = t.lane_id where l.queue = 'halted'`,
    );
    assert.equal(rows[0]!.attempts_left, 1);
  });

  test("goes back with the next beat when the pause was written in SQL", async () => {
    const { db, finish } = await busyWorker(["told"], { beatSeconds: 0.1 });
    await db.query("select absurd.pause_queue('told')");
    await untilLeased(db, ["told"], 1);
    finish();
  });

  test("keeps its place when another queue of the worker is paused", async () => {
    const { db, client, finish } = await busyWorker(["one", "other"]);
    await client.queues.pause("one");
    // One of the two queues has the place.
    await until(async () => (await countLeased(db, ["one"])) < 2, {
      what: "what was claimed ahead of the paused queue is back",
      deadlineMs: SOON_MS,
    });
    assert.equal(await countLeased(db, ["other"]), 2);
    finish();
  });

  test("goes back when the worker is asked to drain", async () => {
    const { db, client, finish } = await busyWorker(["drained"]);
    const [worker] = await client.workers.list();
    await client.workers.drain(worker!.workerId);
    await untilLeased(db, ["drained"], 1);
    finish();
  });
});
