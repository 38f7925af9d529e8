/** Progress that waited to be sent while its worker was declared dead and registered again. */
import assert from "node:assert/strict";

import { freshDatabase, sqlWorker, until } from "@contimg/testkit";
import { test } from "vitest";

import { ProgressBuffer } from "./progress-buffer.ts";

const { claim, emptyEngine, registerWorker } = sqlWorker;

const database = freshDatabase();

test("what a worker took on since it registered again is not called stale", async () => {
  const { db, worker: before } = await emptyEngine(database, { spawn: 2 });
  const [old] = await claim(db, before, 1);
  let identity = { workerId: before.id, epoch: BigInt(before.epoch) };
  const stale: string[] = [];
  const buffer = new ProgressBuffer(
    db,
    () => identity,
    (taskNumber, claimNo) => stale.push(`${taskNumber}/${claimNo}`),
    assert.ifError,
  );
  const report = (each: sqlWorker.ClaimRow): void => {
    buffer.report({ taskNumber: each.task_id, claimNo: each.claim_no, fraction: 0.5, note: "" });
  };
  const progressCount = async (): Promise<number> =>
    (await db.query("select from absurd.progress")).rowCount!;

  report(old!);
  await until(async () => (await progressCount()) === 1, { what: "the first is sent at once" });
  // The next one waits, and while it does the worker begins anew.
  report(old!);
  const after = await registerWorker(db);
  identity = { workerId: after.id, epoch: BigInt(after.epoch) };
  const [fresh] = await claim(db, after, 1);
  report(fresh!);
  await until(async () => (await progressCount()) === 2, { what: "the others are sent" });

  assert.deepEqual(stale, [`${old!.task_id}/${old!.claim_no}`]);
});
