/** A database of its own with the schemas of engine and pipeline, for one test file. */
import { type FreshDatabase, freshDatabase } from "@contimg/testkit";
import pg from "pg";

import { migrateAll } from "../migrate.ts";

export function pipelineDatabase(): FreshDatabase {
  return freshDatabase(async (url) => {
    const pool = new pg.Pool({ connectionString: url });
    await migrateAll(pool);
    await pool.end();
  });
}
