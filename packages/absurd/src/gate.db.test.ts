/** Gates one step at a time: who gets in, in which order, and that nothing leaks. */
import assert from "node:assert/strict";

import type pg from "pg";
import { beforeEach, describe, test } from "vitest";

import { auditGates, freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { numbersOf, spawnNumbers } from "./testing/gate-stage.ts";
import { fieldIs } from "./task-filter.ts";

const { beat, claim, cycle, emptyEngine, fence, maintain, registerWorker, spawn, task } = sqlWorker;
const database = freshDatabase();

let db: pg.Client;
let worker: sqlWorker.SqlWorker;

beforeEach(async () => {
  ({ db, worker } = await emptyEngine(database, {}));
});

describe("a concurrency key", () => {
  test("lets in as many as its limit, first come first served", async () => {
    const ids = await spawnNumbers(db, 5, { concurrency: [{ key: "disk", limit: 2 }] });

    const first = await claim(db, worker, 10);
    assert.deepEqual(numbersOf(first), ids.slice(0, 2));
    assert.deepEqual(await claim(db, worker, 10), []);

    const next = await cycle(db, worker, { done: [first[1]!], limit: 10 });
    assert.deepEqual(numbersOf(next), [ids[2]]);
    await auditGates(db);
    assert.deepEqual(await limits(), [["key", "disk", 2, 2, 2]]);
  });

  test("has the limit that was named last, and the one that a person set above it", async () => {
    await spawnNumbers(db, 3, { concurrency: [{ key: "disk", limit: 1 }] });
    assert.equal((await claim(db, worker, 10)).length, 1);

    await spawnNumbers(db, 1, { concurrency: [{ key: "disk", limit: 3 }] });
    assert.equal((await claim(db, worker, 10)).length, 2);

    await db.query("select absurd.set_limit('key', 'disk', 4)");
    await spawnNumbers(db, 1, { concurrency: [{ key: "disk", limit: 1 }] });
    assert.equal((await claim(db, worker, 10)).length, 1);
    assert.deepEqual(await limits(), [["key", "disk", 4, 4, 1]]);
    await auditGates(db);
  });

  test("that is removed lets everybody in", async () => {
    await spawnNumbers(db, 3, { concurrency: [{ key: "disk", limit: 1 }] });
    const [held] = await claim(db, worker, 10);
    await db.query("select absurd.remove_limit('key', 'disk')");
    assert.equal((await claim(db, worker, 10)).length, 2);
    await cycle(db, worker, { done: [held!] });
    await assert.rejects(db.query("select absurd.remove_limit('key', 'disk')"), { code: "WF026" });
  });

  test("of a kind holds for every task that says nothing else", async () => {
    await registerNoop({ concurrency: [{ key: "noop", limit: 1 }] });
    await spawnNumbers(db, 2, {});
    assert.equal((await claim(db, worker, 10)).length, 1);
    await registerNoop(undefined);
  });
});

test("a task that waits in line is listed as pending", async () => {
  const [spawned] = await spawn(db, [task({ concurrency: [{ key: "disk", limit: 1 }] })]);
  await db.query("select absurd.set_limit('key', 'disk', 0)");
  const { tasks } = await new AbsurdClient(db).list({ conditions: [fieldIs("status", "pending")] });
  assert.deepEqual(
    tasks.map((each) => each.taskId),
    [spawned!.task_id],
  );
});

describe("a lock", () => {
  test("is shared by many or held alone, and who wants it alone is not passed by", async () => {
    const share = { locks: [{ name: "set", mode: "shared" }] };
    const alone = { locks: [{ name: "set" }] };
    const readers = await spawnNumbers(db, 2, share);
    const [writer] = await spawnNumbers(db, 1, alone);
    const [late] = await spawnNumbers(db, 1, share);

    const reading = await claim(db, worker, 10);
    assert.deepEqual(numbersOf(reading), readers);
    assert.deepEqual(await cycle(db, worker, { done: [reading[0]!], limit: 10 }), []);

    const writing = await cycle(db, worker, { done: [reading[1]!], limit: 10 });
    assert.deepEqual(numbersOf(writing), [writer]);
    await auditGates(db);
    assert.deepEqual(numbersOf(await cycle(db, worker, { done: writing, limit: 10 })), [late]);
  });

  test("is taken with the task's other gates or not at all", async () => {
    const [a] = await spawnNumbers(db, 1, { locks: [{ name: "a" }] });
    const [both] = await spawnNumbers(db, 1, { locks: [{ name: "a" }, { name: "b" }] });
    const held = await claim(db, worker, 10);
    assert.deepEqual(numbersOf(held), [a]);
    // The one that waits for both keeps its place at b.
    const [b] = await spawnNumbers(db, 1, { locks: [{ name: "b" }] });
    assert.deepEqual(await claim(db, worker, 10), []);

    const two = await cycle(db, worker, { done: held, limit: 10 });
    assert.deepEqual(numbersOf(two), [both]);
    await auditGates(db);
    assert.deepEqual(numbersOf(await cycle(db, worker, { done: two, limit: 10 })), [b]);
  });

  test("follows its task through a dependency and a delay", async () => {
    const [parent] = await spawn(db, [task({})]);
    await spawn(db, [
      task({ locks: [{ name: "set" }] }),
      task({ locks: [{ name: "set" }], depends_on: [parent!.task_id] }),
      task({ locks: [{ name: "set" }], delay_seconds: 60 }),
    ]);
    const first = await claim(db, worker, 10);
    assert.equal(first.length, 2);
    await setClock(db, "2026-03-01T12:01:00Z");
    await beat(db, worker);
    await maintain(db, worker);
    assert.equal((await cycle(db, worker, { done: first, limit: 10 })).length, 1);
    assert.equal((await place("parked")).length, 1);
    await auditGates(db);
  });
});

describe("what a task holds is free again", () => {
  const endings: Record<string, (held: sqlWorker.ClaimRow) => Promise<unknown>> = {
    "when it completed in the caller's transaction": async (held) =>
      db.query("select absurd.complete_task($1)", [await fence(db, worker, held)]),
    "when it failed for good": (held) => cycle(db, worker, { failed: [[held, "fatal"]] }),
    "while it waits for its next attempt": (held) =>
      cycle(db, worker, { failed: [[held, "retryable"]] }),
    "when it was cancelled while it ran": (held) =>
      cycle(db, worker, { failed: [[held, "cancelled"]] }),
    "when it ran past its timeout": async () => {
      await setClock(db, "2026-03-01T12:00:20Z");
      await beat(db, worker);
      await maintain(db, worker);
    },
  };
  for (const [name, end] of Object.entries(endings)) {
    test(name, async () => {
      const ids = await spawnNumbers(db, 2, { locks: [{ name: "set" }], timeout_seconds: 5 });
      const [held] = await claim(db, worker, 10);
      await end(held!);
      assert.deepEqual(numbersOf(await claim(db, worker, 10)), [ids[1]]);
      await auditGates(db);
    });
  }

  test("when it was cancelled before a worker came", async () => {
    const [first, second, third] = await spawn(
      db,
      [1, 2, 3].map(() => task({ locks: [{ name: "set" }] })),
    );
    await maintain(db, worker);
    assert.deepEqual(await place("ready"), [first!.task_id]);
    for (const { task_id } of [first!, second!]) {
      await db.query("select absurd.cancel_task($1)", [task_id]);
    }
    const [held] = await claim(db, worker, 10);
    assert.equal(await sqlWorker.uuid(db, held!), third!.task_id);
    await auditGates(db);
  });
});

describe("a task that is given back", () => {
  test("after its worker died is the first at its gates", async () => {
    const ids = await spawnNumbers(db, 3, { locks: [{ name: "set" }] });
    assert.deepEqual(numbersOf(await claim(db, worker, 10)), [ids[0]]);
    const heir = await registerWorker(db);
    await setClock(db, "2026-03-01T12:00:31Z");
    await db.query("select absurd.beat($1, $2)", [heir.id, heir.epoch]);
    await maintain(db, heir);
    await auditGates(db);
    assert.deepEqual(numbersOf(await claim(db, heir, 10)), [ids[0]]);
  });

  test("by a worker that leaves, too", async () => {
    const ids = await spawnNumbers(db, 3, { locks: [{ name: "set" }] });
    await claim(db, worker, 10);
    const heir = await registerWorker(db);
    await db.query("select absurd.leave_worker($1, $2)", [worker.id, worker.epoch]);
    await auditGates(db);
    assert.deepEqual(numbersOf(await claim(db, heir, 10)), [ids[0]]);
  });
});

test("a parent that waits for its child does not keep from it what both need", async () => {
  const [parent] = await spawnNumbers(db, 1, { locks: [{ name: "set" }] });
  const [held] = await claim(db, worker, 10);
  const [child] = await spawnNumbers(db, 1, { locks: [{ name: "set" }] });
  // A suspension: the lease becomes a wait for the child, what it held is free.
  await db.query("begin");
  await db.query("delete from absurd.lease where task_id = $1", [parent]);
  await db.query("insert into absurd.dep (parent, child) values ($1, $2)", [child, parent]);
  await db.query(
    `insert into absurd.waiting (child, need, claim_no, lane_id, run_at)
     values ($1, 1, 1, $2, absurd.clock())`,
    [parent, held!.lane_id],
  );
  await db.query("select absurd.free_gates(array[$1::bigint], array[absurd.clock()])", [parent]);
  await db.query("select absurd.note_gates()");
  await db.query("commit");
  await auditGates(db);

  const running = await claim(db, worker, 10);
  assert.deepEqual(numbersOf(running), [child]);
  const again = await cycle(db, worker, { done: running, limit: 10 });
  assert.deepEqual(numbersOf(again), [parent]);
  await auditGates(db);
});

describe("the leader", () => {
  test("has nothing to heal, and heals what was broken by hand", async () => {
    const ids = await spawnNumbers(db, 3, { locks: [{ name: "set" }] });
    await claim(db, worker, 10);
    assert.equal(await healed(), 0);

    await db.query("delete from absurd.lease");
    assert.equal(await healed(), 1);
    await db.query("select absurd.settle_gates()");
    assert.equal(await healed(), 0);

    await db.query("delete from absurd.control where name = 'gates'");
    await db.query("insert into absurd.control (name) values ('gates')");
    await maintain(db, worker);
    assert.deepEqual(numbersOf(await claim(db, worker, 10)), [ids[1]]);
  });
});

test("a demand that makes no sense is refused with field, value and expectation", async () => {
  const cases: readonly [object, RegExp][] = [
    [{ concurrency: [{ key: "a", limit: 0 }] }, /^concurrency\[0\]\.limit is 0, expected a whole/],
    [{ concurrency: { key: "a" } }, /^concurrency is \{"key": "a"\}, expected a list/],
    [{ locks: [{ name: "" }] }, /^locks\[0\]\.name is "", expected text/],
    [{ locks: [{ name: "a", mode: "both" }] }, /^locks\[0\]\.mode is "both", expected "shared"/],
    [{ rate: [{ key: "a", count: 1 }] }, /^rate\[0\]\.period_seconds is missing/],
    [{ resources: { cpu: -1 } }, /^resources\.cpu is -1, expected a number from 0/],
    [{ resources: { cpu: "2" } }, /^resources\.cpu is "2"/],
    [{ labels: { required: { gpu: true } } }, /^labels\.required is \{"gpu": true\}, expected/],
  ];
  for (const [fields, message] of cases) {
    await assert.rejects(spawn(db, [task({ ...fields })]), (error: Error & { code?: string }) => {
      assert.match(error.message, message);
      return error.code === "WF025";
    });
  }
});

async function limits(): Promise<unknown[][]> {
  const { rows } = await db.query<Record<string, unknown>>(
    "select kind, name, slots, in_use::integer, waiting::integer from absurd.list_limits()",
  );
  return rows.map((row) => Object.values(row));
}

async function place(name: string): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select t.task_id as id from absurd.tasks t, absurd.locate_task(t.task_number) p
      where p.place = $1 order by t.task_number`,
    [name],
  );
  return rows.map((row) => row.id);
}

async function healed(): Promise<number> {
  const { rows } = await db.query<{ n: number }>("select absurd.heal_gates(100) as n");
  return rows[0]!.n;
}

async function registerNoop(demand: object | undefined): Promise<void> {
  await db.query("select absurd.register_kinds($1)", [
    JSON.stringify([{ task_name: "noop", demand }]),
  ]);
}
