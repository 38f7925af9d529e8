/** Actions on many tasks: through a restart, by several processes, undone, refused in part. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import { AbsurdClient, defineTask, startWorker, TaskError } from "@contimg/absurd";
import { freshDatabase, until } from "@contimg/testkit";
import type pg from "pg";
import { afterEach, beforeAll, describe, test } from "vitest";
import { z } from "zod";

import { BulkRunner } from "./bulk-runner.ts";
import { askUndo, type BulkRow, findBulk, insertBulk, type NewBulk } from "./bulk-store.ts";
import { migrateApi } from "./migrate.ts";

const database = freshDatabase();
const job = defineTask({ name: "job", params: z.strictObject({}) });

let pool: pg.Pool;
let client: AbsurdClient;
let lifetime = new AbortController();

beforeAll(async () => {
  pool = database.pool();
  await migrateApi(pool);
  client = new AbsurdClient(pool, { tasks: [job] });
  await client.registerTasks();
});
afterEach(() => {
  lifetime.abort();
  lifetime = new AbortController();
});

function runner(): BulkRunner {
  return new BulkRunner({ client, pool, lifetime: lifetime.signal });
}

async function tasks(count: number, options: object = {}): Promise<{ tag: string; ids: string[] }> {
  const tag = randomUUID();
  const requests = Array.from({ length: count }, () => ({ task: job, tags: [tag], ...options }));
  return { tag, ids: (await client.spawnMany(requests)).map((each) => each.taskId) };
}

/** A task that failed for good. */
async function dead(): Promise<string> {
  const failing = defineTask({
    name: "failing",
    params: z.strictObject({}),
    handler: () => Promise.reject(new TaskError("fatal", "the disk is full")),
  });
  const { taskId } = await client.spawn(failing, {});
  const worker = await startWorker({ connectionString: database.url, tasks: [failing] });
  try {
    const isFailed = async () => (await client.show(taskId)).status === "failed";
    await until(isFailed, { what: "the task failed" });
  } finally {
    await worker.stop();
  }
  return taskId;
}

function begin(bulk: Partial<NewBulk>): Promise<BulkRow> {
  return insertBulk(pool, {
    bulkId: randomUUID(),
    action: "cancel",
    ...{
      q: null,
      taskIds: [],

      priority: null,
      queue: null,
      reason: "a test",
      actor: "ada",
    },
    ...bulk,
  });
}

async function finish(): Promise<void> {
  const one = runner();
  while (await one.turn());
}

async function counts(bulk: BulkRow): Promise<(string | number)[]> {
  const { state, total, done, skipped, undone } = (await findBulk(pool, bulk.bulk_id))!;
  return [state, total, done, skipped, undone];
}

async function statuses(ids: readonly string[]): Promise<string[]> {
  return [...new Set(await Promise.all(ids.map(async (id) => (await client.show(id)).status)))];
}

describe("a bulk action", () => {
  test("takes all that fitted its filter when asked for, and nothing that came later", async () => {
    const { tag, ids } = await tasks(1_203);
    const bulk = await begin({ q: `tag:${tag}` });
    const [late] = await client.spawnMany([{ task: job, tags: [tag] }]);
    await finish();
    assert.deepEqual(await counts(bulk), ["completed", 1_203, 1_203, 0, 0]);
    assert.deepEqual(await statuses([ids[0]!, ids[600]!, ids.at(-1)!]), ["cancelled"]);
    assert.equal((await client.show(late!.taskId)).status, "pending");
  });

  test("goes on in another process where the first ended, and counts each task once", async () => {
    const { tag, ids } = await tasks(450);
    const bulk = await begin({ q: `tag:${tag}` });
    const first = runner();
    await first.turn();
    await first.turn();
    assert.deepEqual(await counts(bulk), ["running", 450, 200, 0, 0]);

    await finish();
    assert.deepEqual(await counts(bulk), ["completed", 450, 450, 0, 0]);
    assert.deepEqual(await statuses(ids.slice(0, 5)), ["cancelled"]);
  });

  test("is worked off by one process at a time", async () => {
    const { ids } = await tasks(10);
    const bulk = await begin({ taskIds: ids });
    const other = await database.connect();
    await other.query("begin");
    await other.query("select pg_advisory_xact_lock(7214051206)");
    assert.equal(await runner().turn(), false);
    assert.deepEqual(await counts(bulk), ["running", 10, 0, 0, 0]);
    await other.query("rollback");
    await finish();
    assert.deepEqual(await counts(bulk), ["completed", 10, 10, 0, 0]);
  });

  test("runs in the background as soon as it is told", async () => {
    const one = runner();
    const running = one.run();
    const { ids } = await tasks(3);
    const bulk = await begin({ taskIds: ids });
    one.wake();
    await until(async () => (await counts(bulk))[0] === "completed", { what: "it is done" });
    lifetime.abort();
    await running;
  });

  test("skips what its state no longer allows, one task by itself", async () => {
    const { ids } = await tasks(3);
    await client.cancel(ids[1]!);
    const bulk = await begin({ action: "move", taskIds: [...ids, NO_TASK], priority: 5 });
    await finish();
    assert.deepEqual(await counts(bulk), ["completed", 4, 2, 2, 0]);
    assert.equal((await client.show(ids[2]!)).priority, 5);
  });

  test("that cannot be done at all says why", async () => {
    const { ids } = await tasks(1);
    const bulk = await begin({ action: "move", taskIds: ids, queue: "bad\u0001name" });
    await finish();
    const row = await findBulk(pool, bulk.bulk_id);
    assert.deepEqual([row?.state, row?.done], ["failed", 0]);
    assert.match(row?.error ?? "", /queue is/);
    assert.ok(row?.ended_at);
  });
});

describe("undo", () => {
  test("gives cancelled tasks a new start, but for those that somebody took up since", async () => {
    const { ids } = await tasks(3);
    const bulk = await begin({ taskIds: ids });
    await finish();
    await client.retry(ids[0]!);
    await askUndo(pool, bulk.bulk_id);
    await finish();
    assert.deepEqual(await counts(bulk), ["undone", 3, 3, 0, 2]);
    assert.deepEqual(await statuses(ids), ["pending"]);
  });

  test("stops an action that runs", async () => {
    const { ids } = await tasks(450);
    const bulk = await begin({ taskIds: ids });
    await runner().turn();
    await askUndo(pool, bulk.bulk_id);
    await finish();
    assert.deepEqual(await counts(bulk), ["undone", 450, 200, 0, 200]);
    assert.deepEqual(await statuses([ids[0]!, ids[300]!]), ["pending"]);
  });

  test("moves tasks back to where each was", async () => {
    const [low, high] = [await tasks(1, { priority: -3 }), await tasks(1, { priority: 8 })];
    const ids = [low.ids[0]!, high.ids[0]!];
    const bulk = await begin({ action: "move", taskIds: ids, priority: 2, queue: "other" });
    await finish();
    await askUndo(pool, bulk.bulk_id);
    await finish();
    const shown = await Promise.all(ids.map((id) => client.show(id)));
    assert.deepEqual(
      shown.map((each) => [each.priority, each.queue]),
      [
        [-3, "default"],
        [8, "default"],
      ],
    );
  });

  test("of a retry stops what has not begun", async () => {
    const { ids } = await tasks(2);
    for (const id of ids) await client.cancel(id);
    const bulk = await begin({ action: "retry", taskIds: ids });
    await finish();
    assert.deepEqual(await statuses(ids), ["pending"]);
    await askUndo(pool, bulk.bulk_id);
    await finish();
    assert.deepEqual(await counts(bulk), ["undone", 2, 2, 0, 2]);
    assert.deepEqual(await statuses(ids), ["cancelled"]);
  });

  test("of a retry and of a discard gives the failure back as it was", async () => {
    for (const action of ["retry", "discard"] as const) {
      const id = await dead();
      const before = await client.show(id);
      const bulk = await begin({ action, taskIds: [id] });
      await finish();
      assert.notEqual((await client.show(id)).status, "failed");
      await askUndo(pool, bulk.bulk_id);
      await finish();
      assert.deepEqual(await counts(bulk), ["undone", 1, 1, 0, 1]);
      const after = await client.show(id);
      assert.deepEqual(
        [after.status, after.error, after.completedAt],
        ["failed", before.error, before.completedAt],
      );
      assert.equal(after.error?.message, "the disk is full");
    }
  });

  test("is asked for once", async () => {
    const bulk = await begin({ taskIds: (await tasks(1)).ids });
    assert.ok(await askUndo(pool, bulk.bulk_id));
    assert.equal(await askUndo(pool, bulk.bulk_id), undefined);
  });
});

const NO_TASK = "0199a000-0000-7000-8000-000000000000";
