/** A connection of a pool, held over several statements. */
import type pg from "pg";

/**
 * A server that ends says so on a held connection also between two statements, when nobody asks: a
 * pool listens to its idle connections only, and unheard it would end this process. The next
 * statement fails and says it.
 *
 * After an error the connection, in an unknown state, does not go back to the pool.
 */
export async function holdConnection<Result>(
  pool: Pick<pg.Pool, "connect">,
  work: (connection: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  const connection = await pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error): void => {
    broken ??= error;
  };
  connection.on("error", onError);
  try {
    return await work(connection);
  } catch (error) {
    broken ??= error instanceof Error ? error : new Error(String(error));
    throw error;
  } finally {
    // The pool listens again first.
    connection.release(broken);
    connection.off("error", onError);
  }
}
