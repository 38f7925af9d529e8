/** Reading tasks: the view absurd.tasks and the attempt log, as typed values. */
import type { Db } from "./db.ts";
import { run } from "./db.ts";
import type { Json } from "./task.ts";
import { taskNumber } from "./task-id.ts";

export const TASK_STATUSES = [
  "pending",
  "claimed",
  "retrying",
  "completed",
  "failed",
  "cancelled",
] as const;

export type TaskStatus = (typeof TASK_STATUSES)[number];

/** Terminal means no worker will touch the task again on its own. */
export function isTerminal(status: TaskStatus): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** What is stored of an error. */
export interface ErrorRecord {
  readonly tag: string;
  readonly class: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, Json>>;
  readonly stack?: string;
}

/** What a list says of an error: without its fields and its stack, which may be large. */
export type ErrorSummary = Pick<ErrorRecord, "tag" | "class" | "message">;

/** A row of a list. Params and results, which may be large, are in TaskView. */
export interface TaskSummary {
  readonly taskId: string;
  readonly queue: string;
  readonly taskName: string;
  readonly priority: number;
  readonly status: TaskStatus;
  /** Attempts begun; 0 when none was. */
  readonly attempt: number;
  readonly maxRetries: number;
  readonly timeoutSeconds: number | null;
  readonly workerName: string | null;
  /** Of the end, or of the last attempt. */
  readonly error: ErrorSummary | null;
  readonly createdAt: Date;
  readonly availableAt: Date;
  readonly claimedAt: Date | null;
  readonly completedAt: Date | null;
  readonly waitSeconds: number | null;
  readonly executionSeconds: number | null;
  readonly workflowId: string | null;
  readonly parentTaskId: string | null;
  readonly correlationId: string | null;
  readonly idempotencyKey: string | null;
  readonly tags: readonly string[];
}

export interface TaskView extends TaskSummary {
  readonly params: Json;
  readonly result: Json;
  /** Of the end, or of the last attempt. */
  readonly error: ErrorRecord | null;
  readonly dependsOn: readonly string[];
}

interface SummaryRow {
  task_id: string;
  queue_name: string;
  task_name: string;
  priority: number;
  status: TaskStatus;
  attempt: number;
  max_retries: number;
  timeout_sec: number | null;
  worker_id: string | null;
  error_detail: ErrorSummary | null;
  created_at: Date;
  available_at: Date;
  claimed_at: Date | null;
  completed_at: Date | null;
  wait_time_sec: number | null;
  execution_time_sec: number | null;
  workflow_id: string | null;
  parent_task_id: string | null;
  correlation_id: string | null;
  idempotency_key: string | null;
  tags: string[] | null;
}

interface TaskRow extends SummaryRow {
  params: Json;
  result: Json;
  error_detail: ErrorRecord | null;
  depends_on: string[] | null;
}

function fromSummaryRow(row: SummaryRow): TaskSummary {
  return {
    taskId: row.task_id,
    queue: row.queue_name,
    taskName: row.task_name,
    priority: row.priority,
    status: row.status,
    attempt: row.attempt,
    maxRetries: row.max_retries,
    timeoutSeconds: row.timeout_sec,
    workerName: row.worker_id,
    error: row.error_detail,
    createdAt: row.created_at,
    availableAt: row.available_at,
    claimedAt: row.claimed_at,
    completedAt: row.completed_at,
    waitSeconds: row.wait_time_sec,
    executionSeconds: row.execution_time_sec,
    workflowId: row.workflow_id,
    parentTaskId: row.parent_task_id,
    correlationId: row.correlation_id,
    idempotencyKey: row.idempotency_key,
    tags: row.tags ?? [],
  };
}

/** The tasks of these numbers that exist, newest first. */
export async function readSummaries(db: Db, numbers: readonly string[]): Promise<TaskSummary[]> {
  if (numbers.length === 0) return [];
  const rows = await run<SummaryRow>(db, "select * from absurd.task_summaries($1)", [numbers]);
  return rows.map(fromSummaryRow);
}

/** The tasks that exist, in no order; UUIDs of no task are left out. */
export async function readTasks(db: Db, taskIds: readonly string[]): Promise<TaskView[]> {
  const numbers = taskIds.map((id) => taskNumber(id)).filter((number) => number !== undefined);
  const rows = await run<TaskRow>(
    db,
    "select v.*, v.depends_on::text[] as depends_on from absurd.tasks_by_number($1) v",
    [numbers.map(String)],
  );
  return rows.map((row) => ({
    ...fromSummaryRow(row),
    params: row.params,
    result: row.result,
    error: row.error_detail,
    dependsOn: row.depends_on ?? [],
  }));
}

export interface AttemptView {
  readonly attempt: number;
  readonly workerName: string | null;
  readonly claimedAt: Date | null;
  readonly finishedAt: Date;
  /** completed, cancelled, released (given back by its worker), or the class of the failure. */
  readonly ending: string;
  readonly error: ErrorRecord | null;
}

interface AttemptRow {
  claim_no: number;
  worker: string | null;
  claimed_at: Date | null;
  finished_at: Date;
  ending: string;
  error: ErrorRecord | null;
}

/** Every attempt that ended, first to last. */
export async function readAttempts(db: Db, taskId: string): Promise<AttemptView[]> {
  const rows = await run<AttemptRow>(
    db,
    `select e.claim_no, w.name as worker, e.claimed_at, e.finished_at, e.ending, e.error
       from (
         select claim_no, worker_id, claimed_at, finished_at, class as ending, error
           from absurd.attempt where task_id = $1
         union all
         select claim_no, worker_id, claimed_at, finished_at,
                case kind when 'c' then 'completed' else 'cancelled' end, error
           from absurd.outcome where task_id = $1 and kind <> 'd'
         union all
         select claim_no, worker_id, claimed_at, finished_at, 'released', null
           from absurd.credit where task_id = $1 and finished_at is not null
       ) e
       left join absurd.worker w on w.worker_id = e.worker_id
      order by e.claim_no, e.finished_at`,
    [String(taskNumber(taskId) ?? 0n)],
  );
  return rows.map((row) => ({
    attempt: row.claim_no,
    workerName: row.worker,
    claimedAt: row.claimed_at,
    finishedAt: row.finished_at,
    ending: row.ending,
    error: row.error,
  }));
}

export interface TaskPlace {
  readonly place:
    "ready" | "deferred" | "waiting" | "parked" | "lease" | "completed" | "failed" | "cancelled";
  readonly runAt: Date | null;
  /** Parents that have not completed. */
  readonly unmetCount: number | null;
  /** The event that it waits for. */
  readonly awaitedEvent: string | null;
  readonly progress: { readonly fraction: number; readonly note: string } | null;
  readonly cancelRequested: boolean;
}

export async function locateTask(db: Db, taskId: string): Promise<TaskPlace | undefined> {
  const [row] = await run<{
    place: TaskPlace["place"];
    run_at: Date | null;
    unmet: number | null;
    awaited_event: string | null;
    fraction: number | null;
    note: string | null;
    cancel_requested: boolean;
  }>(db, "select l.*, absurd.awaited_event($1) as awaited_event from absurd.locate_task($1) l", [
    String(taskNumber(taskId) ?? 0n),
  ]);
  if (!row) return undefined;
  return {
    place: row.place,
    runAt: row.run_at,
    unmetCount: row.unmet,
    awaitedEvent: row.awaited_event,
    progress: row.fraction === null ? null : { fraction: row.fraction, note: row.note ?? "" },
    cancelRequested: row.cancel_requested,
  };
}

export interface QueueStats extends Readonly<Record<TaskStatus, number>> {
  readonly queue: string;
  readonly total: number;
}

export interface NameStats extends Readonly<Record<TaskStatus, number>> {
  readonly taskName: string;
  readonly total: number;
}

export async function readQueueStats(db: Db, queue?: string): Promise<QueueStats[]> {
  const rows = await run<StatusRow & { queue_name: string }>(
    db,
    "select * from absurd.get_queue_stats($1)",
    [queue ?? null],
  );
  return rows.map((row) => ({ queue: row.queue_name, ...fromStatusRow(row) }));
}

export async function readNameStats(db: Db): Promise<NameStats[]> {
  const rows = await run<StatusRow & { task_name: string }>(
    db,
    "select * from absurd.get_name_stats()",
  );
  return rows.map((row) => ({ taskName: row.task_name, ...fromStatusRow(row) }));
}

type StatusRow = Record<TaskStatus | "total", string>;

function fromStatusRow(row: StatusRow): Record<TaskStatus | "total", number> {
  return {
    pending: Number(row.pending),
    claimed: Number(row.claimed),
    completed: Number(row.completed),
    failed: Number(row.failed),
    cancelled: Number(row.cancelled),
    retrying: Number(row.retrying),
    total: Number(row.total),
  };
}
