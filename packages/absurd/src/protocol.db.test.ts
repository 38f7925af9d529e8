/** Promises of the SQL protocol, without the TypeScript worker. */
import assert from "node:assert/strict";

import type pg from "pg";
import { describe, test } from "vitest";

import { freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

const {
  T0,
  claim,
  cycle,
  emptyEngine,
  fence,
  maintain,
  registerWorker,
  spawn,
  status,
  task,
  untilBlocked,
} = sqlWorker;
const database = freshDatabase();
type ClaimRow = sqlWorker.ClaimRow;

describe("a lease", () => {
  test("that ran out passes to the next worker and fences off the first", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    const [first] = await claim(db, worker, 1);

    await setClock(db, "2026-03-01T12:00:31Z"); // one second past the lease
    const rival = await registerWorker(db);
    await maintain(db, rival);
    const [second] = await claim(db, rival, 1);

    assert.equal(second!.task_id, first!.task_id);
    assert.equal(second!.claim_no, 2);
    await assert.rejects(cycle(db, worker, { done: [first!] }), { code: "WF002" });
    await assert.rejects(
      db.query("select absurd.complete_task($1)", [await fence(db, worker, first!)]),
      { code: "WF001" },
    );
    await cycle(db, rival, { done: [second!] });
    assert.equal(await status(db, second!), "completed");
  });

  test("lives as long as its worker beats", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    const [held] = await claim(db, worker, 1);
    for (const minute of ["00:20", "00:40", "01:00"]) {
      await setClock(db, `2026-03-01T12:${minute}Z`);
      await db.query("select absurd.beat($1, $2)", [worker.id, worker.epoch]);
      await maintain(db, worker);
    }
    await cycle(db, worker, { done: [held!] });
    assert.equal(await status(db, held!), "completed");
  });

  test("of the leader is not taken by the leader itself, however late its beat", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    const [held] = await claim(db, worker, 1);
    await setClock(db, "2026-03-01T12:05:00Z");
    await maintain(db, worker);
    await cycle(db, worker, { done: [held!] });
    assert.equal(await status(db, held!), "completed");
  });

  test("of a task that kills its workers is given max_retries + 1 times", async () => {
    const { db } = await emptyEngine(database, {});
    await spawn(db, [task({ max_retries: 2 })]);
    let last: ClaimRow | undefined;
    for (let i = 0; i < 3; i++) {
      const victim = await registerWorker(db);
      [last] = await claim(db, victim, 1);
      assert.equal(last!.claim_no, i + 1);
      await setClock(db, `2026-03-01T12:0${i + 1}:00Z`);
      await maintain(db, await registerWorker(db));
    }
    assert.equal(await status(db, last!), "failed");
    const { rows } = await db.query<{ n: string }>("select count(*) as n from absurd.dead_letter");
    assert.equal(rows[0]!.n, "1");
  });

  test("that the worker never heard of is given back after a lost answer", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 3 });
    const [known] = await claim(db, worker, 1);
    await claim(db, worker, 2); // the answer was lost

    const { rows } = await db.query<{ held: boolean }>(
      "select held from absurd.revalidate($1, $2, $3, $4)",
      [worker.id, worker.epoch, [known!.task_id], [1]],
    );

    assert.deepEqual(rows, [{ held: true }]);
    const again = await claim(db, worker, 10);
    assert.deepEqual(
      again.map((each) => each.claim_no),
      [2, 2],
    );
  });
});

describe("revalidate", () => {
  test("waits for a cycle that the lost connection left running", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    const lost = await database.connect();
    await lost.query("begin");
    await claim(lost, worker, 1);
    const asked = db.query("select from absurd.revalidate($1, $2, '{}', '{}')", [
      worker.id,
      worker.epoch,
    ]);
    await untilBlocked(lost, db);
    await lost.query("commit");
    await asked;

    const again = await claim(db, worker, 1);
    assert.equal(again[0]!.claim_no, 2);
  });
});

describe("a worker that leaves", () => {
  const ROUND = "select term from absurd.maintain($1, $2, 5000, 10000)";
  const LEAVE = "select absurd.leave_worker($1, $2)";

  /** A leader, and three sessions at noon: one of them holds the leader's row. */
  async function leaderWithLockedRow(): Promise<{
    db: pg.Client;
    leader: [id: number, epoch: string];
    maintaining: pg.Client;
    leaving: pg.Client;
    unlock: () => Promise<unknown>;
  }> {
    const { db, worker } = await emptyEngine(database, {});
    await maintain(db, worker);
    const [holder, maintaining, leaving] = [
      await database.connect(),
      await database.connect(),
      await database.connect(),
    ];
    for (const each of [holder, maintaining, leaving]) await setClock(each, T0);
    await holder.query("begin");
    await holder.query("select from absurd.control where name = 'leader' for update");
    return {
      db,
      leader: [worker.id, worker.epoch],
      maintaining,
      leaving,
      unlock: () => holder.query("commit"),
    };
  }

  async function isLed(db: pg.Client): Promise<boolean> {
    const { rows } = await db.query<{ led: boolean }>(
      "select expires_at > absurd.clock() as led from absurd.control where name = 'leader'",
    );
    return rows[0]!.led;
  }

  test("leads no more, though a round of its own comes while it leaves", async () => {
    const { db, leader, maintaining, leaving, unlock } = await leaderWithLockedRow();
    const left = leaving.query(LEAVE, leader);
    await untilBlocked(db, leaving);
    const round = maintaining.query(ROUND, leader);
    const refused = assert.rejects(round, { code: "WF002" });
    await untilBlocked(db, maintaining);
    await unlock();
    await left;
    await refused;
    assert.equal(await isLed(db), false);
  });

  test("leads no more, though a round of its own began before it left", async () => {
    const { db, leader, maintaining, leaving, unlock } = await leaderWithLockedRow();
    const round = maintaining.query(ROUND, leader);
    await untilBlocked(db, maintaining);
    const left = leaving.query(LEAVE, leader);
    await untilBlocked(db, leaving);
    await unlock();
    await round;
    await left;
    assert.equal(await isLed(db), false);
  });
});

describe("a stale fence", () => {
  const VERBS: Readonly<Record<string, (db: pg.Client, fenceText: string) => Promise<unknown>>> = {
    complete: (db, text) => db.query("select absurd.complete_task($1)", [text]),
    fail: (db, text) => db.query("select absurd.fail_task($1, 'late')", [text]),
    "spawn a child": (db, text) =>
      db.query("select * from absurd.spawn_tasks($1, $2)", [JSON.stringify([task({})]), text]),
    publish: (db, text) => db.query("select absurd.hold_fence($1)", [text]),
  };
  for (const [verb, call] of Object.entries(VERBS)) {
    test(`is refused when it wants to ${verb}`, async () => {
      const { db, worker } = await emptyEngine(database, { spawn: 1 });
      const [held] = await claim(db, worker, 1);
      const text = await fence(db, worker, held!);
      await call(db, text.replace(/-1-/, "-2-")).then(
        () => assert.fail("another claim number was accepted"),
        (error: unknown) => {
          assert.equal((error as { code: string }).code, "WF001");
        },
      );
      await assert.rejects(call(db, `${text.slice(0, -1)}${text.endsWith("0") ? "1" : "0"}`), {
        code: "WF001",
      });
      await call(db, text); // the true one is good
    });
  }

  test("is refused when it wants to report progress", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    const [held] = await claim(db, worker, 1);
    const report = (claimNo: number): Promise<pg.QueryResult> =>
      db.query("select * from absurd.report_progress($1, $2, $3, $4, '{0.5}', '{half}')", [
        worker.id,
        worker.epoch,
        [held!.task_id],
        [claimNo],
      ]);
    assert.equal((await report(2)).rowCount, 1);
    assert.equal((await report(1)).rowCount, 0);
    assert.equal((await db.query("select * from absurd.progress")).rowCount, 1);
  });
});

describe("an idempotency key", () => {
  test("names one task, also for two transactions at once", async () => {
    const { db } = await emptyEngine(database, {});
    const rival = await database.connect();
    await db.query("begin");
    const [first] = await spawn(db, [task({ idempotency_key: "once" })]);
    const second = spawn(rival, [task({ idempotency_key: "once" })]);
    await untilBlocked(db, rival);
    await db.query("commit");

    assert.deepEqual(await second, [{ task_id: first!.task_id, created: false }]);
    assert.equal(first!.created, true);
  });

  test("of a spawn that was rolled back is free again", async () => {
    const { db } = await emptyEngine(database, {});
    await db.query("begin");
    await spawn(db, [task({ idempotency_key: "rolled-back" })]);
    await db.query("rollback");
    const [again] = await spawn(db, [task({ idempotency_key: "rolled-back" })]);
    assert.equal(again!.created, true);
  });
});
