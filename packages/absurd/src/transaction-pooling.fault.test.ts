/** A worker whose every connection leads through PgBouncer in transaction mode. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import pg from "pg";
import { afterAll, beforeAll, describe, test } from "vitest";
import { z } from "zod";

import { deadline, freshDatabase, until } from "@contimg/testkit";

import { freePort } from "./free-port.ts";
import {
  AbsurdClient,
  type TaskContext,
  type WorkerHandle,
  type WorkerOptions,
  defineTask,
  startWorker,
} from "./index.ts";
import { untilOutlived } from "./testing/lease-watch.ts";

const PGBOUNCER = "/usr/sbin/pgbouncer";
const isMissing = !existsSync(PGBOUNCER);
const needs = isMissing ? " (needs the Debian package pgbouncer)" : "";

const database = freshDatabase();
let pooler: ChildProcess | undefined;
let folder: string | undefined;
let pooledUrl: string;
let pool: pg.Pool;
let client: AbsurdClient;

const quick = defineTask({
  name: "quick",
  params: z.strictObject({ n: z.number() }),
  handler({ n }, context) {
    if (n % 20 === 0 && context.attempt === 1) throw new Error("first attempts fail here");
    return { n };
  },
});

const long = defineTask({
  name: "long",
  params: z.strictObject({}),
  async handler(_, context) {
    context.progress(0.5, "half way");
    await new Promise((resolve) => {
      context.signal.addEventListener("abort", resolve);
    });
  },
});

const stepped = defineTask({
  name: "stepped",
  params: z.strictObject({}),
  async handler(_, context: TaskContext) {
    const one = await context.step("one", () => 1);
    await context.sleep(0.05);
    return { sum: one + (await context.step("two", () => 2)) };
  },
});

const transacted = defineTask({
  name: "transacted",
  params: z.strictObject({}),
  async handler(_, context) {
    const connection = await pool.connect();
    try {
      await connection.query("begin");
      await connection.query("insert into product (task_id) values ($1)", [context.taskId]);
      await context.completeIn(connection);
      await connection.query("commit");
    } finally {
      connection.release();
    }
  },
});

const TASKS = [quick, long, stepped, transacted];

beforeAll(async () => {
  if (isMissing) return;
  const db = await database.connect();
  await db.query("create table product (task_id uuid primary key)");
  folder = await mkdtemp(join(tmpdir(), "absurd-pgbouncer-"));
  const port = await freePort();
  const server = new URL(database.url);
  const file = join(folder, "pgbouncer.ini");
  await writeFile(
    file,
    `[databases]
* = host=${server.hostname} port=${server.port} user=${server.username} password=${server.password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
`,
    { mode: 0o600 },
  );
  const isRoot = process.getuid?.() === 0;
  if (isRoot) execFileSync("chown", ["-R", "postgres", folder]);
  pooler = spawn(PGBOUNCER, [...(isRoot ? ["-u", "postgres"] : []), file], { stdio: "ignore" });
  const url = new URL(database.url);
  url.port = String(port);
  url.searchParams.set("pgbouncer", "true");
  pooledUrl = url.toString();
  pool = new pg.Pool({ connectionString: pooledUrl, max: 5 });
  pool.on("error", () => undefined);
  await until(() => pool.query("select 1").catch(() => undefined), { what: "PgBouncer answers" });
  client = new AbsurdClient(pool, { tasks: TASKS });
});

afterAll(async () => {
  if (isMissing) return;
  await client.close();
  await pool.end();
  pooler?.kill("SIGKILL");
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

describe.skipIf(isMissing)(`through PgBouncer in transaction mode${needs}`, () => {
  test("a worker runs, retries, takes steps and completes in transactions", async () => {
    const spawned = await client.spawnMany([
      ...Array.from({ length: 200 }, (_, n) => ({
        task: quick,
        params: { n },
        backoffSeconds: 0.1,
      })),
      { task: stepped, params: {} },
      ...Array.from({ length: 10 }, () => ({ task: transacted, params: {} })),
    ]);
    await withWorker({ pollSeconds: 0.1 }, async () => {
      const tasks = await client.awaitTasks(
        spawned.map((each) => each.taskId),
        deadline(),
      );
      assert.deepEqual(
        tasks.filter((task) => task.status !== "completed"),
        [],
      );
      assert.deepEqual(tasks[200]!.result, { sum: 3 });
      assert.equal(tasks[20]!.attempt, 2);
    });
    assert.equal((await pool.query("select from product")).rowCount, 10);
    assert.equal((await pool.query("select from absurd.worker where gone_at is null")).rowCount, 0);
  });

  test("a task that is longer than its lease is kept, and stops when it is cancelled", async () => {
    await withWorker({ leaseSeconds: 2, pollSeconds: 0.1 }, async () => {
      const { taskId } = await client.spawn(long, {});
      await until(async () => (await client.show(taskId)).place.progress?.note, {
        what: "progress of the task",
      });
      await untilOutlived(pool, 1.5);
      await client.cancel(taskId);
      const [task] = await client.awaitTasks([taskId], deadline());
      assert.equal(task!.status, "cancelled");
      assert.equal(task!.attempt, 1);
    });
  });

  test("nothing is left in the sessions that others use after us", async () => {
    await withWorker({ pollSeconds: 0.1 }, async () => {
      const { taskId } = await client.spawn(stepped, {});
      await client.awaitTasks([taskId], deadline());
      // All sessions of the pooler at once: each of these transactions holds one.
      const found = await Promise.all(
        Array.from({ length: 4 }, () =>
          pool.query<{ seqscan: string; plans: string; statements: string; listening: string }>(
            `select current_setting('enable_seqscan') as seqscan,
                    current_setting('plan_cache_mode') as plans,
                    (select count(*) from pg_prepared_statements) as statements,
                    (select count(*) from pg_listening_channels()) as listening, pg_sleep(0.3)`,
          ),
        ),
      );
      for (const { rows } of found) {
        const { seqscan, plans, statements, listening } = rows[0]!;
        assert.deepEqual([seqscan, plans, statements, listening], ["on", "auto", "0", "0"]);
      }
    });
  });

  test("a direct connection for LISTEN wakes a worker that would look a minute later", async () => {
    await withWorker({ pollSeconds: 60, listenConnectionString: database.url }, async (worker) => {
      await until(
        async () =>
          (
            await pool.query(
              `select from pg_stat_activity
                  where application_name = 'absurd listener' and datname = current_database()`,
            )
          ).rowCount,
        { what: "the listener listens" },
      );
      const { taskId } = await client.spawn(quick, { n: 1 });
      const [task] = await client.awaitTasks([taskId], deadline());
      assert.equal(task!.workerName, worker.name);
    });
  });
});

async function withWorker(
  options: Partial<WorkerOptions>,
  work: (worker: WorkerHandle) => Promise<void>,
): Promise<void> {
  const worker = await startWorker({
    connectionString: pooledUrl,
    tasks: TASKS,
    concurrency: 8,
    ...options,
  });
  try {
    await work(worker);
  } finally {
    await worker.stop({ graceSeconds: 0 });
  }
}
