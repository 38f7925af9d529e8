/** A lease that is kept: seen in the database, by the clock of the database. */
import type pg from "pg";

import { until } from "@contimg/testkit";

/** Waits until a worker has beaten for so many times the length of the lease that it holds. */
export async function untilOutlived(db: pg.ClientBase | pg.Pool, leases: number): Promise<void> {
  await until(
    async () => {
      const { rowCount } = await db.query(
        `select from absurd.worker w join absurd.lease l using (worker_id)
          where w.beat_at > l.claimed_at + $1::numeric * w.lease_ms * interval '1 millisecond'`,
        [leases],
      );
      return rowCount;
    },
    { what: `beats for ${leases} times the lease` },
  );
}
