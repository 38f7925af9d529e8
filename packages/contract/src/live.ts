/** What a client is told while it listens: Server-Sent Events, and the same over a WebSocket. */
import { z } from "zod";

import type { Route } from "./route.ts";
import { taskProgress, taskStatus } from "./task.ts";
import { queueStats } from "./queue.ts";
import { instant, name } from "./values.ts";

/**
 * A task's state changed. Told at least once and in the order in which it became visible: two with
 * the same task_id, attempt and status are one.
 */
export const taskUpdate = z.strictObject({
  type: z.literal("task_update"),
  task_id: z.uuid(),
  queue_name: z.string(),
  task_name: z.string(),
  status: taskStatus,
  attempt: z.int().min(0),
  workflow_id: z.uuid().nullable(),
  worker_id: z.string().nullable(),
  error: z.string().nullable(),
  at: instant,
});

export const queueStatsUpdate = z.strictObject({
  type: z.literal("queue_stats_update"),
  queues: z.array(queueStats),
  at: instant,
});

export const progressUpdate = z.strictObject({
  type: z.literal("progress"),
  task_id: z.uuid(),
  progress: taskProgress,
  at: instant,
});

/** Workers, schedules, limits or failure groups changed: ask for them again. */
export const stale = z.strictObject({
  type: z.literal("stale"),
  what: z.enum(["workers", "schedules", "limits", "failures", "queues", "bulk-actions"]),
  at: instant,
});

/** More was to tell than this client took: it has missed events and must read its lists anew. */
export const gap = z.strictObject({ type: z.literal("gap"), at: instant });

export const liveEvent = z.discriminatedUnion("type", [
  taskUpdate,
  queueStatsUpdate,
  progressUpdate,
  stale,
  gap,
]);
export type LiveEvent = z.output<typeof liveEvent>;
export type TaskUpdate = z.output<typeof taskUpdate>;

/** What a WebSocket client sends. Topics: pipeline:all, queue:<name>, job:<task id>. */
export const socketRequest = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("ping") }),
  z.strictObject({ type: z.literal("heartbeat_ack") }),
  z.strictObject({ type: z.literal("subscribe"), topic: name }),
  z.strictObject({ type: z.literal("unsubscribe"), topic: name }),
]);

/** What it is sent: `data` of task_update and the like is a live event without its type and time. */
export const socketMessage = z.strictObject({
  type: z.enum([
    "connected",
    "pong",
    "heartbeat",
    "subscribed",
    "unsubscribed",
    "disconnect",
    "error",
    "task_update",
    "queue_stats_update",
    "progress",
    "stale",
    "gap",
  ]),
  job_id: z.uuid().optional(),
  data: z.json(),
  timestamp: instant,
});

export const LIVE_ROUTES = {
  listen: {
    method: "GET",
    path: "/absurd/live",
    summary: "Server-Sent Events; Last-Event-ID goes on where a client left off",
    tag: "live",
    role: "viewer",
    query: z.strictObject({
      queue_name: name.optional(),
      task_id: z.uuid().optional(),
      workflow_id: z.uuid().optional(),
      /** Like the header Last-Event-ID, for clients that cannot set one. */
      last_event_id: z.string().max(200).optional(),
    }),
    answer: { kind: "events", status: 200 },
  },
} as const satisfies Readonly<Record<string, Route>>;

/** Not in OpenAPI, which knows no WebSockets: the path of the socket. */
export const SOCKET_PATH = "/absurd/ws";
