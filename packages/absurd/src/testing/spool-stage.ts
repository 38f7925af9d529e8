/** What tests of the spool begin with: a folder a test, a database, and one that is away. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import pg from "pg";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { z } from "zod";

import type { FreshDatabase } from "@contimg/testkit";

import { AbsurdClient, defineTask } from "../index.ts";

/** Nobody listens there. */
const NOWHERE = "postgres://nobody@127.0.0.1:9/nothing";

export const note = defineTask({ name: "note", params: z.strictObject({ text: z.string() }) });

export interface SpoolStage {
  /** Of the running test, empty. */
  readonly folder: string;
  readonly pool: pg.Pool;
  readonly away: pg.Pool;
}

/** It is filled before each test, and cleared away after the last. */
export function spoolStage(database: FreshDatabase): SpoolStage {
  const away = new pg.Pool({ connectionString: NOWHERE });
  let pool: pg.Pool;
  let root = "";
  let folder = "";
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "absurd-spool-"));
    pool = database.pool();
    await new AbsurdClient(pool).registerTasks([note]);
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(root, "case-"));
  });
  afterAll(async () => {
    await away.end();
    await rm(root, { recursive: true, force: true });
  });
  return {
    away,
    get folder() {
      return folder;
    },
    get pool() {
      return pool;
    },
  };
}

export async function tasksOf(
  pool: pg.Pool,
  keys: readonly string[],
): Promise<{ idempotency_key: string; params: unknown; priority: number; max_retries: number }[]> {
  const { rows } = await pool.query<{
    idempotency_key: string;
    params: unknown;
    priority: number;
    max_retries: number;
  }>(
    `select idempotency_key, params, priority, max_retries from absurd.tasks
      where idempotency_key = any($1) order by created_at, task_id`,
    [keys],
  );
  return rows;
}
