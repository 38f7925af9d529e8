/** Gates that a task keeps while it is suspended (hold), and how long a gate itself is kept. */
import assert from "node:assert/strict";

import type pg from "pg";
import { beforeEach, describe, test } from "vitest";

import { auditGates, freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

const { claim, cycle, emptyEngine, fence, maintain, spawn, task, untilBlocked, uuid } = sqlWorker;
const database = freshDatabase();

const LOCK = { locks: [{ name: "set" }] };
const KEPT = { ...LOCK, hold: true };

let db: pg.Client;
let worker: sqlWorker.SqlWorker;

beforeEach(async () => {
  ({ db, worker } = await emptyEngine(database, {}));
});

async function beat(): Promise<void> {
  await db.query("select absurd.beat($1, $2)", [worker.id, worker.epoch]);
}

async function fall(at: string): Promise<void> {
  await setClock(db, at);
  await beat();
  await maintain(db, worker);
}

async function awaits(held: sqlWorker.ClaimRow, taskId: string): Promise<void> {
  await db.query("select absurd.await_tasks($1, $2)", [await fence(db, worker, held), [taskId]]);
}

async function claimed(): Promise<sqlWorker.ClaimRow> {
  const [row, ...rest] = await claim(db, worker, 10);
  assert.equal(rest.length, 0);
  assert.ok(row);
  return row;
}

describe("a task that keeps its gates", () => {
  test("has its lock while it sleeps, and goes on before who waits for it", async () => {
    await spawn(db, [task(KEPT), task(LOCK)]);
    const first = await claimed();
    await db.query("select absurd.sleep_task($1, 60)", [await fence(db, worker, first)]);
    assert.deepEqual(await claim(db, worker, 10), []);
    await auditGates(db);

    await fall("2026-03-01T12:01:00Z");
    const again = await claimed();
    assert.equal(again.task_id, first.task_id);
    await auditGates(db);

    const [second] = await cycle(db, worker, { done: [again], limit: 10 });
    assert.notEqual(second!.task_id, first.task_id);
    await auditGates(db);
  });

  test("has them while it waits for another task", async () => {
    await spawn(db, [task(KEPT)]);
    const parent = await claimed();
    const [child] = await spawn(db, [task({})]);
    await spawn(db, [task(LOCK)]);
    await awaits(parent, child!.task_id);
    const running = await claimed();
    assert.equal(await uuid(db, running), child!.task_id);
    await fall("2026-03-01T12:00:20Z");
    await auditGates(db);

    const [again] = await cycle(db, worker, { done: [running], limit: 10 });
    assert.equal(again!.task_id, parent.task_id);
    await auditGates(db);
  });

  test("lets others in when it is cancelled meanwhile, or fails after it came back", async () => {
    for (const end of ["cancel", "fail"]) {
      const [keeper, next] = await spawn(db, [task(KEPT), task(LOCK)]);
      const held = await claimed();
      await db.query("select absurd.sleep_task($1, 0)", [await fence(db, worker, held)]);
      if (end === "cancel") {
        await db.query("select absurd.cancel_task($1)", [keeper!.task_id]);
      } else {
        await maintain(db, worker);
        await cycle(db, worker, { failed: [[await claimed(), "retryable"]] });
      }
      const other = await claimed();
      assert.equal(await uuid(db, other), next!.task_id);
      await auditGates(db);
      await cycle(db, worker, { done: [other] });
      await db.query("select absurd.cancel_task($1)", [keeper!.task_id]);
    }
  });

  test("gives a rate's start back by time, and passes no rate again", async () => {
    const rate = { rate: [{ key: "api", count: 1, period_seconds: 30 }] };
    await spawn(db, [task({ ...KEPT, ...rate }), task(rate)]);
    const first = await claimed();
    await db.query("select absurd.sleep_task($1, 40)", [await fence(db, worker, first)]);
    await fall("2026-03-01T12:00:20Z");
    assert.deepEqual(await claim(db, worker, 10), []);
    // The period is over while it sleeps: the other starts, and the rate is full again.
    await fall("2026-03-01T12:00:30Z");
    const other = await claimed();
    await fall("2026-03-01T12:00:40Z");
    assert.equal((await claimed()).task_id, first.task_id);
    await auditGates(db);
    await cycle(db, worker, { done: [other] });
  });

  test("is not healed away", async () => {
    await spawn(db, [task(KEPT), task(LOCK)]);
    const held = await claimed();
    await db.query("select absurd.sleep_task($1, 60)", [await fence(db, worker, held)]);
    const { rows } = await db.query("select absurd.heal_gates(100) as n");
    assert.deepEqual(rows, [{ n: 0 }]);
    assert.deepEqual(await claim(db, worker, 10), []);
  });

  test("frees them without hold", async () => {
    await spawn(db, [task(LOCK), task(LOCK)]);
    const held = await claimed();
    await db.query("select absurd.sleep_task($1, 60)", [await fence(db, worker, held)]);
    assert.notEqual((await claimed()).task_id, held.task_id);
  });
});

describe("a wait that could not end is refused", () => {
  const WAITS_FOR_ITSELF = { code: "WF011", message: /would wait for itself/ };

  test("when the awaited task needs the lock that the waiting one keeps", async () => {
    await spawn(db, [task(KEPT)]);
    const parent = await claimed();
    const [child] = await spawn(db, [task(LOCK)]);
    await assert.rejects(awaits(parent, child!.task_id), WAITS_FOR_ITSELF);
  });

  test("when two would wait for what the other keeps", async () => {
    await spawn(db, [task({ locks: [{ name: "a" }], hold: true })]);
    const one = await claimed();
    await spawn(db, [task({ concurrency: [{ key: "b", limit: 1 }], hold: true })]);
    const other = await claimed();
    const [needsB, needsA] = await spawn(db, [
      task({ concurrency: [{ key: "b", limit: 1 }] }),
      task({ locks: [{ name: "a", mode: "shared" }] }),
    ]);
    await awaits(one, needsB!.task_id);
    await assert.rejects(awaits(other, needsA!.task_id), WAITS_FOR_ITSELF);
  });

  test("but not when it frees the lock, shares it, or the awaited one is past it", async () => {
    await spawn(db, [task(LOCK)]);
    const parent = await claimed();
    const [child] = await spawn(db, [task(LOCK)]);
    await awaits(parent, child!.task_id);
    await cycle(db, worker, { done: [await claimed()] });
    await cycle(db, worker, { done: [await claimed()] });

    const shared = { locks: [{ name: "set", mode: "shared" }] };
    await spawn(db, [task({ ...shared, hold: true }), task(shared)]);
    const [keeper, reader] = await claim(db, worker, 10);
    await awaits(keeper!, await uuid(db, reader!));
    await auditGates(db);
  });
});

test("hold is refused without anything to keep, and as anything but true or false", async () => {
  const cases: readonly [object, RegExp][] = [
    [{ hold: true }, /^hold is true, expected concurrency or locks beside it$/],
    [{ ...LOCK, hold: "yes" }, /^hold is "yes", expected true or false$/],
  ];
  for (const [fields, message] of cases) {
    await assert.rejects(spawn(db, [task({ ...fields })]), { code: "WF025", message });
  }
});

describe("a gate", () => {
  test("is kept as long as a task that named it, and then goes", async () => {
    await spawn(db, [task(LOCK)]);
    await cycle(db, worker, { done: [await claimed()] });
    assert.deepEqual(await forget(), ["set"]);
    await forgetDays();
    assert.deepEqual(await forget(), []);
  });

  test("that a person set, or that still counts starts, stays", async () => {
    await db.query("select absurd.set_limit('key', 'disk', 2)");
    await spawn(db, [task({ rate: [{ key: "api", count: 1, period_seconds: 60 }] })]);
    await cycle(db, worker, { done: [await claimed()] });
    await forgetDays();
    assert.deepEqual(await forget(), ["api", "disk"]);

    await fall("2026-03-01T12:02:00Z");
    assert.deepEqual(await forget(), ["disk"]);
  });

  test("that a spawn uses at this moment stays", async () => {
    await idleGate();
    const spawner = await database.connect();
    await spawner.query("begin");
    await spawn(spawner, [task(LOCK)]);
    assert.deepEqual(await forget(), ["set"]);
    await spawner.query("commit");
    assert.deepEqual(await forget(), ["set"]);
    assert.equal(await named(await claimed()), "set");
  });

  test("that goes at this moment is made anew by the spawn that waits for it", async () => {
    await idleGate();
    const leader = await database.connect();
    await leader.query("begin");
    await leader.query("select absurd.forget_gates(100)");
    const spawner = await database.connect();
    const spawning = spawn(spawner, [task(LOCK), task(LOCK)]);
    await untilBlocked(db, spawner);
    await leader.query("commit");
    await spawning;

    assert.equal(await named(await claimed()), "set");
    await auditGates(db);
  });

  test("goes with the leader's round, and its notes with the day", async () => {
    await idleGate();
    await db.query("update absurd.control set expires_at = '-infinity' where name = 'gates'");
    await maintain(db, worker);
    assert.deepEqual(await gates(), []);

    await spawn(db, [task(LOCK)]);
    const { rows } = await db.query<{ n: number }>(
      `select absurd.purge_rows(absurd.first_of_day(d.day), absurd.first_of_day(d.day + 1), 10)
                ::integer as n from absurd.gate_day d`,
    );
    assert.deepEqual(rows, [{ n: 1 }]);
  });
});

/** A gate that no task names any more. */
async function idleGate(): Promise<void> {
  await spawn(db, [task(LOCK)]);
  await cycle(db, worker, { done: [await claimed()] });
  await forgetDays();
}

/** As if the days of all tasks until now were gone. */
async function forgetDays(): Promise<void> {
  await db.query("delete from absurd.gate_day");
}

/** Several looks, for one begins anywhere. */
async function forget(): Promise<string[]> {
  for (let look = 0; look < 40; look++) await db.query("select absurd.forget_gates(100)");
  return gates();
}

async function gates(): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>("select name from absurd.gate order by name");
  return rows.map((row) => row.name);
}

/** The gate that a task holds. */
async function named(held: sqlWorker.ClaimRow): Promise<string | undefined> {
  const { rows } = await db.query<{ name: string }>(
    `select g.name from absurd.gate_grant h join absurd.gate g on g.gate_id = h.gate_id
      where h.task_id = $1`,
    [held.task_id],
  );
  return rows[0]?.name;
}
