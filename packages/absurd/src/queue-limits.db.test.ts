/** Promises of the limits of ready and of running tasks, also under concurrency. */
import assert from "node:assert/strict";

import type pg from "pg";
import { describe, test } from "vitest";
import { z } from "zod";

import { freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { InvalidParams, QueueDraining, QueueFull } from "./errors.ts";
import { defineTask } from "./task.ts";
import { configure, tasksOf } from "./testing/queue-stage.ts";

const { T0, cycle, emptyEngine, maintain, registerWorker, spawn, task, untilBlocked } = sqlWorker;
const database = freshDatabase();
const noop = defineTask({ name: "noop", params: z.strictObject({}) });

describe("pending_max", () => {
  test("refuses the batch that would pass it and says when to come again", async () => {
    const { db } = await emptyEngine(database, {});
    await spawn(db, tasksOf("full", 4));
    await configure(db, "full", { pending_max: 5 });
    await setClock(db, "2026-03-01T12:00:08Z"); // the four have waited for 8 s

    await spawn(db, tasksOf("full", 1));
    await spawn(db, tasksOf("full", 3, { delay_seconds: 60 }));
    const error = await spawn(db, tasksOf("full", 2)).then(
      () => assert.fail("was not refused"),
      (thrown: unknown) => thrown as pg.DatabaseError,
    );

    assert.equal(error.code, "WF020");
    assert.deepEqual(JSON.parse(error.detail ?? ""), {
      queue: "full",
      pending_max: 5,
      retry_after_seconds: 3.2, // two places, at five in 8 s
    });
  });

  test("is not passed by two that spawn at the same moment", async () => {
    const { db } = await emptyEngine(database, {});
    await configure(db, "narrow", { pending_max: 3 });
    const first = await database.connect();
    const second = await database.connect();
    for (const each of [first, second]) await setClock(each, T0);
    await first.query("begin");
    await spawn(first, tasksOf("narrow", 2));

    const spawning = assert.rejects(spawn(second, tasksOf("narrow", 2)), { code: "WF020" });
    await untilBlocked(db, second);
    await first.query("commit");
    await spawning;

    await spawn(second, tasksOf("narrow", 1));
  });

  test("costs queues without it no statement", async () => {
    const { db } = await emptyEngine(database, { spawn: 1 });
    const calls = async (name: string): Promise<number> => {
      const { rows } = await db.query<{ calls: string }>(
        `select coalesce(sum(pg_stat_get_xact_function_calls(oid)), 0) as calls
           from pg_proc where proname = $1`,
        [name],
      );
      return Number(rows[0]!.calls);
    };
    await configure(db, "guarded", { pending_max: 9 });
    await db.query("set track_functions = 'all'");
    await db.query("begin");
    await spawn(db, [task({})]);
    assert.equal(await calls("intern_lanes"), 1);
    assert.deepEqual([await calls("admit_spawns"), await calls("make_lanes")], [0, 0]);
    await spawn(db, tasksOf("guarded", 1));
    assert.deepEqual([await calls("admit_spawns"), await calls("make_lanes")], [1, 1]);
    await db.query("commit");
  });

  test("stops every way to spawn: lines, JSON and COPY", async () => {
    const client = new AbsurdClient(database.pool(), { tasks: [noop] });
    const on = await database.connect();
    await client.queues.configure("ways", { pendingMax: 10 });
    const stream = (count: number): Promise<number> =>
      client.spawnStream(
        noop,
        Array.from({ length: count }, () => ({})),
        { on, queue: "ways" },
      );
    const many = (count: number, options: object): Promise<unknown> =>
      client.spawnMany(
        Array.from({ length: count }, () => ({ task: noop, queue: "ways", ...options })),
      );

    await assert.rejects(stream(11), QueueFull);
    assert.equal(await stream(8), 8);
    await assert.rejects(many(3, {}), QueueFull);
    await assert.rejects(many(3, { tags: ["not plain"] }), QueueFull);
    await many(2, {});
    await assert.rejects(stream(1), QueueFull);
    await client.queues.drain("ways");
    await assert.rejects(stream(1), QueueDraining);
  });

  test("makes the client refuse or wait, as it is asked", async () => {
    const { db, worker } = await emptyEngine(database, {});
    await setClock(db, null);
    const client = new AbsurdClient(database.pool());
    await client.queues.configure("waiting", { pendingMax: 1 });
    await client.spawn("noop", {}, { queue: "waiting" });

    const refused = await client.spawn("noop", {}, { queue: "waiting" }).catch((e: unknown) => e);
    assert.ok(refused instanceof QueueFull);
    assert.deepEqual([refused.queue, refused.pendingMax], ["waiting", 1]);
    assert.ok(refused.retryAfterSeconds > 0);

    const wait = { queue: "waiting", whenFull: "wait" } as const;
    await assert.rejects(client.spawn("noop", {}, { ...wait, waitSeconds: 0.05 }), QueueFull);
    const stop = new AbortController();
    const stopped = client.spawn("noop", {}, { ...wait, signal: stop.signal });
    stop.abort(new Error("enough"));
    await assert.rejects(stopped, /enough/);
    await assert.rejects(
      client.spawn("noop", {}, { ...wait, on: await database.connect() }),
      InvalidParams,
    );

    const spawning = client.spawn("noop", {}, wait);
    await cycle(db, worker, { limit: 1, queues: ["waiting"] });
    assert.equal((await spawning).created, true);
  });
});

describe("running_max", () => {
  test("is never passed by claimers at the same moment", async () => {
    const { db } = await emptyEngine(database, {});
    await spawn(db, tasksOf("few", 40));
    await configure(db, "few", { running_max: 7 });
    const claimers = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const client = await database.connect();
        await setClock(client, T0);
        return { client, worker: await registerWorker(client) };
      }),
    );
    let done = 0;
    while (done < 40) {
      const claims = await Promise.all(
        claimers.map(async ({ client, worker }) => ({
          ...{ client, worker },
          rows: await cycle(client, worker, { limit: 5, queues: ["few"] }),
        })),
      );
      const running = claims.reduce((sum, each) => sum + each.rows.length, 0);
      assert.ok(running <= 7, `${running} ran at once`);
      assert.ok(running === 7 || done + running === 40, `only ${running} ran`);
      for (const { client, worker, rows } of claims) await cycle(client, worker, { done: rows });
      done += running;
    }
  });

  test("makes the second claimer wait for the first and see what it took", async () => {
    const { db } = await emptyEngine(database, {});
    await spawn(db, tasksOf("one", 3));
    await configure(db, "one", { running_max: 1 });
    const first = await database.connect();
    const second = await database.connect();
    for (const each of [first, second]) await setClock(each, T0);
    const [a, b] = [await registerWorker(first), await registerWorker(second)];
    await first.query("begin");
    assert.equal((await cycle(first, a, { limit: 3, queues: ["one"] })).length, 1);

    const claiming = cycle(second, b, { limit: 3, queues: ["one"] });
    await untilBlocked(db, second);
    await first.query("commit");

    assert.deepEqual(await claiming, []);
  });

  test("loses no place to a worker that died", async () => {
    const { db, worker } = await emptyEngine(database, {});
    const queues = ["mortal"];
    await spawn(db, tasksOf("mortal", 5));
    await configure(db, "mortal", { running_max: 2 });
    assert.equal((await cycle(db, worker, { limit: 5, queues })).length, 2);

    await setClock(db, "2026-03-01T12:00:31Z"); // one second past the lease
    const heir = await registerWorker(db);
    assert.deepEqual(await cycle(db, heir, { limit: 5, queues }), []);
    await maintain(db, heir);

    assert.equal((await cycle(db, heir, { limit: 5, queues })).length, 2);
  });

  test("holds from the claim after it was set, and ends when it is taken away", async () => {
    const { db, worker } = await emptyEngine(database, {});
    const queues = ["changing"];
    await spawn(db, tasksOf("changing", 9));
    const before = await cycle(db, worker, { limit: 3, queues });
    await configure(db, "changing", { running_max: 2 });
    assert.deepEqual(await cycle(db, worker, { limit: 5, queues }), []);
    await cycle(db, worker, { done: before });
    assert.equal((await cycle(db, worker, { limit: 5, queues })).length, 2);
    await configure(db, "changing", { running_max: null });
    assert.equal((await cycle(db, worker, { limit: 5, queues })).length, 4);
  });
});
