/** Tasks that mend what made another fail. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

import { type Engine, fail } from "./testing/fail-attempt.ts";

const { claim, cycle, emptyEngine, maintain, spawn, status, task, uuid } = sqlWorker;
const database = freshDatabase();

describe("a repair", () => {
  const REPAIR = {
    retry: { recoverable: { repair: { task: "mend", params: { how: "gently" } } } },
  };

  async function broken(policy: object = REPAIR): Promise<{
    engine: Engine;
    held: sqlWorker.ClaimRow;
    mend: sqlWorker.ClaimRow | undefined;
  }> {
    const db = await database.connect();
    await db.query(`select absurd.register_kinds('[{"task_name": "mend", "max_retries": 0}]')`);
    const engine = await emptyEngine(database, {});
    await spawn(engine.db, [task({ policy, correlation_id: "night-7" })]);
    const [held] = await claim(engine.db, engine.worker, 1);
    await fail(engine, held!, { class: "recoverable", tag: "Corrupt" });
    const [mend] = await claim(engine.db, engine.worker, 1);
    return { engine, held: held!, mend };
  }

  test("is spawned with what failed, and the task is tried again when it completed", async () => {
    const { engine, held, mend } = await broken();
    const { rows } = await engine.db.query(
      `select task_name, params, correlation_id from absurd.tasks where task_number = $1`,
      [mend!.task_id],
    );
    assert.deepEqual(rows, [
      {
        task_name: "mend",
        correlation_id: "night-7",
        params: {
          how: "gently",
          failedTaskId: await uuid(engine.db, held),
          failedTaskName: "noop",
          attempt: 1,
          error: { tag: "Corrupt", class: "recoverable", message: "as asked", fields: {} },
        },
      },
    ]);
    const { rows: place } = await engine.db.query(
      "select place, unmet from absurd.locate_task($1)",
      [held.task_id],
    );
    assert.deepEqual(place, [{ place: "waiting", unmet: 1 }]);

    await cycle(engine.db, engine.worker, { done: [mend!] });
    const [again] = await claim(engine.db, engine.worker, 1);
    assert.deepEqual([again!.task_id, again!.claim_no], [held.task_id, 2]);
    await maintain(engine.db, engine.worker);
    assert.equal((await engine.db.query("select from absurd.repair")).rowCount, 0);
  });

  test("that fails takes the task with it, and what depended on that", async () => {
    const { engine, held, mend } = await broken();
    const taskId = await uuid(engine.db, held);
    await spawn(engine.db, [task({ depends_on: [taskId] })]);
    await cycle(engine.db, engine.worker, { failed: [[mend!, "fatal"]] });

    const { rows } = await engine.db.query(
      "select status, error_detail ->> 'tag' as tag from absurd.tasks order by task_number",
    );
    assert.deepEqual(rows, [
      { status: "failed", tag: "Corrupt" },
      { status: "failed", tag: "Test" },
      { status: "cancelled", tag: "DependencyFailed" },
    ]);

    await engine.db.query("select absurd.retry_task($1)", [taskId]);
    const [again] = await claim(engine.db, engine.worker, 1);
    assert.equal(again!.task_id, held.task_id, "a new start waits for no old repair");
  });

  test("that is cancelled takes the task with it", async () => {
    const { engine, held } = await broken();
    await engine.db.query(
      "select absurd.cancel_tasks(array(select repair_id from absurd.repair), 'no')",
    );
    await setClock(engine.db, "2026-03-01T12:00:20Z");
    await maintain(engine.db, engine.worker); // its worker did not stop it in time
    assert.equal(await status(engine.db, held), "failed");
  });

  test("is tried so often in a row and no more", async () => {
    const policy = {
      retry: { by_tag: { Corrupt: { repair: { task: "mend", max_repairs: 2 }, max_retries: 9 } } },
    };
    const { engine, held, mend } = await broken(policy);
    await cycle(engine.db, engine.worker, { done: [mend!] });
    for (const expected of ["retrying", "failed"]) {
      const [again] = await claim(engine.db, engine.worker, 1);
      await fail(engine, again!, { tag: "Corrupt" });
      assert.equal(await status(engine.db, held), expected);
      const [next] = await claim(engine.db, engine.worker, 1);
      if (next) await cycle(engine.db, engine.worker, { done: [next] });
    }
  });

  test("that cannot be spawned leaves the task dead, and the worker's report stands", async () => {
    const engine = await emptyEngine(database, {});
    await engine.db.query(`update absurd.kind set policy = $1 where name = 'noop'`, [
      JSON.stringify({ retry: { recoverable: { repair: { task: "gone" } } } }),
    ]);
    await spawn(engine.db, [task({}), task({})]);
    const [first, second] = await claim(engine.db, engine.worker, 2);
    await cycle(engine.db, engine.worker, { failed: [[first!, "recoverable"]], done: [second!] });
    await engine.db.query("update absurd.kind set policy = null");

    const { rows } = await engine.db.query(
      `select status, error_detail #>> '{fields,repair_refused}' as why
         from absurd.tasks order by task_number`,
    );
    assert.deepEqual(rows, [
      { status: "failed", why: 'task name "gone" is not registered' },
      { status: "completed", why: null },
    ]);
  });
});
