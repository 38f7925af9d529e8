/** How fast tasks of each queue come and end, as the database counts it, for all who ask. */
import type { AbsurdClient, QueuePace } from "@contimg/absurd";

import { Recent } from "./recent.ts";

/** Of minutes: seconds change little. */
const PACE_MS = 5_000;
/** Nobody waits for a newer one: counting what came takes 30 ms. */
const STALE_MS = 60_000;

/** A queue in which nothing came or ended is absent. */
export type ReadPaces = () => Promise<ReadonlyMap<string, QueuePace>>;

export function paceReader({ queues }: Pick<AbsurdClient, "queues">): ReadPaces {
  const shared = new Recent(
    PACE_MS,
    async () => new Map((await queues.pace()).map((each) => [each.queue, each])),
    STALE_MS,
  );
  return () => shared.get();
}
