/** Promises of cancel, retry and timeouts, without the TypeScript worker. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";

const {
  claim,
  cycle,
  emptyEngine,
  maintain,
  registerWorker,
  spawn,
  status,
  task,
  untilBlocked,
  uuid,
} = sqlWorker;
const database = freshDatabase();
type ClaimRow = sqlWorker.ClaimRow;

describe("cancel", () => {
  test("ends a task in every plane and asks the worker of one that runs", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    const [held] = await claim(db, worker, 1);
    const heldId = await uuid(db, held!);
    const [ready, deferred, waiting] = await spawn(db, [
      task({}),
      task({ delay_seconds: 60 }),
      task({ depends_on: [heldId] }),
    ]);
    for (const each of [ready, deferred, waiting]) {
      const { rows } = await db.query("select absurd.cancel_task($1) as done", [each!.task_id]);
      assert.deepEqual(rows, [{ done: true }]);
    }
    const counts = await db.query("select from absurd.tasks where status = 'cancelled'");
    assert.equal(counts.rowCount, 3);

    await db.query("select absurd.cancel_task($1, 'enough')", [heldId]);
    assert.equal(await status(db, held!), "claimed");
    const { rows } = await db.query("select reason from absurd.beat($1, $2)", [
      worker.id,
      worker.epoch,
    ]);
    assert.deepEqual(rows, [{ reason: "enough" }]);
    await setClock(db, "2026-03-01T12:00:20Z"); // past the grace of 10 s
    await maintain(db, worker);
    assert.equal(await status(db, held!), "cancelled");
    const { rows: ended } = await db.query<{ error: string }>(
      "select error from absurd.tasks where task_id = $1",
      [heldId],
    );
    assert.match(ended[0]!.error, /^enough; its worker did not stop it/);
  });

  test("of a running task also holds when its attempt fails or its worker dies", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 2 });
    const [failing, orphan] = await claim(db, worker, 2);
    for (const held of [failing!, orphan!]) {
      await db.query("select absurd.cancel_task($1, 'enough')", [await uuid(db, held)]);
    }

    await cycle(db, worker, { failed: [[failing!, "retryable"]] });
    await setClock(db, "2026-03-01T12:00:31Z"); // the worker's lease ran out
    await maintain(db, await registerWorker(db));

    const { rows } = await db.query("select status, error from absurd.tasks");
    const cancelled = { status: "cancelled", error: "enough" };
    assert.deepEqual(rows, [cancelled, cancelled]);
  });

  test("waits for an attempt that is being reported and finds the task behind it", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    const [held] = await claim(db, worker, 1);
    const taskId = await uuid(db, held!);
    const person = await database.connect();
    await db.query("begin");
    await cycle(db, worker, { failed: [[held!, "retryable"]] });
    const cancelled = person.query("select absurd.cancel_task($1) as done", [taskId]);
    await untilBlocked(db, person);
    await db.query("commit");

    assert.deepEqual((await cancelled).rows, [{ done: true }]);
    assert.equal(await status(db, held!), "cancelled");
  });
});

describe("retry", () => {
  test("gives all attempts, also after one that was given back unstarted", async () => {
    const { db, worker } = await emptyEngine(database, {});
    await spawn(db, [task({ max_retries: 1 })]);
    let second = 0;
    const attempt = async (ending: string): Promise<ClaimRow> => {
      await setClock(db, `2026-03-01T12:00:${(second += 10)}Z`); // past the back-off
      await maintain(db, worker);
      const [held] = await claim(db, worker, 1);
      await cycle(db, worker, { failed: [[held!, ending]] });
      return held!;
    };
    const first = await attempt("retryable");
    await attempt("released");
    const taskId = await uuid(db, first);
    const { attempts } = await new AbsurdClient(db).show(taskId);
    assert.deepEqual(
      attempts.map((each) => [each.attempt, each.ending, each.finishedAt.getUTCSeconds()]),
      [
        [1, "retryable", 10],
        [2, "released", 20],
      ],
    );
    assert.equal(attempts[1]!.workerName, attempts[0]!.workerName);
    await db.query("select absurd.cancel_task($1)", [taskId]);
    await db.query("select absurd.retry_task($1)", [taskId]);

    await attempt("retryable");
    assert.equal(await status(db, first), "retrying");
  });
});

describe("a timeout", () => {
  test("that no worker kept is kept by the leader and counts as an attempt", async () => {
    const { db, worker } = await emptyEngine(database, {});
    await spawn(db, [task({ timeout_seconds: 5, max_retries: 0 })]);
    const [held] = await claim(db, worker, 1);
    await setClock(db, "2026-03-01T12:00:16Z"); // 5 s and the grace of 10 s
    await maintain(db, worker);
    assert.equal(await status(db, held!), "failed");
  });
});
