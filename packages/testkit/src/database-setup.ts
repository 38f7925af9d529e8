/**
 * vitest's global set-up: one PostgreSQL for the run and one migrated template to clone.
 *
 * TEST_DATABASE_URL names a server to use instead; its user must be allowed to create databases.
 */
import { chmod, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import pg from "pg";

import { migrate, startEmbeddedPostgres } from "@contimg/absurd";

import { ADMIN_URL_VARIABLE, TEMPLATE_DATABASE, databaseUrl } from "./database.ts";

/** Called once before all test files; what it returns is called after the last. */
export default async function setUp(): Promise<() => Promise<void>> {
  const given = process.env["TEST_DATABASE_URL"];
  const server = given === undefined ? await startTemporaryServer() : undefined;
  const url = given ?? server!.url;
  process.env[ADMIN_URL_VARIABLE] = url;
  try {
    await createTemplate(url);
  } catch (error) {
    await server?.stop();
    throw error;
  }
  return async () => {
    await server?.stop();
  };
}

async function startTemporaryServer(): Promise<{ url: string; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "absurd-test-"));
  // The user postgres must get through to its data below.
  await chmod(folder, 0o755);
  return startEmbeddedPostgres({
    dataFolder: join(folder, "server"),
    temporaryFolder: folder,
    // Its data die with the run. Tests of crashes start servers of their own.
    durable: false,
  });
}

async function createTemplate(url: string): Promise<void> {
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  try {
    await admin.query(`drop database if exists ${TEMPLATE_DATABASE} with (force)`);
    await admin.query(`create database ${TEMPLATE_DATABASE}`);
  } finally {
    await admin.end();
  }
  const pool = new pg.Pool({ connectionString: databaseUrl(url, TEMPLATE_DATABASE), max: 1 });
  try {
    await migrate(pool);
  } finally {
    await pool.end();
  }
}
