/** What tests of queues begin with. */
import type pg from "pg";

import { sqlWorker } from "@contimg/testkit";

export function tasksOf(queue: string, count: number, fields: object = {}): object[] {
  return Array.from({ length: count }, () => sqlWorker.task({ queue_name: queue, ...fields }));
}

export async function configure(db: pg.Client, queue: string, settings: object): Promise<void> {
  await db.query("select absurd.configure_queue($1, $2)", [queue, JSON.stringify(settings)]);
}
