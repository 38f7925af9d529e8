/** Plans of the statements inside SQL functions, as the server really ran them. */
import type pg from "pg";

/**
 * Runs `work` and returns the text of every plan that it led to on this connection, functions
 * included. Needs the contrib module auto_explain, which is part of PostgreSQL.
 */
export async function plansOf(db: pg.Client, work: () => Promise<unknown>): Promise<string[]> {
  const plans: string[] = [];
  const listen = (notice: { message?: string | undefined }): void => {
    if (notice.message?.includes("plan:")) plans.push(notice.message);
  };
  await db.query(
    `load 'auto_explain'; set auto_explain.log_min_duration = 0;
     set auto_explain.log_nested_statements = on; set auto_explain.log_analyze = on;
     set auto_explain.log_buffers = on;
     set client_min_messages = log`,
  );
  db.on("notice", listen);
  try {
    await work();
  } finally {
    db.off("notice", listen);
    await db.query("set auto_explain.log_min_duration = -1; set client_min_messages = notice");
  }
  return plans;
}
