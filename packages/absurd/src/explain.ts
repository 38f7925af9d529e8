/** Why a task is not running, as the database sees it. */
import { type Db, run } from "./db.ts";
import { TaskNotFound } from "./errors.ts";

export interface Explanation {
  /** For programs: ended, running, deferred, waiting, queue-paused, ... */
  readonly code: string;
  /** A plain sentence. */
  readonly message: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** @throws {TaskNotFound} */
export async function explainTask(db: Db, taskId: string): Promise<Explanation[]> {
  const rows = await run<Explanation>(
    db,
    "select code, message, detail from absurd.explain_task($1)",
    [taskId],
  );
  if (rows.length === 0) throw new TaskNotFound(`no task ${taskId}`);
  return rows;
}
