/** Deadlines and expiry: by the leader, and against a claim at the same moment. */
import assert from "node:assert/strict";

import type pg from "pg";
import { describe, test } from "vitest";

import { freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

const { claim, cycle, emptyEngine, maintain, spawn, status, task, untilBlocked } = sqlWorker;
const database = freshDatabase();

const DEADLINE = { deadline_at: "2026-03-01T12:05:00Z" };
const AFTER = "2026-03-01T12:05:01Z";

type Engine = Awaited<ReturnType<typeof emptyEngine>>;

async function pass({ db, worker }: Engine, clock: string): Promise<void> {
  await setClock(db, clock);
  await db.query("select absurd.beat($1, $2)", [worker.id, worker.epoch]);
  await maintain(db, worker);
}

async function endings(db: pg.Client): Promise<string[]> {
  const { rows } = await db.query<{ ending: string }>(
    `select concat_ws(' ', status, error_detail ->> 'tag') as ending
       from absurd.tasks order by task_number`,
  );
  return rows.map((row) => row.ending);
}

describe("a deadline", () => {
  test("that passed ends what did not begin, in whatever plane it is", async () => {
    const engine = await emptyEngine(database, {});
    const [first] = await spawn(engine.db, [task({ delay_seconds: 9999 })]);
    await spawn(engine.db, [
      task(DEADLINE),
      task({ ...DEADLINE, delay_seconds: 600 }),
      task({ ...DEADLINE, depends_on: [first!.task_id] }),
      task({ deadline_at: "2026-03-01T13:00:00Z" }),
    ]);
    await pass(engine, AFTER);
    const late = "failed DeadlineExceeded";
    assert.deepEqual(await endings(engine.db), ["pending", late, late, late, "pending"]);
    assert.equal((await engine.db.query("select from absurd.expiry")).rowCount, 1);
    const { rows } = await engine.db.query(
      "select fingerprint from absurd.outcome where fingerprint is null",
    );
    assert.deepEqual(rows, []);
  });

  test("that passed tells the worker, and the attempt is the last", async () => {
    const engine = await emptyEngine(database, {});
    await spawn(engine.db, [task(DEADLINE), task(DEADLINE)]);
    const [heeding, deaf] = await claim(engine.db, engine.worker, 2);
    await pass(engine, AFTER);
    const { rows } = await engine.db.query("select kind from absurd.beat($1, $2)", [
      engine.worker.id,
      engine.worker.epoch,
    ]);
    assert.deepEqual(rows, [{ kind: "deadline" }, { kind: "deadline" }]);

    await cycle(engine.db, engine.worker, { failed: [[heeding!, "timeout"]] });
    assert.equal(await status(engine.db, heeding!), "failed");
    assert.equal(await status(engine.db, deaf!), "claimed");
    await pass(engine, "2026-03-01T12:05:20Z"); // past the grace of 10 s
    assert.equal(await status(engine.db, deaf!), "failed");
  });

  test("that passed while a worker held the task holds when it is given back", async () => {
    const engine = await emptyEngine(database, {});
    await spawn(engine.db, [task(DEADLINE)]);
    const [held] = await claim(engine.db, engine.worker, 1);
    await setClock(engine.db, AFTER);
    await cycle(engine.db, engine.worker, { failed: [[held!, "released"]] });
    assert.deepEqual(await endings(engine.db), ["failed DeadlineExceeded"]);
  });

  test("lets a task complete that was done in time for its worker to say so", async () => {
    const engine = await emptyEngine(database, {});
    await spawn(engine.db, [task(DEADLINE)]);
    const [held] = await claim(engine.db, engine.worker, 1);
    await pass(engine, AFTER);
    await cycle(engine.db, engine.worker, { done: [held!] });
    assert.deepEqual(await endings(engine.db), ["completed"]);
    await pass(engine, AFTER);
    assert.equal((await engine.db.query("select from absurd.expiry")).rowCount, 0);
  });

  test("and a claim at the same moment: who comes second finds it with the first", async () => {
    const engine = await emptyEngine(database, {});
    await spawn(engine.db, [task(DEADLINE)]);
    const leader = await database.connect();
    await setClock(leader, AFTER);
    await engine.db.query("begin");
    const [held] = await claim(engine.db, engine.worker, 1);
    const ended = leader.query<{ n: number }>("select absurd.end_expired(10) as n");
    await untilBlocked(await database.connect(), leader);
    await engine.db.query("commit");
    assert.equal((await ended).rows[0]!.n, 0);
    assert.equal(await status(engine.db, held!), "claimed");

    await leader.query("select absurd.end_expired(10)");
    const { rows } = await engine.db.query("select kind from absurd.signal");
    assert.deepEqual(rows, [{ kind: "deadline" }], "the next round tells the worker");
  });
});

describe("an expiry", () => {
  test("ends what nobody claimed and nothing else", async () => {
    const engine = await emptyEngine(database, {});
    await spawn(engine.db, [task({ expires_in_seconds: 300 }), task({ expires_in_seconds: 300 })]);
    const [tried, running] = await claim(engine.db, engine.worker, 2);
    await spawn(engine.db, [task({ expires_at: "2026-03-01T12:05:00Z" })]);
    await cycle(engine.db, engine.worker, { failed: [[tried!, "retryable"]] });
    await pass(engine, AFTER);

    assert.deepEqual(await endings(engine.db), ["retrying Test", "claimed", "cancelled Expired"]);
    assert.equal(await status(engine.db, running!), "claimed");
    assert.equal((await engine.db.query("select from absurd.expiry")).rowCount, 0);
  });

  test("and a claim at the same moment leave the task to the claimer", async () => {
    const engine = await emptyEngine(database, {});
    await spawn(engine.db, [task({ expires_in_seconds: 300 })]);
    const leader = await database.connect();
    await setClock(leader, AFTER);
    await engine.db.query("begin");
    await claim(engine.db, engine.worker, 1);
    const ended = leader.query<{ n: number }>("select absurd.end_expired(10) as n");
    await untilBlocked(await database.connect(), leader);
    await engine.db.query("commit");

    assert.equal((await ended).rows[0]!.n, 0);
    assert.deepEqual(await endings(engine.db), ["claimed"]);
  });
});
