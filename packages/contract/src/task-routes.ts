/** Tasks: spawning, reading, changing. */
import { z } from "zod";

import { json, type Route } from "./route.ts";
import { taskName } from "./task-name.ts";
import {
  task,
  taskPage,
  spawnRequest,
  spawned,
  attempt,
  step,
  LOG_LEVELS,
  logLine,
  explanation,
  lineage,
  listTasksQuery,
  taskCounts,
} from "./task.ts";
import { flag, reason, taskIdParam } from "./values.ts";

export const TASK_ROUTES = {
  listTasks: {
    method: "GET",
    path: "/absurd/tasks",
    summary: "Tasks that fit a filter, newest first",
    tag: "tasks",
    role: "viewer",
    query: listTasksQuery,
    answer: json(taskPage),
    problems: ["INVALID_FILTER", "INVALID_CURSOR"],
  },
  countTasks: {
    method: "GET",
    path: "/absurd/tasks/counts",
    summary: "How many tasks fit a filter, by status",
    tag: "tasks",
    role: "viewer",
    query: listTasksQuery.omit({ cursor: true, limit: true }),
    answer: json(taskCounts),
    problems: ["INVALID_FILTER"],
  },
  spawnTask: {
    method: "POST",
    path: "/absurd/tasks",
    summary: "Spawn a task",
    tag: "tasks",
    role: "operator",
    body: spawnRequest,
    answer: json(spawned, 201),
    problems: ["UNKNOWN_TASK_NAME", "QUEUE_FULL", "QUEUE_DRAINING", "IDEMPOTENCY_CONFLICT"],
  },
  spawnTasks: {
    method: "POST",
    path: "/absurd/tasks/batch",
    summary: "Spawn many tasks: all of them, or none",
    tag: "tasks",
    role: "operator",
    body: z.strictObject({ tasks: z.array(spawnRequest).min(1).max(10_000) }),
    answer: json(z.strictObject({ tasks: z.array(spawned) }), 201),
    problems: ["UNKNOWN_TASK_NAME", "QUEUE_FULL", "QUEUE_DRAINING", "IDEMPOTENCY_CONFLICT"],
  },
  spawnTaskWithDeps: {
    method: "POST",
    path: "/absurd/tasks/with-deps",
    summary: "Spawn a task that waits for others",
    tag: "tasks",
    role: "operator",
    body: spawnRequest.required({ depends_on: true }),
    answer: json(spawned, 201),
    // Not QUEUE_FULL: what waits for others is not counted.
    problems: ["UNKNOWN_TASK_NAME", "QUEUE_DRAINING", "IDEMPOTENCY_CONFLICT"],
  },
  getTask: {
    method: "GET",
    path: "/absurd/tasks/{task_id}",
    summary: "A task",
    tag: "tasks",
    role: "viewer",
    params: taskIdParam,
    answer: json(task),
    problems: ["NOT_FOUND"],
  },
  cancelTask: {
    method: "DELETE",
    path: "/absurd/tasks/{task_id}",
    summary: "Cancel a task, also one that runs",
    tag: "tasks",
    role: "operator",
    params: taskIdParam,
    query: z.strictObject({ reason: reason.optional() }),
    answer: json(
      z.strictObject({
        task_id: z.uuid(),
        /** requested: its worker was told and ends it. */
        what: z.enum(["cancelled", "requested"]),
      }),
    ),
    problems: ["NOT_FOUND", "CONFLICT"],
  },
  retryTask: {
    method: "POST",
    path: "/absurd/tasks/{task_id}/retry",
    summary: "Give a failed or cancelled task a new start, at a step when asked",
    tag: "tasks",
    role: "operator",
    params: taskIdParam,
    body: z.strictObject({
      /** A step's name: what came before it is replayed, not done again. */
      from_step: z.string().min(1).optional(),
      reason: reason.optional(),
    }),
    answer: json(task),
    problems: ["NOT_FOUND", "CONFLICT"],
  },
  respawnTask: {
    method: "POST",
    path: "/absurd/tasks/{task_id}/respawn",
    summary: "Spawn a task like this one, with changed params when given",
    tag: "tasks",
    role: "operator",
    params: taskIdParam,
    body: spawnRequest
      .pick({ params: true, queue_name: true, priority: true, max_retries: true })
      .partial()
      .extend({ reason: reason.optional() }),
    answer: json(spawned, 201),
    problems: ["NOT_FOUND", "QUEUE_FULL", "QUEUE_DRAINING"],
  },
  moveTask: {
    method: "POST",
    path: "/absurd/tasks/{task_id}/move",
    summary: "Move a task that does not run to another priority or queue",
    tag: "tasks",
    role: "operator",
    params: taskIdParam,
    body: spawnRequest
      .pick({ queue_name: true, priority: true })
      .extend({ reason: reason.optional() }),
    answer: json(task),
    problems: ["NOT_FOUND", "CONFLICT"],
  },
  listAttempts: {
    method: "GET",
    path: "/absurd/tasks/{task_id}/attempts",
    summary: "Every attempt that ended, first to last",
    tag: "tasks",
    role: "viewer",
    params: taskIdParam,
    answer: json(z.strictObject({ attempts: z.array(attempt) })),
    problems: ["NOT_FOUND"],
  },
  listSteps: {
    method: "GET",
    path: "/absurd/tasks/{task_id}/steps",
    summary: "The checkpoints of a task in the order of writing",
    tag: "tasks",
    role: "viewer",
    params: taskIdParam,
    answer: json(z.strictObject({ steps: z.array(step) })),
    problems: ["NOT_FOUND"],
  },
  readLog: {
    method: "GET",
    path: "/absurd/tasks/{task_id}/logs",
    summary: "The log lines of a task after one, first to last",
    tag: "tasks",
    role: "viewer",
    params: taskIdParam,
    query: z.strictObject({
      after: z
        .string()
        .regex(/^\d{1,19}$/)
        .optional(),
      limit: z.coerce.number().int().min(1).max(1000).default(1000),
      level: z.enum(LOG_LEVELS).optional(),
    }),
    answer: json(z.strictObject({ lines: z.array(logLine), ended: z.boolean() })),
    problems: ["NOT_FOUND"],
  },
  explainTask: {
    method: "GET",
    path: "/absurd/tasks/{task_id}/explain",
    summary: "Why a task is not running",
    tag: "tasks",
    role: "viewer",
    params: taskIdParam,
    answer: json(z.strictObject({ explanations: z.array(explanation) })),
    problems: ["NOT_FOUND"],
  },
  getLineage: {
    method: "GET",
    path: "/absurd/tasks/{task_id}/lineage",
    summary: "Who spawned a task, what it spawned, what it waits for and what waits for it",
    tag: "tasks",
    role: "viewer",
    params: taskIdParam,
    answer: json(lineage),
    problems: ["NOT_FOUND"],
  },
  listTaskNames: {
    method: "GET",
    path: "/absurd/task-names",
    summary: "The registered task names with the JSON Schema of their params",
    tag: "tasks",
    role: "viewer",
    query: z.strictObject({ with_schema: flag.default(true) }),
    answer: json(z.strictObject({ task_names: z.array(taskName) })),
  },
} as const satisfies Readonly<Record<string, Route>>;
