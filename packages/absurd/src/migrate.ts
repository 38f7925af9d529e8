/**
 * Brings a schema up to date: numbered migrations once each, then all functions anew.
 *
 * One advisory lock and one transaction for the whole, the rows in <schema>.migrations included. A
 * landed migration never changes: its sha256 is compared each time. Forward only.
 */
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import pg from "pg";

import { sqlState } from "./db.ts";
import { MigrationConflict } from "./errors.ts";
import { holdConnection } from "./held-connection.ts";

export interface MigrateOptions {
  /** The schema that the folder's SQL fills; created when absent. */
  readonly schema: string;
  /** Has migrations/NNNN_name.sql and, if it likes, functions/NN_name.sql. */
  readonly folder: string;
}

export interface MigrateReport {
  readonly applied: readonly string[];
  readonly functionFileCount: number;
}

const ATTEMPTS_MAX = 20;

export const ABSURD_SQL: MigrateOptions = {
  schema: "absurd",
  folder: fileURLToPath(new URL("../sql", import.meta.url)),
};

/** @throws {MigrationConflict} when a file that was applied has changed or is missing */
export async function migrate(
  pool: Pick<pg.Pool, "connect">,
  options: MigrateOptions = ABSURD_SQL,
): Promise<MigrateReport> {
  return holdConnection(pool, async (client) => {
    await client.query("select pg_advisory_lock(hashtext($1))", [`migrate ${options.schema}`]);
    try {
      return await migrateLocked(client, options);
    } finally {
      await client.query("select pg_advisory_unlock(hashtext($1))", [`migrate ${options.schema}`]);
    }
  });
}

async function migrateLocked(
  client: pg.PoolClient,
  options: MigrateOptions,
): Promise<MigrateReport> {
  const schema = client.escapeIdentifier(options.schema);
  await client.query(`create schema if not exists ${schema}`);
  await client.query(
    `create table if not exists ${schema}.migrations (
       number integer primary key, name text not null, sha256 text not null,
       applied_at timestamptz not null default statement_timestamp()
     )`,
  );
  const migrations = sqlFiles(join(options.folder, "migrations"));
  const landed = await client.query<{ number: number; name: string; sha256: string }>(
    `select number, name, sha256 from ${schema}.migrations order by number`,
  );
  const landedNumbers = new Set(landed.rows.map((row) => row.number));
  assertUnchanged(options.schema, landed.rows, migrations);

  const fresh = migrations.filter((file) => !landedNumbers.has(file.number));
  const functions = sqlFiles(join(options.folder, "functions"));
  // All at once: a worker of either release never meets new tables with old functions.
  await inTransaction(client, async () => {
    for (const file of fresh) {
      await client.query(
        `insert into ${schema}.migrations (number, name, sha256) values ($1, $2, $3)`,
        [file.number, file.name, file.sha256],
      );
      await runFile(client, file);
    }
    for (const file of functions) await runFile(client, file);
    if (options.schema === ABSURD_SQL.schema)
      await client.query("select absurd.ensure_partitions()");
  });
  return { applied: fresh.map((file) => file.name), functionFileCount: functions.length };
}

/**
 * The migrations that a schema still lacks, by name; all of them before the first.
 * @throws {MigrationConflict} when a file that was applied has changed or is missing
 */
export async function pendingMigrations(
  db: Pick<pg.Pool, "query">,
  options: MigrateOptions = ABSURD_SQL,
): Promise<readonly string[]> {
  const files = sqlFiles(join(options.folder, "migrations"));
  const { rows: found } = await db.query<{ there: boolean }>(
    "select to_regclass(format('%I.migrations', $1::text)) is not null as there",
    [options.schema],
  );
  if (!found[0]!.there) return files.map((file) => file.name);
  const landed = await db.query<{ number: number; name: string; sha256: string }>(
    `select number, name, sha256 from ${pg.escapeIdentifier(options.schema)}.migrations`,
  );
  assertUnchanged(options.schema, landed.rows, files);
  const numbers = new Set(landed.rows.map((row) => row.number));
  return files.filter((file) => !numbers.has(file.number)).map((file) => file.name);
}

/** @throws what PostgreSQL says, with the file's name before it */
async function runFile(client: pg.PoolClient, file: SqlFile): Promise<void> {
  try {
    await client.query(file.text);
  } catch (error) {
    if (error instanceof Error) error.message = `${file.name}: ${error.message}`;
    throw error;
  }
}

interface SqlFile {
  readonly number: number;
  readonly name: string;
  readonly text: string;
  readonly sha256: string;
}

/** Files NN_name.sql of a folder by number; none when there is no such folder. */
function sqlFiles(folder: string): SqlFile[] {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => /^\d+_[a-z0-9_]+\.sql$/.test(name));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
  return names.sort().map((name) => {
    const text = readFileSync(join(folder, name), "utf8");
    const sha256 = createHash("sha256").update(text).digest("hex");
    return { number: Number.parseInt(name, 10), name, text, sha256 };
  });
}

function assertUnchanged(
  schema: string,
  landed: readonly { number: number; name: string; sha256: string }[],
  files: readonly SqlFile[],
): void {
  for (const row of landed) {
    const file = files.find((candidate) => candidate.number === row.number);
    if (!file) {
      // A newer program migrated this database; this one may still work beside it.
      if (files.every((candidate) => candidate.number < row.number)) continue;
      throw new MigrationConflict(`migration ${row.name} of schema ${schema} has no file any more`);
    }
    if (file.sha256 !== row.sha256) {
      throw new MigrationConflict(
        `migration ${row.name} of schema ${schema} was changed after it was applied: ` +
          `sha256 ${file.sha256}, applied ${row.sha256}`,
      );
    }
  }
}

/**
 * Workers that go on meanwhile take the same tables in another order: a deadlock, or a lock that
 * does not come, is tried again.
 */
async function inTransaction(client: pg.PoolClient, work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await tryInTransaction(client, work);
      return;
    } catch (error) {
      if (attempt === ATTEMPTS_MAX || !["40P01", "55P03"].includes(sqlState(error))) throw error;
      await new Promise((wake) => setTimeout(wake, 100 * attempt * Math.random()));
    }
  }
}

async function tryInTransaction(client: pg.PoolClient, work: () => Promise<void>): Promise<void> {
  await client.query("begin");
  try {
    await work();
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
}
