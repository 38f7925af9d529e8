/** What listeners are told besides changes of tasks: counts of queues, progress, what is stale. */
import type { AbsurdClient } from "@contimg/absurd";
import type { LiveEvent } from "@contimg/contract";

import type { Sideline } from "./feed.ts";

type Stale = Extract<LiveEvent, { type: "stale" }>["what"];

const STATS_MS = 1_000;
const STALE_MS = 3_000;
const PROGRESS_MS = 1_000;
const WATCHED_MAX = 50;

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

/** Progress of the tasks that somebody looks at. */
export class ProgressSideline implements Sideline {
  readonly everyMs = PROGRESS_MS;
  readonly #client: AbsurdClient;
  readonly #watched = new Map<string, { count: number; before: string }>();

  constructor(client: AbsurdClient) {
    this.#client = client;
  }

  /** Returns how to end it. */
  watch(taskId: string): () => void {
    const entry = this.#watched.get(taskId) ?? { count: 0, before: "" };
    entry.count += 1;
    this.#watched.set(taskId, entry);
    return () => {
      entry.count -= 1;
      if (entry.count === 0) this.#watched.delete(taskId);
    };
  }

  async look(at: string): Promise<LiveEvent[]> {
    const events: LiveEvent[] = [];
    for (const [taskId, entry] of [...this.#watched].slice(0, WATCHED_MAX)) {
      const progress = await this.#progressOf(taskId);
      const text = JSON.stringify(progress);
      if (progress === null || text === entry.before) continue;
      entry.before = text;
      events.push({ type: "progress", task_id: taskId, progress, at });
    }
    return events;
  }

  async #progressOf(taskId: string) {
    const task = await this.#client.show(taskId).catch(() => undefined);
    return task?.place.progress ?? null;
  }
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
