/**
 * How fast the queue is: bulk spawn, drain of no-op tasks by one worker process, enqueue to start.
 *
 * Starts its own PostgreSQL (fsync and synchronous commit on) in a temporary folder, or uses
 * ABSURD_DATABASE_URL, in which it makes and drops a database. Usage:
 *   node bench/queue.ts [--json] [--tasks 200000] [--concurrency 2000] [--latency-tasks 300]
 */
import { fork } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import pg from "pg";
import { z } from "zod";

import {
  AbsurdClient,
  defineTask,
  migrate,
  startEmbeddedPostgres,
  startWorker,
} from "@contimg/absurd";

interface Line {
  readonly work: string;
  readonly ours: number;
  readonly unit: string;
  readonly target: string;
}

const SPAWN_BATCH = 1_000;
const noop = defineTask({
  name: "noop",
  params: z.object({ path: z.string(), sentMs: z.number().optional() }),
  maxRetries: 0,
});

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    tasks: { type: "string", default: "200000" },
    concurrency: { type: "string", default: "2000" },
    "latency-tasks": { type: "string", default: "300" },
    "as-worker": { type: "string" },
  },
});

if (values["as-worker"] === undefined) await main();
else await runAsWorker(values["as-worker"], Number(values.concurrency));

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "absurd-bench-"));
  await chmod(folder, 0o755);
  const given = process.env["ABSURD_DATABASE_URL"];
  const server =
    given === undefined ? await startEmbeddedPostgres({ dataFolder: folder }) : undefined;
  const adminUrl = given ?? server!.url;
  const name = `absurd_bench_${process.pid}`;
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  try {
    await asAdmin(adminUrl, `create database ${name}`);
    const lines = await measure(url.toString());
    for (const line of lines) {
      if (values.json) console.log(JSON.stringify(line));
    }
    if (!values.json) console.table(lines);
  } finally {
    await asAdmin(adminUrl, `drop database if exists ${name} with (force)`);
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(url: string): Promise<Line[]> {
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  try {
    await migrate(pool);
    const client = new AbsurdClient(pool, { tasks: [noop] });
    const spawned = await measureSpawn(client, Number(values.tasks));
    const drained = await measureDrain(pool, url, Number(values.tasks));
    const commit = await measureCommit(pool);
    const latencies = await measureLatency(client, url, Number(values["latency-tasks"]));
    return [spawned, ...drained, commit, ...latencies];
  } finally {
    await pool.end();
  }
}

async function measureSpawn(client: AbsurdClient, count: number): Promise<Line> {
  await client.registerTasks();
  const requests = Array.from({ length: SPAWN_BATCH }, () => ({
    task: noop,
    params: { path: "/data/incoming/2026-01-25T22:26:05_sb00.hdf5" },
  }));
  const startMs = performance.now();
  for (let i = 0; i < count; i += SPAWN_BATCH) await client.spawnMany(requests);
  const perSecond = Math.round((1000 * count) / (performance.now() - startMs));
  return { work: "spawn, batches of 1000", ours: perSecond, unit: "tasks/s", target: "" };
}

async function measureDrain(pool: pg.Pool, url: string, count: number): Promise<Line[]> {
  await pool.query("vacuum analyze");
  const walBefore = await walPosition(pool);
  const worker = startChild(url);
  try {
    await until(pool, "select exists (select from absurd.outcome)");
    await until(
      pool,
      `select not exists (select from absurd.ready) and not exists (select from absurd.lease)`,
    );
    const { rows } = await pool.query<{ seconds: number; n: string }>(
      `select extract(epoch from max(finished_at) - min(claimed_at))::double precision as seconds,
              count(*) as n from absurd.outcome where kind = 'c'`,
    );
    const { seconds, n } = rows[0]!;
    if (Number(n) !== count) throw new Error(`${n} tasks completed, expected ${count}`);
    const walAfter = await walPosition(pool);
    return [
      {
        work: "drain, one worker",
        ours: Math.round(count / seconds),
        unit: "tasks/s",
        target: ">= 30000",
      },
      {
        work: "WAL of the drain",
        ours: Math.round((walAfter - walBefore) / count),
        unit: "B/task",
        target: "",
      },
    ];
  } finally {
    worker.kill("SIGTERM");
  }
}

/** What the disk takes for one durable row; enqueue to start waits for two, of spawn and claim. */
async function measureCommit(pool: pg.Pool): Promise<Line> {
  await pool.query("create table floor (i integer)");
  const commitsMs: number[] = [];
  for (let i = 0; i < 200; i++) {
    const startMs = performance.now();
    await pool.query("insert into floor values (1)");
    commitsMs.push(performance.now() - startMs);
  }
  return {
    work: "one durable insert, p50",
    ours: quantile(commitsMs, 0.5),
    unit: "ms",
    target: "",
  };
}

function quantile(valuesMs: readonly number[], q: number): number {
  const sorted = valuesMs.toSorted((a, b) => a - b);
  return Number(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!.toFixed(2));
}

/** One task at a time into an idle worker, about 50 a second. */
async function measureLatency(client: AbsurdClient, url: string, count: number): Promise<Line[]> {
  const latenciesMs: number[] = [];
  const timed = defineTask({
    ...noop,
    name: "timed",
    handler: ({ sentMs }) => void latenciesMs.push(performance.now() - sentMs!),
  });
  const worker = await startWorker({ connectionString: url, tasks: [timed] });
  for (let i = 0; i < count; i++) {
    await client.spawn(timed, { path: "", sentMs: performance.now() });
    await new Promise((resolve) => setTimeout(resolve, 15 + 10 * Math.random()));
  }
  while (latenciesMs.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  await worker.stop();
  return [
    { work: "enqueue to start, p50", ours: quantile(latenciesMs, 0.5), unit: "ms", target: "< 5" },
    { work: "enqueue to start, p99", ours: quantile(latenciesMs, 0.99), unit: "ms", target: "" },
  ];
}

function startChild(url: string): ReturnType<typeof fork> {
  return fork(fileURLToPath(import.meta.url), [
    "--as-worker",
    url,
    "--concurrency",
    values.concurrency,
  ]);
}

async function runAsWorker(url: string, concurrency: number): Promise<void> {
  const worker = await startWorker({
    connectionString: url,
    concurrency,
    tasks: [{ ...noop, handler: () => undefined }],
    prefetch: 2000,
  });
  process.on("SIGTERM", () => void worker.stop());
  await worker.finished;
}

async function until(pool: pg.Pool, question: string): Promise<void> {
  while (true) {
    const { rows } = await pool.query({ text: question, rowMode: "array" });
    if ((rows as boolean[][])[0]![0]) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function walPosition(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ bytes: string }>(
    "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as bytes",
  );
  return Number(rows[0]!.bytes);
}

async function asAdmin(url: string, statement: string): Promise<void> {
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  try {
    await admin.query(statement);
  } finally {
    await admin.end();
  }
}
