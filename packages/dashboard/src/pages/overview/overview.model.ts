/** What the overview says in words. Pure. */
import type { Health, Overview } from "@contimg/contract";

import { formatCount, formatCountOf, formatDuration } from "../../format/quantity.ts";

/** "12 waiting, drained in 4 min" */
export function backlogText({ backlog, drains_in_seconds: seconds }: Overview): string {
  if (backlog === 0) return "Nothing waits";
  const count = formatCount(backlog);
  if (seconds === null) return `${count} wait, and more come than go`;
  return `${count} wait, done in ${formatDuration(seconds)}`;
}

/** "3 of 4 workers at work, 1 away" */
export function workersText({ active, total, away }: Overview["workers"]): string {
  const atWork = `${formatCount(active)} of ${formatCountOf(total, "worker")} at work`;
  return away === 0 ? atWork : `${atWork}, ${formatCount(away)} away`;
}

/** Of the machinery alone: tasks that failed are the list's matter, not its. */
export function machineryText(health: Health): string {
  if (health.status !== "healthy") return health.message;
  if (!health.worker_pool_healthy) return "Database and queues are well; no worker is there";
  return "Database, queues and workers are well";
}

/** Nothing was ever spawned here, and nobody works: the first steps are shown. */
export function isFresh({ metrics, workers, backlog }: Overview): boolean {
  return metrics.total_spawned === 0 && backlog === 0 && workers.active === 0;
}
