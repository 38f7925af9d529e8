/** Events and awaited tasks in SQL: fences, races and clocks, call by call. */
import assert from "node:assert/strict";

import type pg from "pg";
import { describe, test } from "vitest";

import { freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

const { beat, buryWorkers, claim, cycle, emptyEngine, fence, maintain, status, uuid } = sqlWorker;
const { T0, untilBlocked } = sqlWorker;
const database = freshDatabase();

const STALE = { code: "WF001" };

describe("an event", () => {
  test("cannot be emitted, nor awaited, by a stale attempt", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    const [held] = await claim(db, worker, 1);
    const text = await fence(db, worker, held!);
    await buryWorkers(db);

    await assert.rejects(db.query("select absurd.emit_event('e', '1', $1)", [text]), STALE);
    await assert.rejects(db.query("select absurd.await_event($1, 'e')", [text]), STALE);
    await assert.rejects(db.query("select absurd.emit_event('')"), { code: "WF012" });
    assert.equal((await db.query("select from absurd.event")).rowCount, 0);
  });

  test("wakes exactly those that wait for it", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 3 });
    const held = await claim(db, worker, 3);
    for (const [index, name] of ["a", "b", "a"].entries())
      await wait(db, worker, held[index]!, name);
    assert.deepEqual(await claim(db, worker, 3), []);

    await db.query("select absurd.emit_event('a', '{\"n\": 1}')");
    const woken = await claim(db, worker, 3);

    assert.deepEqual(
      woken.map((each) => each.task_id).sort(),
      [held[0]!.task_id, held[2]!.task_id].sort(),
    );
    const kept = await db.query("select name, value from absurd.checkpoint order by task_id");
    assert.deepEqual(kept.rows, Array(2).fill({ name: "$event:a", value: { payload: { n: 1 } } }));
    assert.equal((await db.query("select from absurd.wait_event")).rowCount, 1);
  });

  test("emitted while a wait for it is being committed is not lost", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    const [held] = await claim(db, worker, 1);
    const text = await fence(db, worker, held!);
    const waiter = await atNoon();
    await waiter.query("begin");
    assert.deepEqual(
      (await waiter.query("select * from absurd.await_event($1, 'e')", [text])).rows,
      [{ what: "suspended", payload: null }],
    );

    const emitter = await atNoon();
    const emitted = emitter.query("select absurd.emit_event('e')");
    await untilBlocked(db, emitter);
    await waiter.query("commit");
    await emitted;

    assert.equal((await claim(db, worker, 1)).length, 1, "the wake-up was lost");
  });

  test("awaited while its emit is being committed is answered at once", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    const [held] = await claim(db, worker, 1);
    const text = await fence(db, worker, held!);
    const emitter = await atNoon();
    await emitter.query("begin");
    await emitter.query("select absurd.emit_event('e', '\"here\"')");

    const waiter = await atNoon();
    const answer = waiter.query("select * from absurd.await_event($1, 'e')", [text]);
    await untilBlocked(db, waiter);
    await emitter.query("commit");

    assert.deepEqual((await answer).rows, [{ what: "event", payload: '"here"' }]);
    assert.equal(await status(db, held!), "claimed");
  });

  test("whose emit is rolled back did not happen: the wait goes on", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    const [held] = await claim(db, worker, 1);
    const text = await fence(db, worker, held!);
    const emitter = await atNoon();
    await emitter.query("begin");
    await emitter.query("select absurd.emit_event('e', '1')");
    const waiter = await atNoon();
    const answer = waiter.query("select * from absurd.await_event($1, 'e')", [text]);
    await untilBlocked(db, waiter);
    await emitter.query("rollback");

    assert.deepEqual((await answer).rows, [{ what: "suspended", payload: null }]);
    await db.query("select absurd.emit_event('e', '2')");
    assert.equal((await claim(db, worker, 1)).length, 1);
  });

  test("that does not come lets its waiter go at the timeout, which is kept", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    const [held] = await claim(db, worker, 1);
    await wait(db, worker, held!, "e", 60);

    await setClock(db, "2026-03-01T12:00:59Z");
    await beat(db, worker);
    await maintain(db, worker);
    assert.deepEqual(await claim(db, worker, 1), []);
    await setClock(db, "2026-03-01T12:01:00Z");
    await beat(db, worker);
    await maintain(db, worker);
    const woken = await claim(db, worker, 1);
    await db.query("select absurd.emit_event('e', '1')");

    assert.equal(woken.length, 1);
    const kept = await db.query("select value from absurd.checkpoint");
    assert.deepEqual(kept.rows, [{ value: { timedOut: true } }]);
    assert.equal((await db.query("select from absurd.wait_event")).rowCount, 0);
  });

  test("is forgotten when kept long enough; what a cancelled wait left is swept", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    const [held] = await claim(db, worker, 1);
    await wait(db, worker, held!, "never");
    await db.query("select absurd.cancel_task($1)", [await uuid(db, held!)]);
    await db.query("select absurd.emit_event('short', null, null, 60)");
    await db.query("select absurd.emit_event('long')");

    await setClock(db, "2026-03-01T12:01:00Z");
    await beat(db, worker);
    await maintain(db, worker);

    const { rows } = await db.query("select name from absurd.event");
    assert.deepEqual(rows, [{ name: "long" }]);
    assert.equal((await db.query("select from absurd.wait_event")).rowCount, 0);
  });

  test("wakes no task that was cancelled meanwhile and given a new start", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    const [held] = await claim(db, worker, 1);
    await wait(db, worker, held!, "e");
    const id = await uuid(db, held!);
    await db.query("select absurd.cancel_task($1)", [id]);
    await db.query("select absurd.retry_task($1)", [id]);
    const [again] = await claim(db, worker, 1);

    await db.query("select absurd.emit_event('e', '1')");

    assert.equal(await status(db, again!), "claimed");
    const { rows } = await db.query("select * from absurd.await_event($1, 'e')", [
      await fence(db, worker, again!),
    ]);
    assert.deepEqual(rows, [{ what: "event", payload: "1" }]);
  });
});

describe("an awaited task", () => {
  test("that ends while the wait is not committed is found by the leader", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 2 });
    const [parent, child] = await claim(db, worker, 2);
    const waiter = await atNoon();
    await waiter.query("begin");
    const waited = await waiter.query("select what from absurd.await_tasks($1, $2)", [
      await fence(db, worker, parent!),
      [await uuid(db, child!)],
    ]);
    assert.deepEqual(waited.rows, [{ what: "suspended" }]);
    await cycle(db, worker, { done: [child!] });
    await waiter.query("commit");

    for (let round = 0; round < 2; round++) await maintain(db, worker);
    const [woken] = await claim(db, worker, 1);

    assert.equal(woken!.task_id, parent!.task_id);
    const { rows } = await db.query("select what, ends::jsonb from absurd.await_tasks($1, $2)", [
      await fence(db, worker, woken!),
      [await uuid(db, child!)],
    ]);
    assert.deepEqual(rows, [
      { what: "ended", ends: [{ status: "completed", result: null, error: null }] },
    ]);
  });

  test("may be several: the last one to end, well or not, wakes who waits", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 3 });
    const [parent, one, two] = await claim(db, worker, 3);
    await db.query("select absurd.await_tasks($1, $2)", [
      await fence(db, worker, parent!),
      [await uuid(db, two!), await uuid(db, one!), await uuid(db, two!)],
    ]);
    await cycle(db, worker, { done: [one!] });
    assert.deepEqual(await claim(db, worker, 1), []);
    await cycle(db, worker, { failed: [[two!, "fatal"]] });
    const [woken] = await claim(db, worker, 1);

    assert.equal(woken!.task_id, parent!.task_id);
  });

  test("cannot be awaited by a stale attempt, nor when there is none", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 2 });
    const [parent, child] = await claim(db, worker, 2);
    const text = await fence(db, worker, parent!);
    const await_ = "select absurd.await_tasks($1, $2)";
    const nobody = "00000000-0000-7000-8000-000000000000";
    await assert.rejects(db.query(await_, [text, [nobody]]), { code: "WF006" });
    await cycle(db, worker, { done: [parent!] });
    await assert.rejects(db.query(await_, [text, [await uuid(db, child!)]]), STALE);
  });
});

/** Another session, with the clock of the first. */
async function atNoon(): Promise<pg.Client> {
  const client = await database.connect();
  await setClock(client, T0);
  return client;
}

async function wait(
  db: pg.Client,
  worker: sqlWorker.SqlWorker,
  held: sqlWorker.ClaimRow,
  name: string,
  timeoutSeconds?: number,
): Promise<void> {
  const { rows } = await db.query("select what from absurd.await_event($1, $2, 1, $3)", [
    await fence(db, worker, held),
    name,
    timeoutSeconds ?? null,
  ]);
  assert.deepEqual(rows, [{ what: "suspended" }]);
}
