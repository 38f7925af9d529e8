/** A worker made of SQL calls alone: each step happens when the test says. */
import assert from "node:assert/strict";

import type pg from "pg";

import { emptyTables, type FreshDatabase, setClock, until } from "./database.ts";

/** The time at which every engine of these tests begins. */
export const T0 = "2026-03-01T12:00:00Z";

export interface SqlWorker {
  readonly id: number;
  readonly epoch: string;
  readonly kinds: readonly number[];
}

export interface ClaimRow {
  readonly task_id: string;
  readonly claim_no: number;
  readonly lane_id: number;
  readonly seq: string;
  /** JSON. */
  readonly params: string;
}

export function task(fields: Record<string, unknown>): Record<string, unknown> {
  return { task_name: "noop", ...fields };
}

/** An empty engine at noon with the task name "noop", and a worker with a lease of 30 s. */
export async function emptyEngine(
  database: FreshDatabase,
  options: { spawn?: number; fields?: Record<string, unknown> },
): Promise<{ db: pg.Client; worker: SqlWorker }> {
  const db = await database.connect();
  await setClock(db, T0);
  await forgetWork(db);
  await db.query("update absurd.control set expires_at = '-infinity'");
  await db.query("select absurd.register_kinds($1)", [JSON.stringify([{ task_name: "noop" }])]);
  const { spawn: count = 0, fields = {} } = options;
  if (count > 0) await spawnAlike(db, count, fields);
  return { db, worker: await registerWorker(db) };
}

/** What an engine knows before its first task; the rest is emptied. */
const KEPT_TABLES = ["migrations", "control", "history", "kind", "lane", "class", "queue"];

async function forgetWork(db: pg.Client): Promise<void> {
  const { rows } = await db.query<{ tables: string[] }>(
    `select array_agg(format('absurd.%I', c.relname)) as tables
       from pg_class c
      where c.relnamespace = 'absurd'::regnamespace and c.relkind in ('r', 'p')
        and not c.relispartition and c.relname <> all ($1)`,
    [KEPT_TABLES],
  );
  await emptyTables(db, rows[0]!.tables);
}

export async function registerWorker(db: pg.Client): Promise<SqlWorker> {
  const epoch = String(Math.floor(Math.random() * 2 ** 50));
  const { rows } = await db.query<{ id: number; kinds: number[] }>(
    `select absurd.register_worker('w', $1, 30000, array['default'], 10) as id,
            array(select kind_id from absurd.kind) as kinds`,
    [epoch],
  );
  return { id: rows[0]!.id, epoch, kinds: rows[0]!.kinds };
}

export async function spawn(
  db: pg.Client,
  tasks: readonly object[],
): Promise<{ task_id: string; created: boolean }[]> {
  const { rows } = await db.query<{ task_id: string; created: boolean }>(
    "select task_id, created from absurd.spawn_tasks($1) order by task_index",
    [JSON.stringify(tasks)],
  );
  return rows;
}

/** Tasks that ask for the same. Returns their ids. */
export async function spawnAlike(
  db: pg.Client,
  count: number,
  fields: Record<string, unknown>,
): Promise<string[]> {
  const spawned = await spawn(
    db,
    Array.from({ length: count }, () => task(fields)),
  );
  return spawned.map((each) => each.task_id);
}

export async function describeWorker(
  db: pg.Client,
  worker: SqlWorker,
  capacity: object,
  labels: object = {},
): Promise<void> {
  await db.query("select absurd.describe_worker($1, $2, $3, $4)", [
    worker.id,
    worker.epoch,
    capacity,
    labels,
  ]);
}

export async function beat(db: pg.Client, worker: SqlWorker): Promise<void> {
  await db.query("select absurd.beat($1, $2)", [worker.id, worker.epoch]);
}

export async function cycle(
  db: pg.Client,
  worker: SqlWorker,
  work: {
    done?: readonly ClaimRow[];
    /** Of the done, as JSON. Default: none has one. */
    results?: readonly string[];
    failed?: readonly (readonly [ClaimRow, string])[];
    limit?: number;
    queues?: readonly string[];
  },
): Promise<ClaimRow[]> {
  const done = work.done ?? [];
  const failed = work.failed ?? [];
  const { rows } = await db.query<ClaimRow & { what: string }>(
    `select * from absurd.cycle($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, null, null,
                                $13)`,
    [
      worker.id,
      worker.epoch,
      done.map((each) => each.task_id),
      done.map((each) => each.claim_no),
      done.map((_, i) => work.results?.[i] ?? null),
      failed.map(([each]) => each.task_id),
      failed.map(([each]) => each.claim_no),
      failed.map(([, errorClass]) => errorClass),
      failed.map(() => '{"tag":"Test","message":"as asked"}'),
      failed.map(() => 0.5),
      work.queues ?? ["default"],
      worker.kinds,
      work.limit ?? 0,
    ],
  );
  assert.deepEqual(
    rows.filter((row) => row.what === "s"),
    [],
  );
  return rows.filter((row) => row.what === "c");
}

export function claim(db: pg.Client, worker: SqlWorker, limit: number): Promise<ClaimRow[]> {
  return cycle(db, worker, { limit });
}

export async function maintain(db: pg.Client, worker: SqlWorker): Promise<void> {
  await db.query("update absurd.control set expires_at = '-infinity'");
  await db.query("select * from absurd.maintain($1, $2, 5000, 10000)", [worker.id, worker.epoch]);
}

/** Declares every worker dead that is silent by a clock ten minutes on, which this sets. */
export async function buryWorkers(db: pg.Client): Promise<void> {
  await setClock(db, "2026-03-01T12:10:00Z");
  await maintain(db, await registerWorker(db));
}

export async function fence(db: pg.Client, worker: SqlWorker, held: ClaimRow): Promise<string> {
  const { rows } = await db.query<{ text: string }>(
    "select absurd.fence_text($1, $2, $3, $4) as text",
    [held.task_id, held.claim_no, worker.id, worker.epoch],
  );
  return rows[0]!.text;
}

export async function uuid(db: pg.Client, held: ClaimRow): Promise<string> {
  const { rows } = await db.query<{ id: string }>("select absurd.task_uuid($1) as id", [
    held.task_id,
  ]);
  return rows[0]!.id;
}

export async function status(db: pg.Client, held: ClaimRow): Promise<string> {
  const { rows } = await db.query<{ status: string }>(
    "select status from absurd.tasks where task_number = $1",
    [held.task_id],
  );
  return rows[0]!.status;
}

export async function untilBlocked(db: pg.Client, blocked: pg.Client): Promise<void> {
  // processID is pg's, though its types do not say so.
  const { processID } = blocked as pg.Client & { processID: number };
  await until(
    async () => {
      const { rows } = await db.query<{ blocked: boolean }>(
        "select cardinality(pg_blocking_pids($1)) > 0 as blocked",
        [processID],
      );
      return rows[0]!.blocked;
    },
    { what: "the second transaction waits for the first" },
  );
}
