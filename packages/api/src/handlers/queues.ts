/** Queues: see the contract's queue.ts. */
import type { AbsurdClient, QueueStats } from "@contimg/absurd";
import type { QueueStats as WireStats } from "@contimg/contract";

import { ApiError } from "../problem.ts";

/** A part of QUEUE_ROUTES' handlers, until the others are written. */
export function queueHandlers(client: AbsurdClient) {
  return {
    async listQueueNames(): Promise<string[]> {
      return (await client.queues.list()).map((queue) => queue.name);
    },
    async listQueueStats(): Promise<WireStats[]> {
      return (await client.stats()).map(wireStats);
    },
    async getQueueStats({ params }: { params: { queue_name: string } }): Promise<WireStats> {
      const [stats] = await client.stats(params.queue_name);
      if (!stats) throw new ApiError("NOT_FOUND", `no queue "${params.queue_name}"`);
      return wireStats(stats);
    },
  };
}

function wireStats({ queue, ...counts }: QueueStats): WireStats {
  return { queue_name: queue, ...counts };
}
