/** Promises of dependencies between tasks, in SQL. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { freshDatabase, setClock, until, sqlWorker } from "@contimg/testkit";

const { T0, claim, cycle, emptyEngine, maintain, spawn, task, uuid } = sqlWorker;
const database = freshDatabase();

describe("dependencies", () => {
  test("release a diamond of 1000 once, and its foot after all of them", async () => {
    const { db, worker } = await emptyEngine(database, {});
    const middle = Array.from({ length: 1000 }, () => task({ depends_on: [0] }));
    const foot = task({ depends_on: middle.map((_, i) => i + 1) });
    const spawned = await spawn(db, [task({}), ...middle, foot]);

    const [head] = await claim(db, worker, 10);
    await cycle(db, worker, { done: [head!] });
    const wings = await claim(db, worker, 2000);
    assert.equal(wings.length, 1000);
    await cycle(db, worker, { done: wings.slice(0, 999) });
    assert.equal((await claim(db, worker, 10)).length, 0);
    await cycle(db, worker, { done: wings.slice(999) });
    const last = await claim(db, worker, 10);

    assert.equal(last.length, 1);
    await cycle(db, worker, { done: last });
    const { rows } = await db.query<{ status: string }>(
      "select status from absurd.tasks where task_id = $1",
      [spawned.at(-1)!.task_id],
    );
    assert.equal(rows[0]!.status, "completed");
  });

  test("on a completed task count as met, on a failed or unknown one are refused", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 2 });
    const [good, bad] = await claim(db, worker, 2);
    await cycle(db, worker, { done: [good!], failed: [[bad!, "fatal"]] });
    const [goodId, badId] = await Promise.all([uuid(db, good!), uuid(db, bad!)]);

    await spawn(db, [task({ depends_on: [goodId] })]);
    assert.equal((await claim(db, worker, 5)).length, 1);
    await assert.rejects(spawn(db, [task({ depends_on: [badId] })]), { code: "WF007" });
    await assert.rejects(
      spawn(db, [task({ depends_on: ["01a2021c-bb60-7000-8040-000000000000"] })]),
      { code: "WF006" },
    );
    await assert.rejects(spawn(db, [task({ depends_on: [0] })]), { code: "WF005" });
  });

  test("of a failed task are cancelled down to the last, each naming its parent", async () => {
    const { db, worker } = await emptyEngine(database, {});
    const ids = await spawn(db, [task({}), task({ depends_on: [0] }), task({ depends_on: [1] })]);
    const [head] = await claim(db, worker, 5);
    await cycle(db, worker, { failed: [[head!, "fatal"]] });

    const { rows } = await db.query<{ status: string; error: string }>(
      "select status, error from absurd.tasks order by task_number",
    );
    assert.deepEqual(
      rows.map((row) => row.status),
      ["failed", "cancelled", "cancelled"],
    );
    assert.match(rows[1]!.error, new RegExp(ids[0]!.task_id));
    assert.match(rows[2]!.error, new RegExp(ids[1]!.task_id));

    await db.query("select absurd.retry_task($1)", [ids[0]!.task_id]);
    for (let i = 0; i < 3; i++) {
      const [next] = await claim(db, worker, 5);
      await cycle(db, worker, { done: [next!] });
    }
    const after = await db.query("select from absurd.tasks where status = 'completed'");
    assert.equal(after.rowCount, 3);
  });

  test("spawned while their parent completes are found by the audit", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    const [parent] = await claim(db, worker, 1);
    const spawner = await database.connect();
    await setClock(spawner, T0);
    await spawner.query("begin");
    await spawn(spawner, [task({ depends_on: [await uuid(db, parent!)] })]);
    await cycle(db, worker, { done: [parent!] }); // does not see the uncommitted edge
    await spawner.query("commit");
    assert.equal((await claim(db, worker, 1)).length, 0);

    await until(
      async () => {
        await maintain(db, worker);
        return (await claim(db, worker, 1)).length === 1;
      },
      { what: "the audit released the child" },
    );
  });
});
