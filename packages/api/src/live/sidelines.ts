/** What listeners are told besides changes of tasks: counts of queues, progress, what is stale. */
import type { AbsurdClient } from "@contimg/absurd";
import type { LiveEvent } from "@contimg/contract";

import type { Sideline } from "./feed.ts";

type Stale = Extract<LiveEvent, { type: "stale" }>["what"];

const STATS_MS = 1_000;
const STALE_MS = 3_000;
const PROGRESS_MS = 1_000;

/** At most once a second, and only when they changed. */
export function queueStatsSideline(client: AbsurdClient): Sideline {
  let before = "";
  return {
    everyMs: STATS_MS,
    async look(at) {
      const stats = await client.stats();
      const queues = stats.map(({ queue, ...counts }) => ({ queue_name: queue, ...counts }));
      const text = JSON.stringify(queues);
      if (text === before) return [];
      before = text;
      return [{ type: "queue_stats_update", queues, at }];
    },
  };
}

/** Says which lists are to be read again, not what is new in them. */
export function staleSideline(client: AbsurdClient): Sideline {
  const faces: Readonly<Record<Exclude<Stale, "bulk-actions">, () => Promise<unknown>>> = {
    workers: async () =>
      (await client.workers.list()).map(({ beatAgeSeconds, ...worker }) => ({
        ...worker,
        isLate: beatAgeSeconds > worker.leaseSeconds / 2,
      })),
    schedules: () => client.schedules.list(),
    limits: () => client.limits.list(),
    failures: () => client.deadLetters.groups(),
    queues: async () =>
      (await client.queues.list()).map(({ name, paused, draining, pendingMax, runningMax }) => ({
        ...{ name, paused, draining, pendingMax, runningMax },
      })),
  };
  const before = new Map<string, string>();
  return {
    everyMs: STALE_MS,
    async look(at) {
      const events: LiveEvent[] = [];
      for (const [what, read] of Object.entries(faces)) {
        const text = JSON.stringify(await read());
        const known = before.get(what);
        before.set(what, text);
        if (known !== undefined && known !== text) {
          events.push({ type: "stale", what: what as Stale, at });
        }
      }
      return events;
    },
  };
}

/** Progress of running tasks, of each the latest. */
export function progressSideline(
  read: (after: Date) => Promise<readonly ProgressChange[]>,
): Sideline {
  let after = new Date(0);
  return {
    everyMs: PROGRESS_MS,
    async look(at) {
      const rows = await read(after);
      after = rows.at(-1)?.at ?? after;
      return rows.map(({ taskId, fraction, note }) => ({
        type: "progress",
        task_id: taskId,
        progress: { fraction, note },
        at,
      }));
    },
  };
}

interface ProgressChange {
  readonly taskId: string;
  readonly fraction: number;
  readonly note: string;
  readonly at: Date;
}

/** What a write of the API makes stale, by the section of its route. */
const STALE_OF_TAG: Readonly<Record<string, Stale>> = {
  workers: "workers",
  schedules: "schedules",
  limits: "limits",
  failures: "failures",
  queues: "queues",
  "bulk actions": "bulk-actions",
};

export function staleAfter(tag: string): Stale | undefined {
  return STALE_OF_TAG[tag];
}
