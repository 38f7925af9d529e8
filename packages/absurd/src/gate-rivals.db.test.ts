/** Gates under transactions that are open at the same time. */
import assert from "node:assert/strict";

import type pg from "pg";
import { beforeEach, describe, test } from "vitest";

import { auditGates, freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

import { numbersOf, spawnNumbers } from "./testing/gate-stage.ts";

const { claim, cycle, emptyEngine, spawn, task } = sqlWorker;
const database = freshDatabase();

let db: pg.Client;
let worker: sqlWorker.SqlWorker;

beforeEach(async () => {
  ({ db, worker } = await emptyEngine(database, {}));
});

describe("an open transaction of the caller", () => {
  test("that spawned gated tasks keeps nobody from going on at the same gates", async () => {
    await spawnNumbers(db, 2, { locks: [{ name: "set" }] });
    const [held] = await claim(db, worker, 10);
    const other = await database.connect();
    await other.query("begin");
    await spawn(other, [task({ locks: [{ name: "set" }] })]);
    await db.query("set statement_timeout = '10s'");
    assert.equal((await cycle(db, worker, { done: [held!], limit: 10 })).length, 1);
    await other.query("rollback");
    await auditGates(db);
  });

  test("with a snapshot that stands still lets nobody in by what it sees", async () => {
    await spawnNumbers(db, 1, { locks: [{ name: "set" }] });
    const other = await database.connect();
    await other.query("begin isolation level repeatable read");
    await other.query("select count(*) from absurd.gate_grant");
    await claim(db, worker, 10);
    const late = await spawn(other, [task({ locks: [{ name: "set" }] })]);
    await other.query(
      `select absurd.touch_gates((select array_agg(gate_id) from absurd.gate)),
              absurd.settle_gates()`,
    );
    await other.query("commit");
    assert.equal(late.length, 1);
    assert.deepEqual(await claim(db, worker, 10), []);
    await auditGates(db);
  });
});

describe("two that let others in at once", () => {
  test("go one after the other, and neither is forgotten", async () => {
    const ids = await spawnNumbers(db, 4, { concurrency: [{ key: "disk", limit: 2 }] });
    const [first, second] = await claim(db, worker, 10);
    const other = await database.connect();
    await setClock(other, sqlWorker.T0);
    await other.query("begin");
    await cycle(other, worker, { done: [first!] });
    const asking = await database.connect();
    const blocked = cycle(asking, worker, { done: [second!] });
    await sqlWorker.untilBlocked(db, asking);
    await other.query("commit");
    await blocked;
    await auditGates(db);
    assert.deepEqual(numbersOf(await claim(db, worker, 10)), ids.slice(2));
  });

  test("do not wait for the second gate of a task, and the next one looks again", async () => {
    const [holder] = await spawnNumbers(db, 1, { locks: [{ name: "a" }] });
    const [both] = await spawnNumbers(db, 1, { locks: [{ name: "a" }, { name: "b" }] });
    const held = await claim(db, worker, 10);
    assert.deepEqual(numbersOf(held), [holder]);
    const other = await database.connect();
    await other.query("begin");
    await other.query(
      "select absurd.lock_gates(array(select gate_id from absurd.gate where name = 'b'))",
    );
    await db.query("set statement_timeout = '10s'");
    assert.deepEqual(await cycle(db, worker, { done: held, limit: 10 }), []);
    await other.query("rollback");
    assert.deepEqual(numbersOf(await claim(db, worker, 10)), [both]);
  });
});
