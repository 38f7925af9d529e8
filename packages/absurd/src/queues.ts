/** What people set of queues: pause, drain, limits, shares, and which tasks go first. */
import { z } from "zod";

import { type Db, run } from "./db.ts";
import { InvalidSetting } from "./errors.ts";
import { type Notifier, SIGNAL_PAYLOAD } from "./notifier.ts";
import { uuidOrNotFound } from "./task-id.ts";

const SMALLINT = { min: -32_768, max: 32_767 };
const INTEGER_MAX = 2_147_483_647;

const limit = z.int().min(1).max(INTEGER_MAX).nullable();
const settingsSchema = z
  .strictObject({
    pendingMax: limit,
    runningMax: limit,
    weight: z.int().min(1).max(1000).nullable(),
    priorityMode: z.enum(["strict", "aging"]),
    agingSeconds: z.number().positive().max(1e9),
  })
  .partial();

/** What is left out stays as it is; null takes a limit or a weight away. */
export interface QueueSettings {
  /** Ready tasks; a spawn beyond is refused. */
  readonly pendingMax?: number | null | undefined;
  /** Tasks that run at once over all workers. */
  readonly runningMax?: number | null | undefined;
  /** Share of workers that serve several queues. Null: one line by priority and age. */
  readonly weight?: number | null | undefined;
  /** strict: higher priorities always first. aging: age counts, too. */
  readonly priorityMode?: "strict" | "aging" | undefined;
  /** So much older, a task ranks with one of the next priority. */
  readonly agingSeconds?: number | undefined;
}

export interface QueueView {
  readonly name: string;
  readonly paused: boolean;
  readonly draining: boolean;
  readonly pendingMax: number | null;
  readonly runningMax: number | null;
  readonly weight: number | null;
  readonly priorityMode: "strict" | "aging";
  readonly agingSeconds: number;
  readonly ready: number;
  readonly deferred: number;
  readonly waiting: number;
  readonly running: number;
  /** Since when the oldest ready task is ready. */
  readonly oldestAt: Date | null;
}

interface QueueRow {
  name: string;
  paused: boolean;
  draining: boolean;
  pending_max: number | null;
  running_max: number | null;
  weight: number | null;
  priority_mode: "strict" | "aging";
  aging_seconds: number;
  ready: string;
  deferred: string;
  waiting: string;
  running: string;
  oldest_at: Date | null;
}

/** Over the last minutes. */
export interface QueuePace {
  readonly queue: string;
  readonly arrivalsPerSecond: number;
  readonly endsPerSecond: number;
}

const PACE_MINUTES = 5;

export class Queues {
  readonly #db: Db;
  readonly #notifier: Notifier;

  constructor(db: Db, notifier: Notifier) {
    this.#db = db;
    this.#notifier = notifier;
  }

  async list(): Promise<QueueView[]> {
    return (await run<QueueRow>(this.#db, "select * from absurd.list_queues()")).map(fromRow);
  }

  /** Of the queues in which something came or ended. */
  async pace(): Promise<QueuePace[]> {
    const rows = await run<{ queue: string; spawned: string; ended: string; seconds: number }>(
      this.#db,
      "select * from absurd.queue_pace($1)",
      [PACE_MINUTES],
    );
    return rows.map(({ queue, spawned, ended, seconds }) => ({
      queue,
      arrivalsPerSecond: Number(spawned) / seconds,
      endsPerSecond: Number(ended) / seconds,
    }));
  }

  /** Nothing of the queue begins any more: what runs goes on, what was claimed ahead goes back. */
  async pause(queue: string): Promise<void> {
    await run(this.#db, "select absurd.pause_queue($1)", [queue]);
    this.#notifier.notify(SIGNAL_PAYLOAD);
  }

  /** Ends a pause and a drain. */
  async resume(queue: string): Promise<void> {
    await run(this.#db, "select absurd.resume_queue($1)", [queue]);
    this.#notifier.notify(queue);
  }

  /** New tasks are refused with QueueDraining; those that are there are done. */
  async drain(queue: string): Promise<void> {
    await this.#write(queue, { draining: true });
  }

  /** @throws {InvalidSetting} */
  async configure(queue: string, settings: QueueSettings): Promise<void> {
    const parsed = settingsSchema.safeParse(settings);
    if (!parsed.success) {
      const issues = parsed.error.issues.map((each) => `${each.path.join(".")}: ${each.message}`);
      throw new InvalidSetting(`settings of queue ${queue}: ${issues.join("; ")}`);
    }
    const { pendingMax, runningMax, weight, priorityMode, agingSeconds } = parsed.data;
    await this.#write(queue, {
      pending_max: pendingMax,
      running_max: runningMax,
      weight,
      priority_mode: priorityMode,
      aging_seconds: agingSeconds,
    });
    this.#notifier.notify(queue);
  }

  /**
   * Moves a task that does not run to another priority, queue or both; it keeps its age.
   * @throws {InvalidTransition} when it runs or has ended, {TaskNotFound}
   */
  async move(
    taskId: string,
    to: { readonly priority?: number | undefined; readonly queue?: string | undefined },
  ): Promise<void> {
    const { priority, queue } = to;
    const isInRange =
      priority === undefined ||
      (Number.isInteger(priority) && priority >= SMALLINT.min && priority <= SMALLINT.max);
    if (!isInRange) {
      throw new InvalidSetting(
        `priority is ${priority}, expected a whole number, ${SMALLINT.min} to ${SMALLINT.max}`,
      );
    }
    await run(this.#db, "select absurd.move_task($1, $2, $3)", [
      uuidOrNotFound(taskId),
      priority ?? null,
      queue ?? null,
    ]);
    if (queue !== undefined) this.#notifier.notify(queue);
  }

  /**
   * Makes a registered version of a task name the one that spawns take.
   * @throws {UnknownTaskName}
   */
  async useVersion(taskName: string, version: string): Promise<void> {
    await run(this.#db, "select absurd.use_version($1, $2)", [taskName, version]);
  }

  async #write(queue: string, settings: Record<string, unknown>): Promise<void> {
    await run(this.#db, "select absurd.configure_queue($1, $2)", [queue, JSON.stringify(settings)]);
  }
}

function fromRow(row: QueueRow): QueueView {
  return {
    name: row.name,
    paused: row.paused,
    draining: row.draining,
    pendingMax: row.pending_max,
    runningMax: row.running_max,
    weight: row.weight,
    priorityMode: row.priority_mode,
    agingSeconds: row.aging_seconds,
    ready: Number(row.ready),
    deferred: Number(row.deferred),
    waiting: Number(row.waiting),
    running: Number(row.running),
    oldestAt: row.oldest_at,
  };
}
