/** One database per test file, cloned from a template that is already migrated. */
import { randomUUID } from "node:crypto";

import pg from "pg";
import { afterAll, beforeAll } from "vitest";

/** Set by database-setup.ts for the test processes. */
export const ADMIN_URL_VARIABLE = "ABSURD_TEST_ADMIN_URL";
export const TEMPLATE_DATABASE = "absurd_test_template";

export interface FreshDatabase {
  /** Inside tests and hooks only. */
  readonly url: string;
  /** A connection that is closed after the file. */
  connect(): Promise<pg.Client>;
  /** A pool that is closed after the file. */
  pool(options?: pg.PoolConfig): pg.Pool;
  /**
   * Empties tables. The session of a worker that the last test killed may still run its last
   * statement, and a truncation beside it can deadlock: this waits until no session runs one.
   */
  empty(tables: readonly string[]): Promise<void>;
}

/**
 * Registers its own set-up and tear-down; use it at the top of a test file.
 * @param prepare brings the clone to where the tests begin, for instance by more migrations
 */
export function freshDatabase(prepare?: (url: string) => Promise<void>): FreshDatabase {
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  const closers: (() => Promise<void>)[] = [];
  const url = (): string => databaseUrl(adminUrl(), name);

  beforeAll(async () => {
    await asAdmin((admin) => admin.query(`create database ${name} template ${TEMPLATE_DATABASE}`));
    await prepare?.(url());
  });
  afterAll(async () => {
    await Promise.all(closers.map((close) => close()));
    await asAdmin((admin) => admin.query(`drop database ${name} with (force)`));
  });

  return {
    get url() {
      return url();
    },
    async connect() {
      const client = new pg.Client(url());
      // A test that ends sessions on purpose closes this one, too.
      client.on("error", () => undefined);
      await client.connect();
      closers.push(() => client.end());
      return client;
    },
    pool(options = {}) {
      const pool = new pg.Pool({ connectionString: url(), max: 5, ...options });
      pool.on("error", () => undefined);
      closers.push(() => pool.end());
      return pool;
    },
    async empty(tables) {
      const client = new pg.Client(url());
      await client.connect();
      try {
        await until(() => isQuiet(client), { what: "no other session runs a statement" });
        await emptyTables(client, tables);
      } finally {
        await client.end();
      }
    },
  };
}

/**
 * Truncates those of the tables that have pages, so that all are as new. Truncation makes new files
 * for a table and each of its indexes: 40 tables take 400 ms, the few that a test wrote to 10 ms.
 *
 * @param tables that no foreign key refers to; of a partitioned one its partitions are meant
 */
export async function emptyTables(client: pg.ClientBase, tables: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ used: string | null }>(
    `select string_agg(leaf::text, ', ') as used
       from unnest($1::regclass[]) given
       left join lateral pg_partition_tree(given) part on true
      cross join lateral coalesce(part.relid, given) leaf
      where coalesce(part.isleaf, true) and pg_relation_size(leaf) > 0`,
    [tables],
  );
  if (rows[0]!.used !== null) await client.query(`truncate ${rows[0]!.used}`);
}

async function isQuiet(client: pg.Client): Promise<boolean> {
  const { rowCount } = await client.query(
    `select from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'`,
  );
  return rowCount === 0;
}

/** The same server, another database. */
export function databaseUrl(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.toString();
}

/** Moves the engine's clock for this connection; null gives it back to the real one. */
export async function setClock(client: pg.ClientBase, iso: string | null): Promise<void> {
  await client.query("select set_config('absurd.fake_now', $1, false)", [iso ?? ""]);
}

/**
 * Resolves with the first truthy value of `condition`.
 * @throws {Error} naming `what` when none came by the deadline
 */
export async function until<T>(
  condition: () => Promise<T> | T,
  options: { what: string; deadlineMs?: number },
): Promise<NonNullable<T>> {
  const deadlineMs = options.deadlineMs ?? 20_000;
  const end = performance.now() + deadlineMs;
  while (true) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${options.what}`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}

/** For what waits with a signal. */
export function deadline(seconds = 30): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(seconds * 1000) };
}

function adminUrl(): string {
  const url = process.env[ADMIN_URL_VARIABLE];
  if (url === undefined) {
    throw new Error(`${ADMIN_URL_VARIABLE} is not set: run tests through vitest.config.ts`);
  }
  return url;
}

async function asAdmin(work: (admin: pg.Client) => Promise<unknown>): Promise<void> {
  const admin = new pg.Client(adminUrl());
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.end();
  }
}
