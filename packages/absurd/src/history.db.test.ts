/** Promises of retention. */
import assert from "node:assert/strict";

import type pg from "pg";
import { describe, test } from "vitest";

import { freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { HistoryClosed } from "./errors.ts";
import { rollUpAll, rolled, stats } from "./testing/history-stage.ts";

const { claim, cycle, emptyEngine, fence, maintain, spawn, task, untilBlocked } = sqlWorker;
const database = freshDatabase();

describe("retention", () => {
  test("reads its days from partitions also when the catalogue has statistics", async () => {
    const { db } = await emptyEngine(database, { spawn: 1 });
    await db.query("analyze pg_class; analyze pg_inherits; analyze pg_namespace");
    const { rows } = await db.query<{ n: string }>(
      "select sum(tasks) as n from absurd.history_days()",
    );
    assert.deepEqual(rows, [{ n: "1" }]);
  });

  const LATER = "2100-01-01T00:00:00Z";

  /** Four tasks of today: completed with a key, failed with its cancelled child, ready. */
  async function day(): Promise<{ db: pg.Client; failedId: string; readyId: string }> {
    const { db, worker } = await emptyEngine(database, {});
    await setClock(db, LATER);
    await db.query("select absurd.beat($1, $2)", [worker.id, worker.epoch]);
    const [, failed] = await spawn(db, [
      task({ idempotency_key: "k" }),
      task({}),
      task({ depends_on: [1] }),
    ]);
    const [first, second] = await claim(db, worker, 2);
    await cycle(db, worker, { done: [first!], failed: [[second!, "fatal"]] });
    const [ready] = await spawn(db, [task({})]);
    await rollUpAll(db);
    return { db, failedId: failed!.task_id, readyId: ready!.task_id };
  }

  async function count(db: pg.Client, table: string): Promise<number> {
    const { rows } = await db.query<{ n: number }>(
      `select count(*)::integer as n from absurd.${table}`,
    );
    return rows[0]!.n;
  }

  test("keeps a day while a task of it has not ended, then drops it whole", async () => {
    const { db, readyId } = await day();
    const client = new AbsurdClient(db);
    const dry = await client.history.prune({ olderThanDays: 30, dryRun: true });
    assert.deepEqual(
      dry.kept.map((each) => [each.tasks, each.unended]),
      [[4, 1]],
    );
    const first = await client.history.prune({ olderThanDays: 30 });
    assert.equal(first.kept.length, 1);
    assert.equal(await count(db, "tasks"), 4);

    await db.query("select absurd.cancel_task($1)", [readyId]);
    await rollUpAll(db);
    const second = await client.history.prune({ olderThanDays: 30 });
    assert.deepEqual([second.dropped.length, second.kept.length], [1, 0]);
    for (const table of ["task", "outcome", "attempt", "dep", "dedup", "credit", "ended_count"]) {
      assert.equal(await count(db, table), 0, table);
    }
    assert.equal(await stats(db), undefined);
    // Statistics survive, and work goes on.
    assert.deepEqual(await rolled(db), { completed: 1, failed: 1 });
    assert.equal((await spawn(db, [task({ idempotency_key: "k" })]))[0]!.created, true);
  });

  test("takes along waits, workflows and their nodes, but no workflow that goes on", async () => {
    const { db, worker } = await emptyEngine(database, {});
    await setClock(db, LATER);
    await db.query("select absurd.beat($1, $2)", [worker.id, worker.epoch]);
    const { history, workflows } = new AbsurdClient(db);
    const tasks = { a: { task: "noop" }, b: { task: "noop", dependsOn: ["a"] } };
    await workflows.spawn({ name: "over", tasks });
    const goesOn = await workflows.spawn({ name: "goes on", tasks: { a: { task: "noop" } } });
    await workflows.spawn({ name: "empty", tasks: {} });
    const held = await claim(db, worker, 2);
    await db.query("select absurd.await_event($1, 'e')", [await fence(db, worker, held[0]!)]);
    await cycle(db, worker, { failed: [[held[1]!, "fatal"]] });
    await db.query("select absurd.cancel_tasks(array(select id from absurd.task), 'clouds')");
    assert.equal(await count(db, "wait_event"), 1);
    // As if it had been added on a later day.
    await db.query(
      "insert into absurd.workflow_node (workflow_id, name, task_id) values ($1, 'late', $2)",
      [goesOn.workflowId, String(2n ** 62n)],
    );
    await rollUpAll(db);

    await history.prune({ olderThanDays: 30 });
    assert.equal(await count(db, "task"), 0);
    const { rows } = await db.query(
      "select w.name, n.name as node from absurd.workflow w " +
        "join absurd.workflow_node n on n.workflow_id = w.id",
    );
    assert.deepEqual(rows, [{ name: "goes on", node: "late" }]);
    for (const table of ["workflow", "workflow_node"]) assert.equal(await count(db, table), 1);
    for (const table of ["wait_event", "fan_out", "checkpoint"]) {
      assert.equal(await count(db, table), 0, table);
    }
  });

  test("of rows beside the partitions goes on in batches until none is left", async () => {
    const { db } = await emptyEngine(database, {});
    const { workflows } = new AbsurdClient(db);
    for (const name of ["a", "b", "c"]) {
      await workflows.spawn({ name, tasks: { x: { task: "noop" }, y: { task: "noop" } } });
    }
    const purge = async (): Promise<number> => {
      const { rows } = await db.query<{ n: number }>(
        `select absurd.purge_rows(absurd.first_of_day(d.day), absurd.first_of_day(d.day + 1), 2)
                  ::integer as n
           from (select absurd.day_of(min(id)) as day from absurd.task) d`,
      );
      return rows[0]!.n;
    };
    assert.deepEqual([await purge(), await purge(), await purge(), await purge()], [3, 3, 3, 0]);
  });

  test("forgets events and waits without a task in the leader's rounds", async () => {
    const { db, worker } = await emptyEngine(database, {});
    await db.query("select absurd.emit_event('short', null, null, 60), absurd.emit_event('long')");
    await db.query(
      "insert into absurd.wait_event (name, task_id, ordinal, claim_no) values ('e', 7, 1, 1)",
    );
    await setClock(db, "2026-03-01T12:01:00Z");
    await db.query("select absurd.beat($1, $2)", [worker.id, worker.epoch]);
    await maintain(db, worker);
    assert.deepEqual((await db.query("select name from absurd.event")).rows, [{ name: "long" }]);
    assert.equal(await count(db, "wait_event"), 0);
  });

  test("gives no new start to a task of a day that is going", async () => {
    const { db, failedId, readyId } = await day();
    await db.query("select absurd.cancel_task($1)", [readyId]);
    await rollUpAll(db);
    await db.query(`delete from absurd.closing_day; update absurd.history set retention_days = 30`);
    const { rows } = await db.query("select what from absurd.keep_history()");
    assert.deepEqual(rows, [{ what: "closed" }]);
    await assert.rejects(new AbsurdClient(db).retry(failedId), HistoryClosed);
  });

  test("waits for a retry that is not committed and then keeps the day", async () => {
    const { db, failedId, readyId } = await day();
    await db.query("select absurd.cancel_task($1)", [readyId]);
    await rollUpAll(db);
    const person = await database.connect();
    await setClock(person, LATER);
    await person.query("begin");
    await person.query("select absurd.retry_task($1)", [failedId]);
    // The days after it hold no tasks and close at once.
    const step = db.query<{ born: boolean }>(
      "select day = (now() at time zone 'UTC')::date as born from absurd.keep_history()",
    );
    await untilBlocked(person, db);
    await person.query("commit");
    assert.deepEqual(
      (await step).rows.filter((each) => each.born),
      [],
    );
    assert.equal(await count(db, "tasks"), 4);
  });

  test("gives up soon when a long transaction holds the tables, and comes again", async () => {
    const { db, readyId } = await day();
    await db.query("select absurd.cancel_task($1)", [readyId]);
    await rollUpAll(db);
    const reader = await database.connect();
    await reader.query("begin");
    await reader.query("select from absurd.tasks");
    const steps: string[] = [];
    await assert.rejects(
      async () => {
        for (let step = 0; step < 10; step++) {
          const { rows } = await db.query<{ what: string }>(
            "select what from absurd.keep_history()",
          );
          steps.push(rows[0]!.what);
        }
      },
      { code: "55P03" },
    );
    assert.deepEqual(steps, ["closed", "purged"]);
    await reader.query("commit");
    const { rows } = await db.query("select what, rows::integer from absurd.keep_history()");
    assert.deepEqual(rows, [{ what: "dropped", rows: 4 }]);
  });

  test("refuses settings that are none", async () => {
    const { db } = await emptyEngine(database, {});
    const { history } = new AbsurdClient(db);
    await assert.rejects(history.keep({ retentionDays: 0 }), /retentionDays is 0, expected/);
    assert.deepEqual(await history.keep({ retentionDays: 30 }), {
      retentionDays: 30,
      rollupDays: 400,
    });
    await maintain(db, (await emptyEngine(database, {})).worker);
  });
});
