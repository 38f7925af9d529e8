/**
 * A queue that churns while an old snapshot is open: nothing dead can be cleared away, and a claim
 * must not pay for it. In CI by pages touched; `make soak` churns longer and looks at the time, too.
 */
import assert from "node:assert/strict";

import { AbsurdClient, defineTask, startWorker } from "@contimg/absurd";
import { freshDatabase, until } from "@contimg/testkit";
import type pg from "pg";
import { beforeAll, test } from "vitest";
import { z } from "zod";

const SOAK_MINUTES = Number(process.env["SOAK_MINUTES"] ?? 0);
const CHURN_COUNT = SOAK_MINUTES > 0 ? SOAK_MINUTES * 20_000 : 20_000;
/** A worker that begins looks once at all that is dead: over fewer tasks that alone would show. */
const MEASURED_COUNT = Math.max(10_000, CHURN_COUNT / 10);
/** Pages of the queue's tables that a task costs under the pin, over what it costs without. */
const PAGES_RATIO_MAX = 4;
const WAIT_RATIO_MAX = 4;
const WAIT_MS_MAX = 50;

const noop = defineTask({ name: "noop", params: z.strictObject({}), handler: () => null });
const database = freshDatabase();
let db: pg.Pool;

beforeAll(() => {
  db = database.pool();
});

/** Runs so many tasks through a real worker and returns the pages it touched for each. */
async function churn(count: number): Promise<number> {
  const client = new AbsurdClient(db, { tasks: [noop] });
  for (let left = count; left > 0; left -= 1000) {
    await client.spawnMany(
      Array.from({ length: Math.min(1000, left) }, () => ({ task: noop, params: {} })),
    );
  }
  const before = await pagesTouched();
  const worker = await startWorker({
    ...{ connectionString: database.url, tasks: [noop], concurrency: 100, prefetch: 200 },
  });
  await until(async () => (await unendedCount()) === 0, {
    ...{ what: "all tasks ran", deadlineMs: 600_000 },
  });
  // Its sessions hand in what they counted when they end.
  await worker.stop();
  await until(async () => (await sessionCount()) === 0, { what: "its sessions are gone" });
  return ((await pagesTouched()) - before) / count;
}

async function number(sql: string): Promise<number> {
  const { rows } = await db.query<{ n: string }>(sql);
  return Number(rows[0]!.n);
}

function unendedCount(): Promise<number> {
  return number(
    "select (select count(*) from absurd.ready) + (select count(*) from absurd.lease) n",
  );
}

function sessionCount(): Promise<number> {
  return number(
    `select count(*) as n from pg_stat_activity
      where datname = current_database() and application_name like 'absurd %'`,
  );
}

function pagesTouched(): Promise<number> {
  return number(
    `select sum(heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read) as n
       from pg_statio_user_tables
      where schemaname = 'absurd' and relname in ('ready', 'lease', 'worker')`,
  );
}

/** Milliseconds from spawn to claim, of all but one in a hundred, of tasks that come one by one. */
async function waitMsP99(count: number): Promise<number> {
  const client = new AbsurdClient(db, { tasks: [noop] });
  const worker = await startWorker({ connectionString: database.url, tasks: [noop] });
  const spawned = [];
  for (let index = 0; index < count; index++) {
    spawned.push((await client.spawn(noop, {})).taskId);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await client.awaitTasks(spawned);
  await worker.stop();
  return number(
    `select percentile_cont(0.99) within group (
              order by extract(epoch from claimed_at - created_at) * 1000) as n
       from (select claimed_at, created_at from absurd.tasks
              order by task_number desc limit ${count}) last`,
  );
}

test("costs a claim no more when an old snapshot is open", { timeout: 3_600_000 }, async () => {
  await churn(1000);
  const pagesFree = await churn(MEASURED_COUNT);
  const waitFree = SOAK_MINUTES > 0 ? await waitMsP99(500) : 0;

  const pin = await database.connect();
  await pin.query("begin isolation level repeatable read");
  await pin.query("select count(*) from absurd.ready");
  await churn(CHURN_COUNT);
  const pagesPinned = await churn(MEASURED_COUNT);
  const waitPinned = SOAK_MINUTES > 0 ? await waitMsP99(500) : 0;
  const dead = await number(
    `select n_dead_tup as n from pg_stat_user_tables
      where relname = 'ready' and schemaname = 'absurd'`,
  );
  await pin.query("rollback");

  const found = `${pagesFree.toFixed(1)} pages a task, under the pin ${pagesPinned.toFixed(1)}`;
  const waits = `p99 of the wait: ${waitFree} ms, under the pin ${waitPinned} ms`;
  process.stdout.write(`${found}, ${dead} dead rows; ${waits}\n`);
  assert.ok(dead >= CHURN_COUNT, `the pin did not hold: ${dead} dead rows`);
  assert.ok(pagesPinned <= pagesFree * PAGES_RATIO_MAX, found);
  assert.ok(waitPinned <= Math.max(WAIT_MS_MAX, waitFree * WAIT_RATIO_MAX), waits);
});
