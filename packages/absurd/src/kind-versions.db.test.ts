/** Versions of a task name: what spawns take, what workers claim, how a deploy rolls. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";
import { z } from "zod";

import { freshDatabase, sqlWorker } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { UnknownTaskName } from "./errors.ts";
import { type AnyTask, defineTask } from "./task.ts";
import { type WorkerHandle, startWorker } from "./worker.ts";

const database = freshDatabase();

function version(name: string, of: string): AnyTask {
  return defineTask({ name, version: of, params: z.strictObject({}), handler: () => of });
}

async function withWorker<T>(
  tasks: readonly AnyTask[],
  work: (worker: WorkerHandle) => Promise<T>,
): Promise<T> {
  const worker = await startWorker({
    ...{ connectionString: database.url, tasks, concurrency: 5, pollSeconds: 0.1 },
  });
  try {
    return await work(worker);
  } finally {
    await worker.stop();
  }
}

describe("a version of a task name", () => {
  test("that is new takes new tasks while workers of the old one finish theirs", async () => {
    const client = new AbsurdClient(database.pool());
    const [v1, v2] = [version("deploy", "1"), version("deploy", "2")];
    await client.registerTasks([v1]);
    const old = await client.spawn("deploy", {});
    await client.registerTasks([v2]);
    const fresh = await client.spawn("deploy", {});
    // A restarted worker of the old version does not turn the wheel back.
    await client.registerTasks([v1]);
    const named = await client.spawn("deploy", {}, { version: "1" });
    const later = await client.spawn("deploy", {});

    await withWorker([v1], async () => {
      const done = await client.awaitTasks([old.taskId, named.taskId]);
      assert.deepEqual(
        done.map((each) => each.result),
        ["1", "1"],
      );
      const [stillThere] = await client.explain(fresh.taskId);
      assert.equal(stillThere?.code, "unknown-kind");
      assert.match(stillThere.message, /knows deploy@2/);
    });
    await withWorker([v1, v2], async () => {
      const done = await client.awaitTasks([fresh.taskId, later.taskId]);
      assert.deepEqual(
        done.map((each) => each.result),
        ["2", "2"],
      );
    });
  });

  test("can be made the current one again", async () => {
    const client = new AbsurdClient(database.pool());
    await client.registerTasks([version("way-back", "1"), version("way-back", "2")]);
    await client.queues.useVersion("way-back", "1");
    const { taskId } = await client.spawn("way-back", {});
    const [reason] = await client.explain(taskId);
    assert.equal(reason?.detail["kind"], "way-back@1");
    await assert.rejects(client.queues.useVersion("way-back", "3"), UnknownTaskName);
  });

  test("that nobody registered is refused by name", async () => {
    const client = new AbsurdClient(database.pool());
    await client.registerTasks([version("known", "1")]);
    await assert.rejects(client.spawn("known", {}, { version: "9" }), (error) => {
      assert.ok(error instanceof UnknownTaskName);
      assert.equal(error.taskName, "known@9");
      assert.deepEqual(error.nearNames, ["known"]);
      return true;
    });
  });

  test("shares its idempotency keys with the other versions", async () => {
    const client = new AbsurdClient(database.pool());
    await client.registerTasks([version("keyed", "1")]);
    const first = await client.spawn("keyed", {}, { idempotencyKey: "k" });
    await client.registerTasks([version("keyed", "2")]);
    const second = await client.spawn("keyed", {}, { idempotencyKey: "k" });
    assert.deepEqual(second, { taskId: first.taskId, created: false });
  });

  test("registered by many at the same moment has one current version", async () => {
    const pool = database.pool({ max: 8 });
    await Promise.all(
      ["1", "2", "3", "4", "5", "6", "7", "8"].map((each) =>
        pool.query("select absurd.register_kinds($1)", [
          JSON.stringify([{ task_name: "crowded", version: each }]),
        ]),
      ),
    );
    const { rows } = await pool.query<{ n: number; current: number }>(
      `select count(*)::integer as n, count(*) filter (where current)::integer as current
         from absurd.kind where name = 'crowded'`,
    );
    assert.deepEqual(rows, [{ n: 8, current: 1 }]);
  });

  test("waits for one that is being registered and becomes the newer", async () => {
    const [first, second] = [await database.connect(), await database.connect()];
    const register = (client: typeof first, each: string): Promise<unknown> =>
      client.query("select absurd.register_kinds($1)", [
        JSON.stringify([{ task_name: "queued-up", version: each }]),
      ]);
    await first.query("begin");
    await register(first, "1");
    const registering = register(second, "2");
    await sqlWorker.untilBlocked(first, second);
    await first.query("commit");
    await registering;
    const { rows } = await first.query(
      "select version from absurd.kind where name = 'queued-up' and current",
    );
    assert.deepEqual(rows, [{ version: "2" }]);
  });

  test("can be claimed alone by workers in other languages", async () => {
    const db = await database.connect();
    const client = new AbsurdClient(database.pool());
    await client.registerTasks([version("polyglot", "1"), version("polyglot", "2")]);
    const spawned = await client.spawn("polyglot", {}, { version: "1", queue: "polyglot" });
    await client.spawn("polyglot", {}, { queue: "polyglot" });
    const worker = await sqlWorker.registerWorker(db);
    const { rows } = await db.query(
      `select task_id, task_name
         from absurd.claim_tasks($1, $2, array['polyglot'], array['polyglot@1'], 10)`,
      [worker.id, worker.epoch],
    );
    assert.deepEqual(rows, [{ task_id: spawned.taskId, task_name: "polyglot" }]);
  });
});
