/** Workers: who is there, what each runs, and asking one to drain or to stop. */
import { z } from "zod";

import { json, type Route } from "./route.ts";
import { count, instant, reason } from "./values.ts";

/**
 * active: runs tasks. idle: beats and runs none. draining, stopping: was asked to.
 * stale: its beat is late. crashed: its lease has run out, and its tasks go to others.
 */
export const WORKER_STATES = [
  "active",
  "idle",
  "draining",
  "stopping",
  "stale",
  "crashed",
] as const;

export const runningTask = z.strictObject({
  task_id: z.uuid(),
  task_name: z.string(),
  attempt: z.int(),
  claimed_at: instant,
});

export const worker = z.strictObject({
  /** The number that actions take. */
  number: z.int(),
  /** The name that tasks show. */
  worker_id: z.string(),
  state: z.enum(WORKER_STATES),
  host: z.string().nullable(),
  pid: z.int().nullable(),
  version: z.string().nullable(),
  queues: z.array(z.string()),
  /** Tasks at once. */
  concurrency: z.int(),
  /** Task names, with versions as name@version. */
  task_names: z.array(z.string()),
  task_count: z.int().min(0),
  current_task_id: z.uuid().nullable(),
  tasks: z.array(runningTask),
  first_seen: instant,
  last_seen: instant,
  uptime_seconds: z.number(),
  lease_seconds: z.number(),
  /** Resident, as the worker reported it; null when it did not. */
  memory_bytes: z.number().nullable(),
});
export type Worker = z.output<typeof worker>;

export const workerPage = z.strictObject({
  workers: z.array(worker),
  total: count,
  active: count,
  idle: count,
  stale: count,
  crashed: count,
});

const workerParam = z.strictObject({ number: z.coerce.number().int().min(1).max(2_147_483_647) });

/** The number with which the worker registered itself; text, as it may be beyond 2⁵³. */
const epoch = z
  .string()
  .regex(/^(0|-?[1-9]\d{0,18})$/, { error: "expected a whole number as text", abort: true })
  .refine((text) => BigInt.asIntN(64, BigInt(text)) === BigInt(text), "expected 64 bits");

/**
 * What a worker is asked to do: end a task (cancel, deadline), claim nothing more (drain), end
 * (stop), give back what it claimed ahead of its free places (paused).
 */
const workerRequest = z.strictObject({
  kind: z.enum(["cancel", "deadline", "drain", "stop", "paused"]),
  /** Of cancel and deadline; these stay until the attempt has ended. */
  task_id: z.uuid().nullable(),
  attempt: z.int().nullable(),
  reason: z.string().nullable(),
  /** Of drain and stop. */
  grace_seconds: z.number().nullable(),
});

export const WORKER_ROUTES = {
  listWorkers: {
    method: "GET",
    path: "/absurd/workers",
    summary: "The registered workers",
    tag: "workers",
    role: "viewer",
    answer: json(workerPage),
  },
  getWorkerMetrics: {
    method: "GET",
    path: "/absurd/workers/metrics",
    summary: "The workers together",
    tag: "workers",
    role: "viewer",
    answer: json(
      z.strictObject({
        total_workers: count,
        active_workers: count,
        idle_workers: count,
        crashed_workers: count,
        timed_out_workers: count,
        avg_tasks_per_worker: z.number(),
        avg_worker_uptime_sec: z.number(),
      }),
    ),
  },
  beatWorker: {
    method: "POST",
    path: "/absurd/workers/{number}/heartbeat",
    summary: "A worker says that it lives, which prolongs its leases, and hears what it is asked",
    tag: "workers",
    role: "operator",
    params: workerParam,
    body: z.strictObject({
      epoch,
      memory_bytes: z
        .int()
        .min(0)
        .max(2 ** 50)
        .optional(),
    }),
    answer: json(z.strictObject({ requests: z.array(workerRequest) })),
    isBeat: true,
    problems: ["NOT_FOUND", "CONFLICT"],
  },
  drainWorker: {
    method: "POST",
    path: "/absurd/workers/{number}/drain",
    summary: "The worker claims nothing any more, ends what it runs, and stays",
    tag: "workers",
    role: "operator",
    params: workerParam,
    body: z.strictObject({ reason: reason.optional() }),
    answer: json(worker),
    problems: ["NOT_FOUND"],
  },
  resumeWorker: {
    method: "POST",
    path: "/absurd/workers/{number}/resume",
    summary: "Take a drain back",
    tag: "workers",
    role: "operator",
    params: workerParam,
    body: z.strictObject({ reason: reason.optional() }),
    answer: json(worker),
    problems: ["NOT_FOUND"],
  },
  stopWorker: {
    method: "POST",
    path: "/absurd/workers/{number}/stop",
    summary: "The worker ends; its tasks are given back after the grace",
    tag: "workers",
    role: "operator",
    params: workerParam,
    body: z.strictObject({
      grace_seconds: z.number().min(0).max(86_400).optional(),
      reason: reason.optional(),
    }),
    answer: json(worker),
    problems: ["NOT_FOUND"],
  },
} as const satisfies Readonly<Record<string, Route>>;
