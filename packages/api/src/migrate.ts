/** Brings the API's own schema, absurd_api, up to date. */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { migrate, type MigrateReport } from "@contimg/absurd";
import type pg from "pg";

const SQL_FOLDER = fileURLToPath(new URL("../sql/", import.meta.url));
export const API_MIGRATIONS = fileURLToPath(new URL("../sql/migrations/", import.meta.url));

/** The engine's schema first: ours has its clock. */
export async function migrateApi(
  pool: pg.Pool,
): Promise<{ absurd: MigrateReport; absurd_api: MigrateReport }> {
  const absurd = await migrate(pool);
  return { absurd, absurd_api: await migrate(pool, { schema: "absurd_api", folder: SQL_FOLDER }) };
}

/** The same where something lacks; who finds all of it needs no right to make any. */
export async function ensureApi(pool: pg.Pool): Promise<void> {
  if (!(await isMigrated(pool))) await migrateApi(pool);
}

async function isMigrated(pool: pg.Pool): Promise<boolean> {
  const { rows: found } = await pool.query<{ there: boolean }>(
    "select to_regnamespace('absurd_api') is not null as there",
  );
  if (!found[0]!.there) return false;
  const { rows } = await pool.query<{ count: number }>(
    "select count(*)::integer as count from absurd_api.migrations",
  );
  return rows[0]!.count >= readdirSync(API_MIGRATIONS).length;
}
