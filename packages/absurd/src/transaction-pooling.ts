/**
 * Working through PgBouncer in transaction mode, where each transaction may be on another session
 * of the server: nothing may be left in a session, and nothing found there.
 *
 * The connection string says so, as `?pgbouncer=true`, because it reaches every connection.
 */
import pg from "pg";

/** Node's URL reads postgres:// strings; a string of another form says nothing about pooling. */
export function isTransactionPooled(connectionString: string): boolean {
  if (!URL.canParse(connectionString)) return false;
  return new URL(connectionString).searchParams.get("pgbouncer") === "true";
}

/** The name under which to prepare a statement; none where the next session would not know it. */
export function statementName(connectionString: string, name: string): string | undefined {
  return isTransactionPooled(connectionString) ? undefined : name;
}

/** Whether connections of a pool keep named statements. Not said by a connection string: no. */
export function keepsStatements(pool: unknown): boolean {
  const connectionString = pool instanceof pg.Pool ? pool.options.connectionString : undefined;
  return connectionString !== undefined && !isTransactionPooled(connectionString);
}

// The hot statements have one good plan, whatever the statistics of a fresh table say.
const SETTINGS = `set plan_cache_mode = force_generic_plan; set enable_seqscan = off;
  set enable_bitmapscan = off; set enable_hashjoin = off; set enable_mergejoin = off; set jit = off`;

/** Settings of plans for a session of our own. Through a pooler they would stay with strangers. */
export async function settleSession(client: pg.Client, connectionString: string): Promise<void> {
  if (!isTransactionPooled(connectionString)) await client.query(SETTINGS);
}
