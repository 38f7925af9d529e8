/** Queues: see the contract's queue.ts. */
import type { AbsurdClient, QueuePace, QueueStats, QueueView } from "@contimg/absurd";
import type { Queue, QUEUE_ROUTES, QueueStats as WireStats } from "@contimg/contract";

import type { HandlersOf } from "../handler.ts";
import type { ReadMetricsHistory } from "../metrics-history.ts";
import type { ReadPaces } from "../pace.ts";
import { ApiError } from "../problem.ts";
import { given, wireInstant } from "./wire-values.ts";

export interface QueueHandlersDeps {
  readonly client: AbsurdClient;
  readonly readPaces: ReadPaces;
  readonly readHistory: ReadMetricsHistory;
}

export function queueHandlers({
  client,
  readPaces,
  readHistory,
}: QueueHandlersDeps): HandlersOf<typeof QUEUE_ROUTES> {
  const show = async (name: string): Promise<Queue> => {
    const queues = await listQueues(client, readPaces);
    const queue = queues.find((each) => each.queue_name === name);
    if (!queue) throw noQueue(name);
    return queue;
  };
  return {
    async listQueueNames() {
      return (await client.queues.list()).map((queue) => queue.name);
    },
    async listQueueStats() {
      return (await client.stats()).map(wireStats);
    },
    async getQueueStats({ params: { queue_name: name } }) {
      const [stats] = await client.stats(name);
      if (stats) return wireStats(stats);
      await show(name);
      return { ...NO_TASKS, queue_name: name };
    },
    async listQueues() {
      return { queues: await listQueues(client, readPaces) };
    },
    async configureQueue({ params: { queue_name: name }, body }) {
      await client.queues.configure(name, {
        pendingMax: body.pending_max,
        runningMax: body.running_max,
        weight: body.weight,
        priorityMode: body.priority_mode,
        agingSeconds: body.aging_seconds,
      });
      return show(name);
    },
    async pauseQueue({ params: { queue_name: name } }) {
      await client.queues.pause(name);
      return show(name);
    },
    async resumeQueue({ params: { queue_name: name } }) {
      await client.queues.resume(name);
      return show(name);
    },
    async drainQueue({ params: { queue_name: name } }) {
      await client.queues.drain(name);
      return show(name);
    },
    async getMetricsHistory({ query }) {
      const { queue_name: queue, task_name: taskName, hours, resolution } = query;
      const range = { hours, resolution, ...given({ queue, taskName }) };
      return { steps: await readHistory(range) };
    },
  };
}

const NO_TASKS = {
  ...{ pending: 0, claimed: 0, completed: 0, failed: 0, cancelled: 0, retrying: 0 },
  total: 0,
};

function noQueue(name: string): ApiError {
  return new ApiError("NOT_FOUND", `no queue "${name}"; GET /absurd/queues lists them`);
}

async function listQueues(client: AbsurdClient, readPaces: ReadPaces): Promise<Queue[]> {
  const [queues, paces] = await Promise.all([client.queues.list(), readPaces()]);
  return queues.map((queue) => wireQueue(queue, paces.get(queue.name)));
}

export function wireStats({ queue, ...counts }: QueueStats): WireStats {
  return { queue_name: queue, ...counts };
}

export function wireQueue(queue: QueueView, pace: Pace | undefined): Queue {
  return {
    queue_name: queue.name,
    paused: queue.paused,
    draining: queue.draining,
    pending_max: queue.pendingMax,
    running_max: queue.runningMax,
    weight: queue.weight,
    priority_mode: queue.priorityMode,
    aging_seconds: queue.agingSeconds,
    ready: queue.ready,
    deferred: queue.deferred,
    waiting: queue.waiting,
    running: queue.running,
    oldest_at: wireInstant(queue.oldestAt),
    throughput_per_second: pace?.endsPerSecond ?? 0,
    drains_in_seconds: drainsInSeconds(queue.ready, pace),
  };
}

/** Of a queue, or of several. */
export type Pace = Pick<QueuePace, "arrivalsPerSecond" | "endsPerSecond">;

/** Seconds until nothing is ready at this pace; null when it grows, stands, or nobody knows. */
export function drainsInSeconds(ready: number, pace: Pace | undefined): number | null {
  if (ready === 0) return 0;
  const net = (pace?.endsPerSecond ?? 0) - (pace?.arrivalsPerSecond ?? 0);
  return net > 0 ? ready / net : null;
}
