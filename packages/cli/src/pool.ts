/** Connections of a command, which may go on for days. */
import pg from "pg";

export interface PoolOptions {
  readonly databaseUrl: string;
  /** As the server's list of sessions shows it. */
  readonly applicationName: string;
  readonly max: number;
}

export function openPool({ databaseUrl, applicationName, max }: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    application_name: applicationName,
    max,
  });
  // A connection that breaks while idle is replaced; one that is needed reports its own error.
  pool.on("error", () => undefined);
  return pool;
}
