/** A reader of changes outlives a crash of the server: no end that was committed is lost. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import pg from "pg";
import { afterAll, test } from "vitest";

import { sqlWorker } from "@contimg/testkit";

import { ChangeReader } from "./changes.ts";
import { startEmbeddedPostgres } from "./embedded-postgres.ts";
import { migrate } from "./migrate.ts";

const { claim, cycle, registerWorker, spawnAlike } = sqlWorker;
const folders: string[] = [];

afterAll(async () => {
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});

test(
  "a reader is told after a crash of the server what it was not told before",
  { timeout: 120_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "absurd-changes-"));
    folders.push(folder);
    const first = await startEmbeddedPostgres({ dataFolder: join(folder, "server") });
    const pool = new pg.Pool({ connectionString: first.url });
    pool.on("error", () => undefined);
    await migrate(pool);
    const reader = new ChangeReader(pool);
    await reader.read();
    await work(first.url, 20);
    const told = new Set((await reader.read()).changes.map((each) => each.taskId));
    assert.equal(told.size, 20);
    await work(first.url, 10);

    await first.kill();
    await assert.rejects(reader.read());
    const again = await startEmbeddedPostgres({ dataFolder: join(folder, "server") });
    try {
      await work(again.url, 10);
      for (let more = true; more;) {
        const read = await reader.read();
        for (const each of read.changes) if (each.status === "completed") told.add(each.taskId);
        ({ more } = read);
      }
      const { rows } = await pool.query<{ task_id: string }>(
        "select task_id from absurd.tasks where status = 'completed'",
      );
      assert.equal(rows.length, 40);
      for (const { task_id: taskId } of rows) assert.ok(told.has(taskId), taskId);
    } finally {
      await pool.end();
      await again.stop();
    }
  },
);

/** Spawns, claims and completes so many tasks. */
async function work(url: string, count: number): Promise<void> {
  const db = new pg.Client(url);
  await db.connect();
  await db.query(`select absurd.register_kinds('[{"task_name": "noop"}]')`);
  const worker = await registerWorker(db);
  await spawnAlike(db, count, {});
  await cycle(db, worker, { done: await claim(db, worker, count) });
  await db.end();
}
