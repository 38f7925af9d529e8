/** Promises of queues: pause, drain, settings, also under concurrency. */
import assert from "node:assert/strict";

import type pg from "pg";
import { describe, test } from "vitest";

import { freshDatabase, setClock, sqlWorker, until } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { InvalidSetting, QueueDraining } from "./errors.ts";
import { rollUpAll } from "./testing/history-stage.ts";
import { configure, tasksOf } from "./testing/queue-stage.ts";

const { T0, beat, claim, cycle, emptyEngine, spawn, untilBlocked } = sqlWorker;
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

describe("the pace of a queue", () => {
  test("is counted where it happened: of the last minutes, rolled up or not", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 4 });
    const client = new AbsurdClient(db);
    const now = otherHalfOfToday();
    await setClock(db, now);
    await beat(db, worker);
    await addTasks(db, { count: 30, seconds: 20, before: now });
    await addTasks(db, { count: 1000, seconds: 60, before: secondsAfter(now, -400) });
    const held = await claim(db, worker, 3);
    await cycle(db, worker, { done: [held[0]!], failed: [[held[1]!, "fatal"]] });
    await rollUpAll(db);
    await cycle(db, worker, { done: [held[2]!] });

    const [pace] = await client.queues.pace();
    assert.equal(pace?.queue, "default");
    assert.deepEqual([pace.arrivalsPerSecond * 300, pace.endsPerSecond * 300], [30, 3]);
  });

  test("is that of the newest where more came than are read", async () => {
    const { db } = await emptyEngine(database, { spawn: 1 });
    const now = otherHalfOfToday();
    await setClock(db, now);
    await addTasks(db, { count: 210_000, seconds: 42, before: now });
    const [pace] = await new AbsurdClient(db).queues.pace();
    const perSecond = pace!.arrivalsPerSecond;
    assert.ok(perSecond > 4900 && perSecond < 5100, String(perSecond));
  });

  /** Today has a partition of tasks; what is spawned has its number from the wall's clock. */
  function otherHalfOfToday(): string {
    const now = new Date();
    const hour = now.getUTCHours() < 12 ? "18" : "06";
    return `${now.toISOString().slice(0, 10)}T${hour}:00:00.000Z`;
  }

  const secondsAfter = (at: string, seconds: number) =>
    new Date(new Date(at).getTime() + seconds * 1000).toISOString();

  /** Evenly, over the seconds before a time. */
  async function addTasks(db: pg.Client, what: { count: number; seconds: number; before: string }) {
    await db.query(
      `insert into absurd.task (id, lane_id, attempts_max, params)
       select absurd.first_task_number($3::timestamptz - make_interval(secs => $2 * i / $1::float8))
              + i, l.lane_id, 1, '{}'
         from generate_series(1, $1::integer) i
        cross join (select min(lane_id) as lane_id from absurd.lane where queue = 'default') l`,
      [what.count, what.seconds, what.before],
    );
  }
});
