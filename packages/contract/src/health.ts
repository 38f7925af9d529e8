/** Health and metrics: whether it works, and how well. */
import { z } from "zod";

import { json, type Route } from "./route.ts";
import { count, instant } from "./values.ts";

export const HEALTH_STATUSES = ["healthy", "degraded", "critical", "disabled"] as const;

export const alert = z.strictObject({
  level: z.enum(["warning", "critical"]),
  /** For programs: queue-depth, oldest-pending, no-worker, … */
  code: z.string(),
  message: z.string(),
  /** What to do next. */
  remedy: z.string(),
  /** Where in the dashboard, below its base: /queues?name=imaging */
  page: z.string(),
  timestamp: instant,
});
export type Alert = z.output<typeof alert>;

export const health = z.strictObject({
  status: z.enum(HEALTH_STATUSES),
  message: z.string(),
  queue_depth: count,
  database_available: z.boolean(),
  /** Round trip; null when the database is away. */
  database_latency_ms: z.number().nullable(),
  worker_pool_healthy: z.boolean(),
  alerts: z.array(alert),
  warnings: z.array(alert),
  checked_at: instant,
});
export type Health = z.output<typeof health>;

export const metrics = z.strictObject({
  total_spawned: count,
  total_claimed: count,
  total_completed: count,
  total_failed: count,
  total_cancelled: count,
  total_timed_out: count,
  current_pending: count,
  current_claimed: count,
  avg_wait_time_sec: z.number(),
  avg_execution_time_sec: z.number(),
  p50_wait_time_sec: z.number(),
  p95_wait_time_sec: z.number(),
  p99_wait_time_sec: z.number(),
  p50_execution_time_sec: z.number(),
  p95_execution_time_sec: z.number(),
  p99_execution_time_sec: z.number(),
  /** Ends a minute over the last 1, 5 and 15 minutes. */
  throughput_1min: z.number(),
  throughput_5min: z.number(),
  throughput_15min: z.number(),
  /** Of what ended, 0 to 1; 1 when nothing did. */
  success_rate_1min: z.number(),
  success_rate_5min: z.number(),
  success_rate_15min: z.number(),
  error_rate_1min: z.number(),
  error_rate_5min: z.number(),
  error_rate_15min: z.number(),
});
export type Metrics = z.output<typeof metrics>;

const stageStats = z.strictObject({
  stage: z.string(),
  pending: count,
  running: count,
  completed: count,
  failed: count,
});

export const overview = z.strictObject({
  health,
  metrics,
  /** Failure groups that nobody acknowledged, and their tasks. */
  open_failures: z.strictObject({ groups: count, tasks: count }),
  /** Tasks that run longer than five times the usual of their name, or whose progress stands. */
  stuck: z.array(
    z.strictObject({
      task_id: z.uuid(),
      task_name: z.string(),
      running_seconds: z.number(),
      usual_seconds: z.number(),
    }),
  ),
  /** Tasks that wait for a person's event or signal. */
  held: count,
  /** The first of them. */
  held_tasks: z.array(
    z.strictObject({ task_id: z.uuid(), task_name: z.string(), awaited_event: z.string() }),
  ),
  backlog: count,
  /** Null: never, at this pace. */
  drains_in_seconds: z.number().nullable(),
  workers: z.strictObject({ total: count, active: count, idle: count, away: count }),
});
export type Overview = z.output<typeof overview>;

export const HEALTH_ROUTES = {
  getLiveness: {
    method: "GET",
    path: "/absurd/health",
    summary: "The server answers",
    tag: "health",
    role: null,
    answer: json(z.strictObject({ status: z.literal("ok"), enabled: z.boolean() })),
  },
  getReadiness: {
    method: "GET",
    path: "/absurd/health/ready",
    summary: "The server can do its work; 503 when it cannot",
    tag: "health",
    role: null,
    answer: json(z.strictObject({ status: z.literal("ready") })),
  },
  getHealth: {
    method: "GET",
    path: "/absurd/health/detailed",
    summary: "What was checked, what is wrong and what to do",
    tag: "health",
    role: "viewer",
    answer: json(health),
  },
  getOverview: {
    method: "GET",
    path: "/absurd/overview",
    summary: "What needs a person now",
    tag: "health",
    role: "viewer",
    answer: json(overview),
  },
  getPipelineStatus: {
    method: "GET",
    path: "/absurd/pipeline/status",
    summary: "Tasks by task name, and the workers",
    tag: "health",
    role: "viewer",
    answer: json(
      z.strictObject({
        stages: z.record(z.string(), stageStats),
        total: stageStats,
        worker_count: count,
        active_workers: count,
        idle_workers: count,
        is_healthy: z.boolean(),
        queue_depth: count,
        last_updated: instant,
      }),
    ),
  },
  getMetrics: {
    method: "GET",
    path: "/absurd/metrics",
    summary: "Prometheus text; the same as JSON when the client prefers application/json",
    tag: "health",
    role: "viewer",
    answer: { kind: "text", status: 200, mediaType: "text/plain; version=0.0.4" },
    problems: ["NOT_ACCEPTABLE"],
  },
  getPrometheus: {
    method: "GET",
    path: "/absurd/metrics/prometheus",
    summary: "Prometheus text",
    tag: "health",
    role: "viewer",
    answer: { kind: "text", status: 200, mediaType: "text/plain; version=0.0.4" },
  },
} as const satisfies Readonly<Record<string, Route>>;
