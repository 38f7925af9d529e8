/**
 * What is known of the system as a whole, for health, overview and metrics. Every read is shared by
 * all who ask and kept for a while; none counts over history.
 */
import type { AbsurdClient, ErrorGroup, QueueView, WorkerView } from "@contimg/absurd";

import type { Facts, StuckTask } from "./alerts.ts";
import type { Counts } from "./counts.ts";
import type { DatabaseState } from "./handler.ts";
import { workerState } from "./handlers/workers.ts";
import { Recent } from "./recent.ts";
import { STUCK } from "./thresholds.ts";

const STATE_MS = 1_000;
const GROUPS_MS = 5_000;
const USUAL_MS = 60_000;
const ERROR_RATE_MINUTES = 5;

export interface SystemState {
  readonly facts: Facts;
  readonly queues: readonly QueueView[];
  readonly workers: readonly WorkerView[];
}

export class SystemWatch {
  readonly #client: AbsurdClient;
  readonly #counts: Counts;
  readonly #database: DatabaseState;
  readonly #state: Recent<SystemState>;
  readonly #groups: Recent<readonly ErrorGroup[]>;
  readonly #usual: Recent<ReadonlyMap<string, number>>;

  constructor(parts: {
    readonly client: AbsurdClient;
    readonly counts: Counts;
    readonly database: DatabaseState;
  }) {
    this.#client = parts.client;
    this.#counts = parts.counts;
    this.#database = parts.database;
    this.#state = new Recent(STATE_MS, () => this.#read());
    this.#groups = new Recent(GROUPS_MS, () => parts.client.deadLetters.groups());
    this.#usual = new Recent(USUAL_MS, async () => {
      const runs = await parts.client.history.usualRuns();
      return new Map(runs.map((each) => [each.taskName, each.p50]));
    });
  }

  get isAvailable(): boolean {
    return this.#database.isAvailable;
  }

  state(): Promise<SystemState> {
    return this.#state.get();
  }

  failureGroups(): Promise<readonly ErrorGroup[]> {
    return this.#groups.get();
  }

  async #read(): Promise<SystemState> {
    const [queues, workers, usual, ended] = await Promise.all([
      this.#client.queues.list(),
      this.#client.workers.list(),
      this.#usual.get(),
      this.#client.history.recent(ERROR_RATE_MINUTES),
      this.#counts.look(),
    ]);
    const now = new Date();
    const beating = workers.filter((each) => !isAway(each));
    const facts: Facts = {
      now,
      latencyMs: this.#database.latencyMs,
      queues,
      workers: {
        total: workers.length,
        away: workers.length - beating.length,
        queues: new Set(beating.flatMap((each) => each.queues)),
      },
      secondsWithoutCompletion: this.#counts.secondsWithoutCompletion,
      ended: { total: ended.completed + ended.failed + ended.cancelled, failed: ended.failed },
      stuck: stuckTasks(workers, usual, now),
    };
    return { facts, queues, workers };
  }
}

export function isAway(worker: WorkerView): boolean {
  const state = workerState(worker);
  return state === "stale" || state === "crashed";
}

/** Tasks that run far longer than is usual for their name, longest first. */
export function stuckTasks(
  workers: readonly Pick<WorkerView, "tasks">[],
  usual: ReadonlyMap<string, number>,
  now: Date,
): StuckTask[] {
  return workers
    .flatMap((worker) => worker.tasks)
    .map(({ taskId, taskName, claimedAt }) => ({
      taskId,
      taskName,
      runningSeconds: (now.getTime() - claimedAt.getTime()) / 1000,
      // A worker names tasks with their version.
      usualSeconds: usual.get(taskName.split("@")[0] ?? taskName) ?? 0,
    }))
    .filter(({ runningSeconds, usualSeconds }) => {
      const limit =
        usualSeconds > 0
          ? Math.max(STUCK.secondsMin, usualSeconds * STUCK.timesUsual)
          : STUCK.secondsWithoutUsual;
      return runningSeconds > limit;
    })
    .sort((a, b) => b.runningSeconds - a.runningSeconds);
}
