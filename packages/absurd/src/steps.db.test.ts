/** Steps, sleep and log lines in SQL: fences and clocks, call by call. */
import assert from "node:assert/strict";

import type pg from "pg";
import { describe, test } from "vitest";

import { freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

const {
  beat,
  buryWorkers,
  claim,
  cycle,
  emptyEngine,
  fence,
  maintain,
  registerWorker,
  status,
  uuid,
} = sqlWorker;
const database = freshDatabase();

const STALE = { code: "WF001" };

describe("a checkpoint", () => {
  test("of a stale attempt is refused, and says so", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    const [held] = await claim(db, worker, 1);
    await buryWorkers(db);

    // Its worker was declared dead, which is said of the whole batch.
    await assert.rejects(write(db, worker, held!, "a", '"late"'), { code: "WF002" });
    await assert.rejects(
      db.query("select absurd.complete_step($1, 'a', '1')", [await fence(db, worker, held!)]),
      STALE,
    );
    assert.equal((await db.query("select from absurd.checkpoint")).rowCount, 0);
  });

  test("is what was committed first, for the heir, too", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    const [held] = await claim(db, worker, 1);
    assert.deepEqual(await write(db, worker, held!, "a", '"first"'), []);
    assert.deepEqual(await write(db, worker, held!, "a", '"first"'), [], "sent twice");
    await buryWorkers(db);
    const heir = await registerWorker(db);
    const [again] = await claim(db, heir, 1);

    assert.deepEqual(await write(db, heir, again!, "a", '"second"'), [
      { place: 0, is_stale: false, value: '"first"' },
    ]);
    const { rows } = await db.query("select step, attempt, value from absurd.list_steps($1)", [
      await uuid(db, held!),
    ]);
    assert.deepEqual(rows, [{ step: "a", attempt: 1, value: "first" }]);
  });

  test("of a batch is judged by itself: the stale one does not fail the others", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 2 });
    const [mine, gone] = await claim(db, worker, 2);
    await cycle(db, worker, { done: [gone!] });

    const { rows } = await db.query(
      "select * from absurd.write_checkpoints($1, $2, $3, $4, '{x,x}', '{1,1}', '{1,2}')",
      [worker.id, worker.epoch, [gone!.task_id, mine!.task_id], [1, 1]],
    );

    assert.deepEqual(rows, [{ place: 0, is_stale: true, value: null }]);
    const kept = await db.query("select task_id, value from absurd.checkpoint");
    assert.deepEqual(kept.rows, [{ task_id: mine!.task_id, value: 2 }]);
  });
});

describe("sleep", () => {
  test("lasts until its time by the database's clock, and is credited", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1, fields: { max_retries: 0 } });
    const [held] = await claim(db, worker, 1);
    await db.query("select absurd.sleep_task($1, 3600)", [await fence(db, worker, held!)]);
    assert.equal(await status(db, held!), "pending");

    await setClock(db, "2026-03-01T12:59:59Z");
    await beat(db, worker);
    await maintain(db, worker);
    assert.deepEqual(await claim(db, worker, 1), []);
    await setClock(db, "2026-03-01T13:00:00Z");
    await beat(db, worker);
    await maintain(db, worker);
    const [again] = await claim(db, worker, 1);

    assert.equal(again!.claim_no, 2);
    const { rows } = await db.query(
      "select name, ordinal, value::double precision as ms from absurd.read_checkpoints($1)",
      [[held!.task_id]],
    );
    assert.deepEqual(rows, [
      { name: "$sleep", ordinal: 1, ms: Date.parse("2026-03-01T13:00:00Z") },
    ]);
    // The one attempt that counts is this one.
    await cycle(db, worker, { failed: [[again!, "retryable"]] });
    assert.equal(await status(db, again!), "failed");
  });

  test("in a batch leaves stale attempts and those to be cancelled awake", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 3 });
    const [sleeper, cancelled, gone] = await claim(db, worker, 3);
    await db.query("select absurd.cancel_task($1, 'clouds')", [await uuid(db, cancelled!)]);
    await cycle(db, worker, { done: [gone!] });

    const { rows } = await db.query(
      `select * from absurd.sleep_attempts($1, $2, $3, '{1,1,1}', '{1,1,1}', '{60,60,60}',
                                           array[null, null, null]::timestamptz[])`,
      [worker.id, worker.epoch, [sleeper, cancelled, gone].map((each) => each!.task_id)],
    );

    assert.deepEqual(rows, [
      { task_id: cancelled!.task_id, claim_no: 1, what: "cancelled", reason: "clouds" },
      { task_id: gone!.task_id, claim_no: 1, what: "stale", reason: null },
    ]);
    assert.equal(await status(db, cancelled!), "claimed");
    assert.equal(await status(db, sleeper!), "pending");
  });

  test("of a stale attempt, or one to be cancelled, is refused", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 2 });
    const [cancelled, gone] = await claim(db, worker, 2);
    await db.query("select absurd.cancel_task($1, 'clouds')", [await uuid(db, cancelled!)]);
    await cycle(db, worker, { done: [gone!] });

    const sleep = "select absurd.sleep_task($1, 60)";
    await assert.rejects(db.query(sleep, [await fence(db, worker, cancelled!)]), {
      code: "WF010",
      message: "clouds",
    });
    await assert.rejects(db.query(sleep, [await fence(db, worker, gone!)]), STALE);
  });
});

describe("a task that failed before", () => {
  test("is retrying while it sleeps, waits, and when it was given back", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    const [first] = await claim(db, worker, 1);
    await cycle(db, worker, { failed: [[first!, "retryable"]] });
    const again = async (at: string): Promise<sqlWorker.ClaimRow> => {
      await setClock(db, at);
      await beat(db, worker);
      await maintain(db, worker);
      const [row] = await claim(db, worker, 1);
      return row!;
    };
    const asleep = await again("2026-03-01T12:10:00Z");
    await db.query("select absurd.sleep_task($1, 60)", [await fence(db, worker, asleep)]);
    assert.deepEqual(await shown(db), [["retrying", 2, "as asked", 1]]);

    const waiting = await again("2026-03-01T12:20:00Z");
    await db.query("select absurd.await_event($1, 'e', 1, 60)", [await fence(db, worker, waiting)]);
    assert.deepEqual(await shown(db), [["retrying", 3, "as asked", 1]]);

    const released = await again("2026-03-01T12:30:00Z");
    await cycle(db, worker, { failed: [[released, "released"]] });
    assert.deepEqual(await shown(db), [["retrying", 4, "as asked", 1]]);
  });

  test("is pending after a new start, with all attempts or with those left", async () => {
    for (const isReset of [true, false]) {
      const { db, worker } = await emptyEngine(database, { spawn: 1 });
      const [first] = await claim(db, worker, 1);
      await cycle(db, worker, { failed: [[first!, "fatal"]] });
      await db.query("select absurd.revive(array[$1::bigint], $2)", [first!.task_id, isReset]);
      assert.deepEqual(await shown(db), [["pending", 1, null, 0]]);
    }
  });
});

/** Status, attempt and error as the view shows them, and how many the counts call retrying. */
async function shown(db: pg.Client): Promise<unknown[][]> {
  const { rows } = await db.query<Record<string, unknown>>(
    `select t.status, t.attempt, t.error, s.retrying::integer
       from absurd.tasks t, absurd.get_queue_stats() s`,
  );
  return rows.map((row) => Object.values(row));
}

describe("a log line", () => {
  test("of a stale attempt is refused; one said after its completion is not", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 2 });
    const [done, lost] = await claim(db, worker, 2);
    await cycle(db, worker, { done: [done!], failed: [[lost!, "fatal"]] });

    const { rows } = await db.query(
      `select absurd.write_log($1, $2, $3, '{1,1}', array[now(), now()], '{info,info}',
                               '{hello,late}', array['{"a": 1}', null]) as refused`,
      [worker.id, worker.epoch, [done!.task_id, lost!.task_id]],
    );

    assert.deepEqual(rows, [{ refused: 1 }]);
    const lines = await db.query("select message, fields from absurd.read_log($1)", [
      await uuid(db, done!),
    ]);
    assert.deepEqual(lines.rows, [{ message: "hello", fields: { a: 1 } }]);
  });
});

describe("a rerun from a step", () => {
  test("is refused for a task that has not failed, and for a step it did not keep", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    const [held] = await claim(db, worker, 1);
    const id = await uuid(db, held!);
    await write(db, worker, held!, "a", "1");
    const rerun = "select absurd.rerun_from_step($1, $2)";

    await assert.rejects(db.query(rerun, [id, "a"]), { code: "WF003" });
    await cycle(db, worker, { failed: [[held!, "fatal"]] });
    await assert.rejects(db.query(rerun, [id, "b"]), { code: "WF013" });
    await db.query(rerun, [id, "a"]);

    assert.equal((await db.query("select from absurd.checkpoint")).rowCount, 0);
    assert.equal((await claim(db, worker, 1)).length, 1);
  });
});

test("every day that has outcomes has its partitions of checkpoints and lines", async () => {
  const db = await database.connect();
  const { rows } = await db.query<{ table: string; days: string }>(
    `select inhparent::regclass::text as table, count(*) as days from pg_inherits
      where inhparent in ('absurd.outcome'::regclass, 'absurd.checkpoint'::regclass,
                          'absurd.task_log'::regclass)
      group by 1`,
  );
  assert.equal(rows.length, 3);
  assert.equal(new Set(rows.map((row) => row.days)).size, 1);
});

async function write(
  db: pg.Client,
  worker: sqlWorker.SqlWorker,
  held: sqlWorker.ClaimRow,
  name: string,
  value: string,
): Promise<unknown[]> {
  const { rows } = await db.query<{ place: number }>(
    "select * from absurd.write_checkpoints($1, $2, $3, $4, $5, '{1}', $6)",
    [worker.id, worker.epoch, [held.task_id], [held.claim_no], [name], [value]],
  );
  return rows;
}
