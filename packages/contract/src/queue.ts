/** Queues: how much waits, how fast it goes, and what is set. */
import { z } from "zod";

import { json, type Route } from "./route.ts";
import { count, instant, name, reason } from "./values.ts";

/** Tasks by status. Ends are those that history still holds. */
export const queueStats = z.strictObject({
  queue_name: z.string(),
  pending: count,
  claimed: count,
  completed: count,
  failed: count,
  cancelled: count,
  retrying: count,
  total: count,
});
export type QueueStats = z.output<typeof queueStats>;

export const queueSettings = z.strictObject({
  /** Ready tasks; a spawn beyond is refused. Null: no limit. */
  pending_max: z.int().min(1).nullable(),
  /** Tasks that run at once over all workers. Null: no limit. */
  running_max: z.int().min(1).nullable(),
  /** Share of workers that serve several queues. Null: one line by priority and age. */
  weight: z.int().min(1).max(1000).nullable(),
  priority_mode: z.enum(["strict", "aging"]),
  /** So much older, a task ranks with one of the next priority. */
  aging_seconds: z.number().positive().max(1e9),
});

export const queue = queueSettings.extend({
  queue_name: z.string(),
  paused: z.boolean(),
  draining: z.boolean(),
  ready: count,
  deferred: count,
  waiting: count,
  running: count,
  /** Since when the oldest ready task is ready. */
  oldest_at: instant.nullable(),
  /** Ends a second over the last minutes. */
  throughput_per_second: z.number(),
  /** Seconds until nothing is ready, at the pace of arrivals and ends; null when it never is. */
  drains_in_seconds: z.number().nullable(),
});
export type Queue = z.output<typeof queue>;

const spread = z.strictObject({
  mean: z.number(),
  p50: z.number(),
  p95: z.number(),
  p99: z.number(),
});

export const metricsStep = z.strictObject({
  since: instant,
  completed: count,
  failed: count,
  cancelled: count,
  /** Seconds from when it could first run to its last claim. Null when none was claimed. */
  wait_time_sec: spread.nullable(),
  execution_time_sec: spread.nullable(),
});

export const RESOLUTIONS = ["1m", "5m", "1h", "6h", "1d"] as const;

const queueNameParam = z.strictObject({ queue_name: name });
const because = z.strictObject({ reason: reason.optional() });

export const QUEUE_ROUTES = {
  listQueueNames: {
    method: "GET",
    path: "/absurd/queues",
    summary: "The names of the queues",
    tag: "queues",
    role: "viewer",
    answer: json(z.array(z.string())),
  },
  listQueueStats: {
    method: "GET",
    path: "/absurd/queues/stats",
    summary: "Tasks by status, of every queue",
    tag: "queues",
    role: "viewer",
    answer: json(z.array(queueStats)),
  },
  getQueueStats: {
    method: "GET",
    path: "/absurd/queues/{queue_name}/stats",
    summary: "Tasks by status, of one queue",
    tag: "queues",
    role: "viewer",
    params: queueNameParam,
    answer: json(queueStats),
    problems: ["NOT_FOUND"],
  },
  listQueues: {
    method: "GET",
    path: "/absurd/queues/detailed",
    summary: "Every queue: settings, depth, pace and when it is empty",
    tag: "queues",
    role: "viewer",
    answer: json(z.strictObject({ queues: z.array(queue) })),
  },
  configureQueue: {
    method: "PATCH",
    path: "/absurd/queues/{queue_name}",
    summary: "Change what is set of a queue; null takes a limit away",
    tag: "queues",
    role: "operator",
    params: queueNameParam,
    body: queueSettings.partial().extend({ reason: reason.optional() }),
    answer: json(queue),
  },
  pauseQueue: {
    method: "POST",
    path: "/absurd/queues/{queue_name}/pause",
    summary: "Nothing of the queue begins any more; what runs goes on",
    tag: "queues",
    role: "operator",
    params: queueNameParam,
    body: because,
    answer: json(queue),
  },
  resumeQueue: {
    method: "POST",
    path: "/absurd/queues/{queue_name}/resume",
    summary: "End a pause or a drain",
    tag: "queues",
    role: "operator",
    params: queueNameParam,
    body: because,
    answer: json(queue),
  },
  drainQueue: {
    method: "POST",
    path: "/absurd/queues/{queue_name}/drain",
    summary: "Refuse new tasks; do those that are there",
    tag: "queues",
    role: "operator",
    params: queueNameParam,
    body: because,
    answer: json(queue),
  },
  getMetricsHistory: {
    method: "GET",
    path: "/absurd/metrics/history",
    summary: "Ends, waits and run times over time",
    tag: "queues",
    role: "viewer",
    query: z.strictObject({
      queue_name: name.optional(),
      task_name: name.optional(),
      hours: z.coerce.number().int().min(1).max(168).default(24),
      resolution: z.enum(RESOLUTIONS).default("1h"),
    }),
    answer: json(z.strictObject({ steps: z.array(metricsStep) })),
  },
} as const satisfies Readonly<Record<string, Route>>;
