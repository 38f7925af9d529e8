/** The spool on a real disk, against a real database: nothing is lost or doubled. */
import assert from "node:assert/strict";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";

import { describe, test } from "vitest";
import { z } from "zod";

import { canMountDisks, freshDatabase, mountSmallDisk } from "@contimg/testkit";

import { AbsurdClient, defineTask, InvalidParams } from "./index.ts";
import { replaySpool } from "./spool/replay.ts";
import { SpoolFolder } from "./spool/spool-folder.ts";
import { note, spoolStage, tasksOf } from "./testing/spool-stage.ts";

const database = freshDatabase();
const stage = spoolStage(database);
const { away } = stage;

describe("a spawn while the database is away", () => {
  test("is an error, unless the spool is asked for; then it becomes a task later", async () => {
    const client = new AbsurdClient(away, { spoolFolder: stage.folder });
    await assert.rejects(client.spawn(note, { text: "x" }), { code: "ECONNREFUSED" });
    const spawned = await client.spawn(note, { text: "later" }, { whenAway: "spool", priority: 3 });
    assert.ok(spawned.spooled);
    assert.equal((await client.spool.list()).length, 1);
    await assert.rejects(client.replaySpool(), { code: "ECONNREFUSED" });
    assert.equal((await client.spool.list()).length, 1, "a replay that failed keeps the record");

    const report = await new AbsurdClient(stage.pool, { spoolFolder: stage.folder }).replaySpool();

    assert.deepEqual([report.spawned, report.refused, report.corrupt], [1, [], []]);
    assert.deepEqual(await readdir(stage.folder), []);
    const [row] = await tasksOf(stage.pool, [spawned.idempotencyKey]);
    assert.deepEqual([row?.params, row?.priority], [{ text: "later" }, 3]);
  });

  test("goes straight to the database when that is there", async () => {
    const client = new AbsurdClient(stage.pool, { spoolFolder: stage.folder });
    const spawned = await client.spawn(note, { text: "now" }, { whenAway: "spool" });
    assert.ok(!spawned.spooled && spawned.created);
    assert.deepEqual(await readdir(stage.folder), []);
  });

  test("of params that can never work is refused at once", async () => {
    const client = new AbsurdClient(away, { spoolFolder: stage.folder });
    const bad = { text: 7 } as unknown as { text: string };
    await assert.rejects(client.spawn(note, bad, { whenAway: "spool" }), InvalidParams);
    assert.deepEqual(await readdir(stage.folder), []);
  });

  test("brings the definition of a name that the database never heard of", async () => {
    const fresh = defineTask({ name: "fresh-kind", params: z.unknown(), maxRetries: 7 });
    const client = new AbsurdClient(away, { spoolFolder: stage.folder });
    await client.spawn(fresh, {}, { whenAway: "spool", idempotencyKey: "fresh" });
    await new AbsurdClient(stage.pool, { spoolFolder: stage.folder }).replaySpool();
    assert.equal((await tasksOf(stage.pool, ["fresh"]))[0]?.max_retries, 7);
  });

  test("that the database refuses is set aside and told of, not dropped", async () => {
    const client = new AbsurdClient(away, { spoolFolder: stage.folder });
    await client.spawn("never-registered", {}, { whenAway: "spool", idempotencyKey: "stray" });
    const report = await new AbsurdClient(stage.pool, { spoolFolder: stage.folder }).replaySpool();
    assert.deepEqual(
      report.refused.map(({ kind, what }) => [kind, what]),
      [["spawn", "stray"]],
    );
    assert.match((await readdir(stage.folder)).join(), /\.refused$/);
  });

  test("with many others takes few segments", async () => {
    const client = new AbsurdClient(away, { spoolFolder: stage.folder });
    const texts = Array.from({ length: 50 }, (_, index) => String(index));
    await Promise.all(
      texts.map((each) => client.spawn(note, { text: each }, { whenAway: "spool" })),
    );
    assert.ok((await readdir(stage.folder)).length < 50);
    assert.equal(
      (await new AbsurdClient(stage.pool, { spoolFolder: stage.folder }).replaySpool()).spawned,
      50,
    );
  });
});

test.skipIf(!canMountDisks())(
  "a disk that is full refuses a spawn and keeps what it has",
  async () => {
    const path = join(stage.folder, "disk");
    await mkdir(path);
    using disk = mountSmallDisk(path, 64 * 1024);
    const client = new AbsurdClient(away, { spoolFolder: disk.folder });
    const keys: string[] = [];
    const spawnLarge = async (): Promise<void> => {
      const params = { text: "x".repeat(9_000) };
      const spawned = await client.spawn(note, params, { whenAway: "spool" });
      assert.ok(spawned.spooled);
      keys.push(spawned.idempotencyKey);
    };
    await assert.rejects(
      async () => {
        while (keys.length < 100) await spawnLarge();
      },
      { code: "ENOSPC" },
    );
    assert.ok(keys.length > 0);
    const report = await new AbsurdClient(stage.pool, { spoolFolder: disk.folder }).replaySpool();
    assert.deepEqual([report.spawned, report.corrupt], [keys.length, []]);
    assert.equal((await tasksOf(stage.pool, keys)).length, keys.length);
    await spawnLarge();
  },
);

describe("an outcome that is replayed", () => {
  test("counts while its fence holds, whoever brings it; once", async () => {
    const { fence, taskId, client } = await claimNote();
    assert.equal(await replayOutcome(fence, "completed", '{"a":1}'), "taken");
    assert.equal(await replayOutcome(fence, "completed", '{"a":1}'), "known");
    const task = await client.show(taskId);
    assert.deepEqual([task.status, task.result, task.attempt], ["completed", { a: 1 }, 1]);
  });

  test("of a failure is tried again, and known afterwards", async () => {
    const { fence, taskId, client } = await claimNote();
    const error = '{"tag":"E","class":"retryable","message":"m","fields":{}}';
    assert.equal(await replayOutcome(fence, "retryable", error), "taken");
    assert.equal(await replayOutcome(fence, "retryable", error), "known");
    assert.equal(await replayOutcome(fence, "completed", "1"), "refused");
    assert.equal((await client.show(taskId)).status, "retrying");
  });

  test("is refused and told of once another attempt has the task", async () => {
    const { fence, taskId, client } = await claimNote();
    await stage.pool.query("select absurd.fail_task($1, 'taken away', 'retryable')", [fence]);
    const spool = new SpoolFolder(stage.folder);
    const record = { fence, ending: "completed", body: "1", mayBeStale: false };
    await spool.write("outcome", [JSON.stringify(record)]);
    const report = await replaySpool(stage.pool, spool);
    assert.deepEqual(report.refused, [{ kind: "outcome", what: fence, why: "its lease is lost" }]);
    assert.deepEqual(await readdir(stage.folder), []);
    assert.equal((await client.show(taskId)).status, "retrying");
  });

  test("that the database cannot read is set aside, and the others count", async () => {
    const [bad, good] = [await claimNote(), await claimNote()];
    const record = { ending: "completed", mayBeStale: false };
    await new SpoolFolder(stage.folder).write("outcome", [
      JSON.stringify({ ...record, fence: bad.fence, body: '"\\u0000"' }),
      JSON.stringify({ ...record, fence: good.fence, body: "2" }),
    ]);
    const report = await replaySpool(stage.pool, new SpoolFolder(stage.folder));
    assert.deepEqual([report.taken, report.refused.length], [1, 1]);
    assert.match((await readdir(stage.folder)).join(), /\.refused$/);
    assert.equal((await good.client.show(good.taskId)).status, "completed");
  });
});

async function claimNote(): Promise<{ fence: string; taskId: string; client: AbsurdClient }> {
  await stage.pool.query("delete from absurd.ready");
  const client = new AbsurdClient(stage.pool);
  const { taskId } = await client.spawn(note, { text: "claimed" });
  const { rows } = await stage.pool.query<{ fence: string }>(
    "select fence from absurd.claim_task('default', 'spool-test')",
  );
  return { fence: rows[0]!.fence, taskId, client };
}

async function replayOutcome(fence: string, ending: string, body: string): Promise<string> {
  const { rows } = await stage.pool.query<{ verdict: string }>(
    "select absurd.replay_outcome($1, $2, $3) as verdict",
    [fence, ending, body],
  );
  return rows[0]!.verdict;
}
