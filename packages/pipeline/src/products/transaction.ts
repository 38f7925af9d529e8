/** A transaction on a pooled connection that says whether its commit may have happened. */
import { holdConnection } from "@contimg/absurd";
import type pg from "pg";

/** The connection broke while it committed: only the database knows whether it did. */
export class CommitUncertain extends Error {
  override readonly name = "CommitUncertain";
}

/** @throws {CommitUncertain} when the commit was sent and no answer came */
export function inTransaction<Result>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  return holdConnection(pool, async (client) => {
    await client.query("begin");
    try {
      const result = await work(client);
      await commit(client);
      return result;
    } catch (error) {
      // Who hears of the error sees nothing of the transaction any more.
      if (!(error instanceof CommitUncertain))
        await client.query("rollback").catch(() => undefined);
      throw error;
    }
  });
}

async function commit(client: pg.PoolClient): Promise<void> {
  let command: string;
  try {
    ({ command } = await client.query("commit"));
  } catch (cause) {
    // A refused commit (a deferred constraint, say) carries an SQLSTATE and is certain.
    if (cause instanceof Error && "severity" in cause && !("code" in cause && isLoss(cause.code))) {
      throw cause;
    }
    throw new CommitUncertain("no answer to commit", { cause });
  }
  // PostgreSQL answers ROLLBACK to the commit of a failed transaction.
  if (command !== "COMMIT") throw new Error(`commit answered ${command}`);
}

/** 57P: the server is going down; 08: the connection failed. */
function isLoss(code: unknown): boolean {
  return typeof code === "string" && /^(57P|08)/.test(code);
}
