/** Promises of queues: pause, drain, settings, also under concurrency. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { freshDatabase, setClock, sqlWorker, until } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { InvalidSetting, QueueDraining } from "./errors.ts";
import { configure, tasksOf } from "./testing/queue-stage.ts";

const { T0, cycle, emptyEngine, spawn, untilBlocked } = sqlWorker;
const database = freshDatabase();

describe("a paused queue", () => {
  test("gives no task away, lets what runs go on, and goes on where it was", async () => {
    const { db, worker } = await emptyEngine(database, {});
    const queues = ["pausing"];
    await spawn(db, tasksOf("pausing", 3));
    const [running] = await cycle(db, worker, { limit: 1, queues });

    const client = new AbsurdClient(database.pool());
    await client.queues.pause("pausing");
    assert.deepEqual(await cycle(db, worker, { done: [running!], limit: 5, queues }), []);
    await spawn(db, tasksOf("pausing", 1));
    assert.deepEqual(await cycle(db, worker, { limit: 5, queues }), []);

    await client.queues.resume("pausing");
    assert.equal((await cycle(db, worker, { limit: 5, queues })).length, 3);
  });

  test("pauses a lane that another transaction is making at that moment", async () => {
    const { db, worker } = await emptyEngine(database, {});
    await spawn(db, tasksOf("racing", 1));
    const maker = await database.connect();
    const pauser = await database.connect();
    await setClock(maker, T0);
    await maker.query("begin");
    await spawn(maker, tasksOf("racing", 1, { priority: 7 }));

    const pausing = pauser.query("select absurd.pause_queue('racing')");
    await untilBlocked(db, pauser);
    await maker.query("commit");
    await pausing;

    assert.deepEqual(await cycle(db, worker, { limit: 5, queues: ["racing"] }), []);
  });

  test("pauses a lane that is made while the pause is not committed yet", async () => {
    const { db, worker } = await emptyEngine(database, {});
    await spawn(db, tasksOf("racing-too", 1));
    const maker = await database.connect();
    const pauser = await database.connect();
    await setClock(maker, T0);
    await pauser.query("begin");
    await pauser.query("select absurd.pause_queue('racing-too')");

    const making = spawn(maker, tasksOf("racing-too", 1, { priority: 7 }));
    await untilBlocked(db, maker);
    await pauser.query("commit");
    await making;

    assert.deepEqual(await cycle(db, worker, { limit: 5, queues: ["racing-too"] }), []);
  });

  test("can be paused before anything was spawned into it", async () => {
    const { db, worker } = await emptyEngine(database, {});
    await db.query("select absurd.pause_queue('early')");
    await spawn(db, tasksOf("early", 1));
    assert.deepEqual(await cycle(db, worker, { limit: 5, queues: ["early"] }), []);
  });
});

describe("a draining queue", () => {
  test("refuses new tasks, knows its old ones, and is worked off", async () => {
    const { db, worker } = await emptyEngine(database, {});
    const client = new AbsurdClient(database.pool());
    const options = { queue: "draining", idempotencyKey: "one" };
    const { taskId } = await client.spawn("noop", {}, options);
    await client.queues.drain("draining");

    await assert.rejects(client.spawn("noop", {}, { queue: "draining" }), QueueDraining);
    await assert.rejects(
      client.spawn("noop", {}, { queue: "draining", priority: 3, delaySeconds: 5 }),
      QueueDraining,
    );
    assert.deepEqual(await client.spawn("noop", {}, options), { taskId, created: false });
    await setClock(db, null);
    assert.equal((await cycle(db, worker, { limit: 5, queues: ["draining"] })).length, 1);

    await client.queues.resume("draining");
    await client.spawn("noop", {}, { queue: "draining" });
  });
});

describe("settings", () => {
  test("are refused by name when they are unknown or out of range", async () => {
    const client = new AbsurdClient(database.pool());
    const db = await database.connect();
    await assert.rejects(client.queues.configure("bad", { weight: 0 }), InvalidSetting);
    await assert.rejects(client.queues.pause(""), InvalidSetting);
    await assert.rejects(configure(db, "bad", { colour: "red" }), {
      code: "WF022",
      message: /colour/,
    });
    await assert.rejects(configure(db, "bad", { running_max: -1 }), { code: "WF022" });
    await assert.rejects(configure(db, "bad", { priority_mode: "lucky" }), { code: "WF022" });
  });

  test("are listed with what the queue holds", async () => {
    const { db, worker } = await emptyEngine(database, {});
    const client = new AbsurdClient(database.pool());
    await spawn(db, tasksOf("listed", 3));
    await spawn(db, tasksOf("listed", 1, { delay_seconds: 10 }));
    await cycle(db, worker, { limit: 1, queues: ["listed"] });
    await client.queues.configure("listed", { weight: 3, priorityMode: "aging", agingSeconds: 5 });

    const view = await until(
      async () => (await client.queues.list()).find((each) => each.name === "listed"),
      { what: "the queue is listed" },
    );
    assert.deepEqual(
      { ...view },
      {
        ...{ name: "listed", paused: false, draining: false, pendingMax: null, runningMax: null },
        ...{ weight: 3, priorityMode: "aging", agingSeconds: 5 },
        ...{ ready: 2, deferred: 1, waiting: 0, running: 1, oldestAt: new Date(T0) },
      },
    );
  });
});
