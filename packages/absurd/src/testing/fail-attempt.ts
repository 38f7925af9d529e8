/** Failures by SQL, as a worker in another language reports them. */
import { sqlWorker } from "@contimg/testkit";

export type Engine = Awaited<ReturnType<typeof sqlWorker.emptyEngine>>;

interface Failure {
  readonly tag?: string;
  readonly class?: string;
  readonly retryAfterSeconds?: number;
}

/** Fails an attempt as a worker in another language would. */
export async function fail(
  { db, worker }: Engine,
  held: sqlWorker.ClaimRow,
  how: Failure,
): Promise<void> {
  await db.query("select absurd.fail_task($1, 'as asked', $2, '{}', $3, $4)", [
    await sqlWorker.fence(db, worker, held),
    how.class ?? "retryable",
    how.tag ?? "Error",
    how.retryAfterSeconds ?? null,
  ]);
}
