/** Brings the API's own schema, absurd_api, up to date. */
import { fileURLToPath } from "node:url";

import { migrate, type MigrateReport } from "@contimg/absurd";
import type pg from "pg";

const SQL_FOLDER = fileURLToPath(new URL("../sql/", import.meta.url));
export const API_MIGRATIONS = fileURLToPath(new URL("../sql/migrations/", import.meta.url));

/** The engine's schema first: ours has its clock. */
export async function migrateApi(pool: pg.Pool): Promise<MigrateReport> {
  await migrate(pool);
  return migrate(pool, { schema: "absurd_api", folder: SQL_FOLDER });
}
