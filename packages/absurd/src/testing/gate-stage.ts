/** Tasks before gates, by their numbers. */
import type pg from "pg";

import { sqlWorker } from "@contimg/testkit";

/** Spawns tasks that ask for the same; their numbers. */
export async function spawnNumbers(
  db: pg.Client,
  count: number,
  fields: Record<string, unknown>,
): Promise<string[]> {
  const { rows } = await db.query<{ n: string }>(
    "select absurd.task_number(u) as n from unnest($1::uuid[]) with ordinality x(u, o) order by o",
    [await sqlWorker.spawnAlike(db, count, fields)],
  );
  return rows.map((row) => row.n);
}

export function numbersOf(rows: readonly sqlWorker.ClaimRow[]): string[] {
  return rows.map((row) => row.task_id);
}
