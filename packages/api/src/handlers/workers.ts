/** Workers: see the contract's worker.ts. */
import type { AbsurdClient, WorkerView } from "@contimg/absurd";
import type { Worker, WORKER_ROUTES, WORKER_STATES } from "@contimg/contract";

import type { HandlersOf } from "../handler.ts";
import { ApiError } from "../problem.ts";
import { wireInstant } from "./wire-values.ts";

type WorkerState = (typeof WORKER_STATES)[number];

export function workerHandlers({
  client,
}: {
  readonly client: AbsurdClient;
}): HandlersOf<typeof WORKER_ROUTES> {
  const show = async (number: number): Promise<Worker> => {
    const workers = await client.workers.list();
    const found = workers.find(({ workerId }) => workerId === number);
    if (!found) {
      throw new ApiError("NOT_FOUND", `no worker ${number}; GET /absurd/workers lists them`);
    }
    return wireWorker(found, new Date());
  };
  return {
    async listWorkers() {
      const now = new Date();
      const workers = (await client.workers.list()).map((view) => wireWorker(view, now));
      return { workers, total: workers.length, ...countStates(workers.map((each) => each.state)) };
    },
    async getWorkerMetrics() {
      const now = new Date();
      const workers = (await client.workers.list()).map((view) => wireWorker(view, now));
      const { active, idle, stale, crashed } = countStates(workers.map((each) => each.state));
      return {
        total_workers: workers.length,
        active_workers: active,
        idle_workers: idle,
        crashed_workers: crashed,
        timed_out_workers: stale,
        avg_tasks_per_worker: mean(workers.map((each) => each.task_count)),
        avg_worker_uptime_sec: mean(workers.map((each) => each.uptime_seconds)),
      };
    },
    async beatWorker({ params: { number }, body }) {
      const requests = await client.workers.beat(number, body.epoch, body.memory_bytes);
      return {
        requests: requests.map(({ taskId, graceSeconds, ...request }) => ({
          ...request,
          task_id: taskId,
          grace_seconds: graceSeconds,
        })),
      };
    },
    async drainWorker({ params: { number } }) {
      await client.workers.drain(number);
      return show(number);
    },
    async resumeWorker({ params: { number } }) {
      await client.workers.resume(number);
      return show(number);
    },
    async stopWorker({ params: { number }, body: { grace_seconds: graceSeconds } }) {
      await client.workers.stop(number, graceSeconds === undefined ? {} : { graceSeconds });
      return show(number);
    },
  };
}

/** A worker that is asked to end is counted by what it does: it runs tasks, or none. */
export function countStates(
  states: readonly WorkerState[],
): Record<"active" | "idle" | "stale" | "crashed", number> {
  const count = (...of: WorkerState[]): number => states.filter((each) => of.includes(each)).length;
  return {
    active: count("active", "draining", "stopping"),
    idle: count("idle"),
    stale: count("stale"),
    crashed: count("crashed"),
  };
}

/** A worker beats six times a lease: half a lease without one are three that did not come. */
const STALE_LEASES = 0.5;

export function workerState(
  view: Pick<WorkerView, "asked" | "beatAgeSeconds" | "leaseSeconds" | "tasks">,
): WorkerState {
  if (view.beatAgeSeconds > view.leaseSeconds) return "crashed";
  if (view.beatAgeSeconds > view.leaseSeconds * STALE_LEASES) return "stale";
  if (view.asked === "stop") return "stopping";
  if (view.asked === "drain") return "draining";
  return view.tasks.length > 0 ? "active" : "idle";
}

export function wireWorker(view: WorkerView, now: Date): Worker {
  return {
    number: view.workerId,
    worker_id: view.name,
    state: workerState(view),
    host: view.host,
    pid: view.pid,
    version: view.version,
    queues: [...view.queues],
    concurrency: view.concurrency,
    task_names: [...view.kinds],
    task_count: view.tasks.length,
    current_task_id: view.tasks[0]?.taskId ?? null,
    tasks: view.tasks.map((task) => ({
      task_id: task.taskId,
      task_name: task.taskName,
      attempt: task.attempt,
      claimed_at: wireInstant(task.claimedAt),
    })),
    first_seen: wireInstant(view.startedAt),
    last_seen: new Date(now.getTime() - view.beatAgeSeconds * 1000).toISOString(),
    uptime_seconds: Math.max(0, (now.getTime() - view.startedAt.getTime()) / 1000),
    lease_seconds: view.leaseSeconds,
    memory_bytes: view.memoryBytes,
  };
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, each) => sum + each, 0) / values.length;
}
