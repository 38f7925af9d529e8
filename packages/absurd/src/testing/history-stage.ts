/** What tests of history do and look at. */
import type pg from "pg";

export async function rollUp(db: pg.Client): Promise<string | null> {
  const { rows } = await db.query<{ n: string | null }>("select absurd.roll_up() as n");
  return rows[0]!.n;
}

/** Rolls up until nothing is left: sessions of other files hold the horizon at times. */
export async function rollUpAll(db: pg.Client): Promise<void> {
  for (let left = true; left;) {
    await rollUp(db);
    const { rows } = await db.query<{ left: boolean }>(
      `select exists (select from absurd.outcome o, absurd.history h where o.xid >= h.rolled_xid)
           as left`,
    );
    left = rows[0]!.left;
  }
}

export async function stats(db: pg.Client): Promise<unknown> {
  const { rows } = await db.query(
    `select completed::integer, failed::integer, cancelled::integer, total::integer
       from absurd.get_queue_stats('default')`,
  );
  return rows[0];
}

export async function rolled(db: pg.Client): Promise<unknown> {
  const { rows } = await db.query(
    `select coalesce(sum(completed), 0)::integer as completed,
            coalesce(sum(failed), 0)::integer as failed from absurd.rollup`,
  );
  return rows[0];
}
