/**
 * What is known of the system as a whole, for health, overview and metrics. Every read is shared by
 * all who ask and kept for a while; none counts over history.
 */
import type { AbsurdClient, ErrorGroup, QueueView, WorkerView } from "@contimg/absurd";

import type { Facts, StuckTask } from "./alerts.ts";
import type { DatabaseState } from "./handler.ts";
import { workerState } from "./handlers/workers.ts";
import type { Pace } from "./pace.ts";
import { Recent } from "./recent.ts";
import { STUCK } from "./thresholds.ts";

const STATE_MS = 1_000;
const GROUPS_MS = 5_000;
const USUAL_MS = 60_000;
const USUAL_HOURS = 24;
const ERROR_RATE_SECONDS = 300;

export interface SystemState {
  readonly facts: Facts;
  readonly queues: readonly QueueView[];
  readonly workers: readonly WorkerView[];
}

export class SystemWatch {
  readonly #client: AbsurdClient;
  readonly #pace: Pace;
  readonly #database: DatabaseState;
  readonly #state: Recent<SystemState>;
  readonly #groups: Recent<readonly ErrorGroup[]>;
  readonly #usual: Recent<ReadonlyMap<string, number>>;

  constructor(parts: {
    readonly client: AbsurdClient;
    readonly pace: Pace;
    readonly database: DatabaseState;
  }) {
    this.#client = parts.client;
    this.#pace = parts.pace;
    this.#database = parts.database;
    this.#state = new Recent(STATE_MS, () => this.#read());
    this.#groups = new Recent(GROUPS_MS, () => parts.client.deadLetters.groups());
    this.#usual = new Recent(USUAL_MS, () => readUsual(parts.client));
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
    const [queues, workers, usual] = await Promise.all([
      this.#client.queues.list(),
      this.#client.workers.list(),
      this.#usual.get(),
      this.#pace.look(),
    ]);
    const now = new Date();
    const ended = this.#pace.ends(ERROR_RATE_SECONDS);
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
      secondsWithoutCompletion: this.#pace.secondsWithoutCompletion,
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

/** The median run of each task name over the last day, of all its queues. */
async function readUsual(client: AbsurdClient): Promise<ReadonlyMap<string, number>> {
  const from = new Date(Date.now() - USUAL_HOURS * 3_600_000);
  const steps = await client.history.stats({ from, stepSeconds: USUAL_HOURS * 3_600 });
  const sums = new Map<string, { seconds: number; tasks: number }>();
  for (const { taskName, completed, run } of steps) {
    if (!run || completed === 0) continue;
    const sum = sums.get(taskName) ?? { seconds: 0, tasks: 0 };
    sums.set(taskName, {
      seconds: sum.seconds + run.p50 * completed,
      tasks: sum.tasks + completed,
    });
  }
  return new Map([...sums].map(([name, { seconds, tasks }]) => [name, seconds / tasks]));
}
