/** Promises of roll-ups: each end is counted once, however late it commits. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { rollUp, rollUpAll, rolled, stats } from "./testing/history-stage.ts";

const { claim, cycle, emptyEngine, spawnAlike } = sqlWorker;
const database = freshDatabase();

describe("a roll-up", () => {
  test("takes each end once, with its wait and its run", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 4 });
    await setClock(db, "2026-03-01T12:00:10Z");
    const held = await claim(db, worker, 4);
    await setClock(db, "2026-03-01T12:00:12Z");
    await cycle(db, worker, { done: held.slice(0, 3), failed: [[held[3]!, "fatal"]] });
    await rollUpAll(db);
    await rollUpAll(db);

    const [step] = await new AbsurdClient(db).history.stats({
      from: new Date("2026-03-01T00:00Z"),
      to: new Date("2026-03-02T00:00Z"),
    });
    assert.equal(step!.since.toISOString(), "2026-03-01T12:00:00.000Z");
    assert.deepEqual([step!.completed, step!.failed, step!.cancelled], [3, 1, 0]);
    assert.deepEqual([step!.wait!.mean, step!.run!.mean], [10, 2]);
    for (const [found, exact] of [
      [step!.wait!.p50, 10],
      [step!.run!.p99, 2],
    ] as const) {
      assert.ok(Math.abs(found / exact - 1) < 0.1, `${found} for ${exact}`);
    }
    assert.deepEqual(await stats(db), { completed: 3, failed: 1, cancelled: 0, total: 4 });
  });

  test("has minutes, totals, limits of histograms and what ended just now", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 5 });
    const { history } = new AbsurdClient(db);
    await setClock(db, "2026-03-01T12:03:10Z");
    const first = await claim(db, worker, 2);
    await setClock(db, "2026-03-01T12:03:12Z");
    await cycle(db, worker, { done: first });
    await rollUpAll(db);
    await setClock(db, "2026-03-01T12:09:00Z");
    const second = await claim(db, worker, 2);
    await setClock(db, "2026-03-01T12:09:40Z");
    await cycle(db, worker, { failed: [[second[0]!, "fatal"]], done: [second[1]!] });
    const range = { from: new Date("2026-03-01T12:00Z"), to: new Date("2026-03-01T13:00Z") };

    assert.deepEqual(await history.recent(5), { completed: 1, failed: 1, cancelled: 0 });
    assert.deepEqual(await history.recent(15), { completed: 3, failed: 1, cancelled: 0 });
    await rollUpAll(db);
    assert.deepEqual(await history.recent(5), { completed: 1, failed: 1, cancelled: 0 });
    const steps = async (stepSeconds: number, together: boolean): Promise<unknown[]> =>
      (await history.stats({ ...range, stepSeconds, together })).map((step) => [
        step.since.toISOString().slice(11, 16),
        ...[step.taskName, step.completed, step.failed, Math.round(step.run!.p50 / 10)],
      ]);
    assert.deepEqual(await steps(60, true), [
      ["12:03", null, 2, 0, 0],
      ["12:09", null, 1, 1, 4],
    ]);
    assert.deepEqual(await steps(3600, false), [["12:00", "noop", 3, 1, 0]]);
    await assert.rejects(steps(90, true), /stepSeconds is 90/);

    const [total] = await history.totals();
    assert.deepEqual(
      [total!.completed, total!.failed, total!.claimed, total!.run.count, total!.run.sum],
      [3, 1, 4, 4, 84],
    );
    const upTo = (limit: number): number =>
      total!.run.buckets.find((bucket) => bucket.upTo >= limit)!.count;
    assert.deepEqual([upTo(1), upTo(4), upTo(64)], [0, 2, 4]);
    assert.equal(await history.spawnedTotal(), 5);
    // Where the leader counts, what it counted is read, and what waits is not.
    await db.query("select absurd.note_depths(0)");
    await spawnAlike(db, 1, {});
    assert.equal(await history.spawnedTotal(), 5);
    await db.query("select absurd.note_depths(0)");
    assert.equal(await history.spawnedTotal(), 6);
    const [usual] = await history.usualRuns();
    assert.ok(usual!.taskName === "noop" && Math.abs(usual!.p95 / 40 - 1) < 0.1);
  });

  test("does not miss an end whose transaction commits late, nor takes it twice", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 2 });
    const [early, late] = await claim(db, worker, 2);
    const slow = await database.connect();
    await setClock(slow, "2026-03-01T12:00:01Z");
    await slow.query("begin");
    await cycle(slow, worker, { done: [late!] });
    await setClock(db, "2026-03-01T12:30:00Z");
    await cycle(db, worker, { done: [early!] });

    // The open transaction is older than the other end: both wait, though one is committed.
    await rollUp(db);
    assert.deepEqual(await rolled(db), { completed: 0, failed: 0 });
    assert.deepEqual(await stats(db), { completed: 1, failed: 0, cancelled: 0, total: 2 });
    await slow.query("commit");
    await rollUpAll(db);
    await rollUpAll(db);
    assert.deepEqual(await rolled(db), { completed: 2, failed: 0 });
    assert.deepEqual(await stats(db), { completed: 2, failed: 0, cancelled: 0, total: 2 });
  });

  test("of a task that is tried again later counts it where it is now", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    const [held] = await claim(db, worker, 1);
    await cycle(db, worker, { failed: [[held!, "fatal"]] });
    await rollUpAll(db);
    assert.deepEqual(await stats(db), { completed: 0, failed: 1, cancelled: 0, total: 1 });

    await db.query("select absurd.retry_task(absurd.task_uuid($1))", [held!.task_id]);
    assert.deepEqual(await stats(db), { completed: 0, failed: 0, cancelled: 0, total: 1 });
    await cycle(db, worker, { done: await claim(db, worker, 1) });
    await rollUpAll(db);
    assert.deepEqual(await stats(db), { completed: 1, failed: 0, cancelled: 0, total: 1 });
    assert.deepEqual(await rolled(db), { completed: 1, failed: 1 });
  });

  test("leaves it to a later one when a retry is not committed yet", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    const [held] = await claim(db, worker, 1);
    await cycle(db, worker, { failed: [[held!, "fatal"]] });
    const person = await database.connect();
    await setClock(person, sqlWorker.T0);
    await person.query("begin");
    await person.query("select absurd.retry_task(absurd.task_uuid($1))", [held!.task_id]);
    assert.equal(await rollUp(db), null);
    await person.query("commit");
    await rollUpAll(db);
    assert.deepEqual(await stats(db), { completed: 0, failed: 0, cancelled: 0, total: 1 });
  });

  test("has percentiles within 9 % of the exact ones", async () => {
    const db = await database.connect();
    const { rows } = await db.query<{ worst: number }>(
      `with value as (select 0.002 * 1.37 ^ i as s from generate_series(0, 45) i)
       select max(abs(f.found / f.exact - 1))::float8 as worst
         from (
           select v.s as exact, absurd.histogram_quantile(
                    absurd.histogram_of(array[v.s]::double precision[]), 0.5) as found
             from value v
         ) f`,
    );
    assert.ok(rows[0]!.worst < 0.0906, String(rows[0]!.worst));
  });
});
