/** What is said of tasks. */
import { z } from "zod";

import { instant, jsonObject, jsonValue, name, nextCursor, pageQuery } from "./values.ts";

export const TASK_STATUSES = [
  "pending",
  "claimed",
  "retrying",
  "completed",
  "failed",
  "cancelled",
] as const;

export const taskStatus = z.enum(TASK_STATUSES);
export type TaskStatus = z.output<typeof taskStatus>;

/** What is stored of an error. */
export const errorRecord = z.strictObject({
  /** Such as OutOfMemory. */
  tag: z.string(),
  /** retryable, recoverable, fatal, validation, … */
  class: z.string(),
  message: z.string(),
  fields: jsonObject,
  stack: z.string().optional(),
});
export type ErrorRecord = z.output<typeof errorRecord>;

/** A row of a list. Params and results, which may be large, are in the detail. */
export const taskSummary = z.strictObject({
  task_id: z.uuid(),
  queue_name: z.string(),
  task_name: z.string(),
  priority: z.int(),
  status: taskStatus,
  /** Attempts begun; 0 when none was. */
  attempt: z.int().min(0),
  max_retries: z.int().min(0),
  worker_id: z.string().nullable(),
  created_at: instant,
  /** When it may first run, or run again. */
  available_at: instant,
  claimed_at: instant.nullable(),
  completed_at: instant.nullable(),
  wait_time_sec: z.number().nullable(),
  execution_time_sec: z.number().nullable(),
  /** Of the end, or of the last attempt. */
  error: z.string().nullable(),
  error_tag: z.string().nullable(),
  error_class: z.string().nullable(),
  tags: z.array(z.string()),
  correlation_id: z.string().nullable(),
  workflow_id: z.uuid().nullable(),
  parent_task_id: z.uuid().nullable(),
});
export type TaskSummary = z.output<typeof taskSummary>;

export const taskProgress = z.strictObject({ fraction: z.number(), note: z.string() });

/** Where a task is between the statuses: `pending` is one of ready, deferred, waiting, parked. */
export const taskPlace = z.enum([
  "ready",
  "deferred",
  "waiting",
  "parked",
  "lease",
  "completed",
  "failed",
  "cancelled",
]);

export const task = taskSummary.extend({
  params: jsonValue,
  result: jsonValue,
  error_detail: errorRecord.nullable(),
  timeout_sec: z.number().nullable(),
  idempotency_key: z.string().nullable(),
  depends_on: z.array(z.uuid()),
  place: taskPlace,
  /** Of a deferred task. */
  run_at: instant.nullable(),
  /** Parents that have not completed. */
  unmet_count: z.int().nullable(),
  awaited_event: z.string().nullable(),
  progress: taskProgress.nullable(),
  cancel_requested: z.boolean(),
});
export type Task = z.output<typeof task>;

export const taskPage = z.strictObject({
  tasks: z.array(taskSummary),
  next_cursor: nextCursor,
  /** False: the search ended by its budget, before the page was full. `next_cursor` goes on. */
  complete: z.boolean(),
  /** Every task created since then was looked at; null: all were. */
  scanned_to: instant.nullable(),
});
export type TaskPage = z.output<typeof taskPage>;

/** A task to depend on, and in which end of it. */
const dependency = z.union([
  z.uuid(),
  z.strictObject({
    task_id: z.uuid(),
    /** success, failure, always, or a predicate on the result. Default success. */
    when: z.string().min(1).optional(),
    otherwise: z.enum(["cancel", "skip", "continue"]).optional(),
  }),
]);

export const spawnRequest = z.strictObject({
  task_name: name,
  params: jsonValue.default({}),
  /** Default: the queue of the task's definition. */
  queue_name: name.optional(),
  version: z.string().min(1).max(200).optional(),
  /** Higher first. */
  priority: z.int().min(-32_768).max(32_767).optional(),
  timeout_sec: z.number().min(0.001).max(1e9).optional(),
  max_retries: z.int().min(0).max(1_000_000).optional(),
  delay_seconds: z.number().min(0).max(1e9).optional(),
  available_at: instant.optional(),
  deadline: instant.optional(),
  expires_at: instant.optional(),
  idempotency_key: z.string().min(1).max(500).optional(),
  correlation_id: z.string().min(1).max(500).optional(),
  fairness_key: z.string().min(1).max(500).optional(),
  tags: z.array(z.string().min(1).max(200)).max(100).optional(),
  depends_on: z.array(dependency).max(1000).optional(),
});
export type SpawnRequest = z.output<typeof spawnRequest>;

export const spawned = z.strictObject({
  task_id: z.uuid(),
  /** False when the key was known: this is the older task. */
  created: z.boolean(),
});

export const attempt = z.strictObject({
  attempt: z.int(),
  worker_id: z.string().nullable(),
  claimed_at: instant.nullable(),
  finished_at: instant,
  /** completed, cancelled, released (given back by its worker), or the class of the failure. */
  ending: z.string(),
  error: errorRecord.nullable(),
});

export const step = z.strictObject({
  /** From the second call of a name on with #2, #3, … */
  step: z.string(),
  attempt: z.int(),
  value: jsonValue,
  at: instant,
});

export const LOG_LEVELS = ["info", "warn", "error"] as const;

export const logLine = z.strictObject({
  /** Grows; give it back as `after`. */
  line: z.string(),
  attempt: z.int(),
  at: instant,
  level: z.enum(LOG_LEVELS),
  message: z.string(),
  fields: jsonValue,
});
export type LogLine = z.output<typeof logLine>;

export const explanation = z.strictObject({
  /** For programs: ended, running, deferred, waiting, queue-paused, … */
  code: z.string(),
  /** For people. */
  message: z.string(),
  detail: jsonObject,
});
export type Explanation = z.output<typeof explanation>;

/** The relatives of a task, one step away. */
export const lineage = z.strictObject({
  parent: taskSummary.nullable(),
  /** Spawned by its handler; newest first, the first 200. */
  children: z.array(taskSummary),
  depends_on: z.array(taskSummary),
  /** What waits for it, or waited. */
  dependents: z.array(taskSummary),
});

export const listTasksQuery = pageQuery.extend({
  /** The filter grammar: status:failed name:imaging age>2h -tag:test */
  q: z.string().max(2000).default(""),
  /** The same as queue: and status: in `q`. */
  queue_name: name.optional(),
  task_status: taskStatus.optional(),
});

/** How many tasks fit, by status; counting ends at `limit` of a status. */
export const taskCounts = z.strictObject({
  counts: z.record(taskStatus, z.int().min(0)),
  /** Statuses of which there are at least as many as counted. */
  at_least: z.array(taskStatus),
});
