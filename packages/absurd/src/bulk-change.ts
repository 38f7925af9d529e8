/**
 * One change of many tasks, in batches, and taking it back for those that have not run since. A
 * change that was cut off goes on when it is called again with the same batch: who was changed
 * then is refused.
 */
import { type Db, run } from "./db.ts";
import { taskNumber, taskUuid } from "./task-id.ts";

export const BULK_ACTIONS = ["cancel", "retry", "move", "discard"] as const;
export type BulkChangeAction = (typeof BULK_ACTIONS)[number];

export interface BulkChange {
  readonly action: BulkChangeAction;
  /** A UUID of the caller's: names the change, to take it back. */
  readonly batch: string;
  readonly reason?: string | undefined;
  /** Of a move. */
  readonly priority?: number | undefined;
  readonly queue?: string | undefined;
}

export interface ChangedTask {
  readonly taskId: string;
  /** requested: its worker was told. refused: its status does not allow it. */
  readonly what: "done" | "requested" | "refused" | "unknown";
}

export interface UndoneTask {
  readonly taskId: string;
  /** kept: it has run since, or was changed otherwise. */
  readonly what: "undone" | "kept";
}

const BATCH = 500;
const OUTLOOK_PAGE = 2_000;

/**
 * Yields what became of each task, a transaction at a time. @throws {QueueDraining |
 * HistoryClosed}
 */
export async function* changeMany(
  db: Db,
  taskIds: readonly string[],
  change: BulkChange,
): AsyncGenerator<readonly ChangedTask[], void> {
  for (let from = 0; from < taskIds.length; from += BATCH) {
    const ids = taskIds.slice(from, from + BATCH);
    const numbers = ids.flatMap((id) => taskNumber(id)?.toString() ?? []);
    const rows = await run<{ task_id: string; what: ChangedTask["what"] }>(
      db,
      "select task_id, what from absurd.change_tasks($1, $2, $3, $4, $5, $6)",
      [
        change.action,
        numbers,
        change.batch,
        change.reason ?? "changed by request",
        change.priority ?? null,
        change.queue ?? null,
      ],
    );
    const what = new Map(rows.map((row) => [taskUuid(row.task_id), row.what]));
    yield ids.map((taskId) => ({ taskId, what: what.get(taskId.toLowerCase()) ?? "unknown" }));
  }
}

/** Yields what undoMany would say now, a page at a time; changes nothing. */
export async function* undoOutlook(
  db: Db,
  batch: string,
): AsyncGenerator<readonly UndoneTask[], void> {
  let after = "0";
  while (true) {
    const rows = await run<{ task_id: string; what: UndoneTask["what"] }>(
      db,
      "select task_id, what from absurd.undo_outlook($1, $2, $3)",
      [batch, after, OUTLOOK_PAGE],
    );
    if (rows.length > 0)
      yield rows.map((row) => ({ taskId: taskUuid(row.task_id), what: row.what }));
    if (rows.length < OUTLOOK_PAGE) return;
    after = rows.at(-1)!.task_id;
  }
}

/** Yields what was taken back, a transaction at a time. @throws {HistoryClosed} */
export async function* undoMany(
  db: Db,
  batch: string,
): AsyncGenerator<readonly UndoneTask[], void> {
  while (true) {
    const rows = await run<{ task_id: string; what: UndoneTask["what"] }>(
      db,
      "select task_id, what from absurd.undo_change($1, $2)",
      [batch, BATCH],
    );
    if (rows.length === 0) return;
    yield rows.map((row) => ({ taskId: taskUuid(row.task_id), what: row.what }));
  }
}
