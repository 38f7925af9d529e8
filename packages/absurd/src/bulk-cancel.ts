/** Cancelling many tasks by what they are. */
import { z } from "zod";

import { type Db, run } from "./db.ts";
import { InvalidFilter } from "./errors.ts";

/** All that is given must hold, and one besides `running` must be given. */
export interface CancelFilter {
  readonly queue?: string | undefined;
  readonly taskName?: string | undefined;
  /** Of the task. */
  readonly tag?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly workflowId?: string | undefined;
  readonly createdFrom?: Date | undefined;
  /** Exclusive. */
  readonly createdTo?: Date | undefined;
  /** False leaves those alone that a worker holds. */
  readonly running?: boolean | undefined;
}

export interface CancelManyOptions {
  /** Says what would be cancelled and does nothing. */
  readonly dryRun?: boolean;
  readonly reason?: string;
  /** Oldest first. Default 10,000. */
  readonly limit?: number;
}

export interface CancelledTask {
  readonly taskId: string;
  /** found: of a dry run; requested: its worker was told; ended: it had ended meanwhile. */
  readonly what: "cancelled" | "requested" | "ended" | "found";
}

const text = z.string().min(1).optional();
const filterSchema = z.strictObject({
  queue: text,
  taskName: text,
  tag: text,
  correlationId: text,
  workflowId: z.guid().optional(),
  createdFrom: z.date().optional(),
  createdTo: z.date().optional(),
  running: z.boolean().optional(),
});

/** @throws {InvalidFilter} also for one that is empty */
export async function cancelMany(
  db: Db,
  filter: CancelFilter,
  options: CancelManyOptions,
): Promise<CancelledTask[]> {
  const parsed = filterSchema.safeParse(filter);
  if (!parsed.success) throw InvalidFilter.from(parsed.error.issues);
  const rows = await run<{ task_id: string; what: CancelledTask["what"] }>(
    db,
    "select task_id, what from absurd.cancel_many($1, $2, $3, $4)",
    [
      JSON.stringify({
        queue_name: filter.queue,
        task_name: filter.taskName,
        tag: filter.tag,
        correlation_id: filter.correlationId,
        workflow_id: filter.workflowId,
        created_from: filter.createdFrom,
        created_to: filter.createdTo,
        running: filter.running,
      }),
      options.reason ?? "cancelled by request",
      options.limit ?? 10_000,
      options.dryRun ?? false,
    ],
  );
  return rows.map((row) => ({ taskId: row.task_id, what: row.what }));
}
