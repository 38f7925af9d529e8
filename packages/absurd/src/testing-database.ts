/**
 * A database of its own for each test engine, on a given server or on a PostgreSQL that the process
 * starts for its tests and that ends with the last of its engines, or with the process.
 */
import { randomUUID } from "node:crypto";
import { chmod, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import pg from "pg";

import { type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded-postgres.ts";
import { migrate } from "./migrate.ts";

export interface TestDatabase {
  /** Of a migrated, empty engine. */
  readonly url: string;
  /** Ends all sessions of the database and drops it. */
  drop(): Promise<void>;
}

let shared: { readonly started: Promise<EmbeddedPostgres>; userCount: number } | undefined;

/** @param serverUrl of a user who may create databases; default: an embedded server */
export async function createTestDatabase(serverUrl?: string): Promise<TestDatabase> {
  const adminUrl = serverUrl ?? (await takeServer());
  const giveBack = serverUrl === undefined ? giveServerBack : async (): Promise<void> => undefined;
  const name = `absurd_test_${randomUUID().replaceAll("-", "")}`;
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  const drop = async (): Promise<void> => {
    await asAdmin(adminUrl, `drop database if exists ${name} with (force)`);
    await giveBack();
  };
  try {
    await asAdmin(adminUrl, `create database ${name}`);
    await migrateAt(url.toString());
  } catch (error) {
    await drop().catch(() => undefined);
    throw error;
  }
  return { url: url.toString(), drop };
}

async function migrateAt(url: string): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  // Its last socket may outlive it, and hear that the database is dropped.
  pool.on("error", () => undefined);
  try {
    await migrate(pool);
  } finally {
    await pool.end();
  }
}

async function takeServer(): Promise<string> {
  shared ??= { started: startServer(), userCount: 0 };
  const mine = shared;
  mine.userCount += 1;
  try {
    return (await mine.started).url;
  } catch (error) {
    if (shared === mine) shared = undefined;
    throw error;
  }
}

async function giveServerBack(): Promise<void> {
  const mine = shared;
  if (!mine) return;
  mine.userCount -= 1;
  if (mine.userCount > 0) return;
  shared = undefined;
  await (await mine.started).stop();
}

/** Ends with this process, and its folder with it, also when nobody gives it back. */
async function startServer(): Promise<EmbeddedPostgres> {
  const folder = await mkdtemp(join(tmpdir(), "absurd-testing-"));
  // As root the server runs as the user postgres, who must get through to its data below.
  await chmod(folder, 0o755);
  return startEmbeddedPostgres({
    dataFolder: join(folder, "server"),
    temporaryFolder: folder,
    durable: false,
  });
}

async function asAdmin(url: string, statement: string): Promise<void> {
  const admin = new pg.Client(url);
  await admin.connect();
  try {
    await admin.query(statement);
  } finally {
    await admin.end();
  }
}
