/** Brings a database to the schemas of the engine and of the pipeline. */
import { fileURLToPath } from "node:url";

import { migrate, type MigrateReport } from "@contimg/absurd";
import type pg from "pg";

const SQL_FOLDER = fileURLToPath(new URL("../sql/", import.meta.url));

/** The engine first: our functions ask it about fences. */
export async function migrateAll(
  pool: pg.Pool,
): Promise<{ absurd: MigrateReport; contimg: MigrateReport }> {
  const absurd = await migrate(pool);
  const contimg = await migrate(pool, { schema: "contimg", folder: SQL_FOLDER });
  return { absurd, contimg };
}
