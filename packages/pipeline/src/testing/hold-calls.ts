/** Stops processes at a chosen place, for tests that kill them there. */
import { until } from "@contimg/testkit";
import type pg from "pg";

const HOLD_KEY = 4_711;

/**
 * Makes the next calls of one of our SQL functions wait while `work` runs: a place to stop a
 * process at, without a line for tests in the code it runs.
 */
export async function holdCallsOf(
  pool: pg.Pool,
  name: string,
  work: () => Promise<void>,
): Promise<void> {
  const { rows } = await pool.query<{ original: string }>(
    "select pg_get_functiondef(oid) as original from pg_proc where proname = $1",
    [name],
  );
  const original = rows[0]!.original;
  const holder = await pool.connect();
  try {
    await holder.query("select pg_advisory_lock($1)", [HOLD_KEY]);
    await holder.query(
      original.replace(
        /AS \$function\$/,
        `AS $function$ select pg_advisory_xact_lock_shared(${HOLD_KEY});`,
      ),
    );
    await work();
  } finally {
    await holder.query(original);
    await holder.query("select pg_advisory_unlock($1)", [HOLD_KEY]);
    holder.release();
  }
}

/** Resolves when a process waits there. */
export async function untilHeld(pool: pg.Pool): Promise<void> {
  await until(
    async () => {
      // The view shows the waits of every database of the server, and other tests' are not ours.
      const { rowCount } = await pool.query(
        `select from pg_locks l join pg_database d on d.oid = l.database
          where d.datname = current_database() and l.objid = $1
            and l.locktype = 'advisory' and not l.granted`,
        [HOLD_KEY],
      );
      return rowCount;
    },
    { what: "a worker waits at the held function" },
  );
}
