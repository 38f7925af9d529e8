/** History for programs: what there is, how long it is kept, what ended when and how fast. */
import { type Db, run } from "./db.ts";

export interface HistorySettings {
  /** Days after which tasks that ended may go. Default 30. */
  readonly retentionDays: number;
  /** Days for which hourly roll-ups are kept. Default 400. */
  readonly rollupDays: number;
}

export interface HistoryDay {
  /** UTC, YYYY-MM-DD: the day on which its tasks were spawned. */
  readonly day: string;
  readonly tasks: number;
  /** Tasks that have not ended: they keep their day. */
  readonly unended: number;
  readonly bytes: number;
}

export interface PruneReport {
  /** What went, or with dryRun would go. */
  readonly dropped: readonly HistoryDay[];
  /** Days as old, kept because of tasks that have not ended. */
  readonly kept: readonly HistoryDay[];
}

export interface StatsStep {
  readonly since: Date;
  readonly queue: string;
  readonly taskName: string;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  /** From when it could first run to its last claim, seconds. Null when none was claimed. */
  readonly wait: Spread | null;
  /** Of the last attempt, seconds. */
  readonly run: Spread | null;
}

export interface StatsTotal extends Omit<StatsStep, "queue" | "taskName"> {
  /** Of those that ended, those that a worker had. */
  readonly claimed: number;
}

/** Percentiles are within 9 %. */
export interface Spread {
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export interface StatsRange {
  readonly from: Date;
  /** Default: now. */
  readonly to?: Date;
  /** Whole hours. Default 3600. */
  readonly stepSeconds?: number;
  readonly queue?: string;
  readonly taskName?: string;
}

const HOUR_SECONDS = 3_600;
const PRUNE_TRIES_MAX = 20;

type Measure = "wait" | "run";
type Column = "mean" | "p50" | "p95" | "p99";

type StatsRow = Record<`${Measure}_${Column}`, number | null> & {
  since: Date;
  queue_name: string;
  task_name: string;
  completed: string;
  failed: string;
  cancelled: string;
};

export class History {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  async settings(): Promise<HistorySettings> {
    const [row] = await run<{ retention_days: number; rollup_days: number }>(
      this.#db,
      "select retention_days, rollup_days from absurd.history",
    );
    return { retentionDays: row!.retention_days, rollupDays: row!.rollup_days };
  }

  async keep(settings: Partial<HistorySettings>): Promise<HistorySettings> {
    for (const [name, days] of Object.entries(settings)) {
      if (!Number.isInteger(days) || days < 1) {
        throw new RangeError(`${name} is ${days}, expected a whole number of days from 1 on`);
      }
    }
    await run(
      this.#db,
      `update absurd.history set retention_days = coalesce($1, retention_days),
              rollup_days = coalesce($2, rollup_days)`,
      [settings.retentionDays ?? null, settings.rollupDays ?? null],
    );
    return this.settings();
  }

  /** Days with partitions, oldest first. Counts all of history. */
  async days(): Promise<HistoryDay[]> {
    const rows = await run<{ day: string; tasks: string; unended: string; bytes: string }>(
      this.#db,
      "select day::text, tasks, unended, bytes from absurd.history_days()",
    );
    return rows.map((row) => ({
      day: row.day,
      tasks: Number(row.tasks),
      unended: Number(row.unended),
      bytes: Number(row.bytes),
    }));
  }

  /**
   * Removes the days that are older, now; the leader does the same by `retentionDays`.
   * @throws when the tables cannot be had because of a long transaction; what went is gone
   */
  async prune(options: { olderThanDays: number; dryRun?: boolean }): Promise<PruneReport> {
    const { olderThanDays, dryRun = false } = options;
    if (!Number.isInteger(olderThanDays) || olderThanDays < 1) {
      throw new RangeError(`olderThanDays is ${olderThanDays}, expected a whole number from 1 on`);
    }
    const [row] = await run<{ before: string }>(
      this.#db,
      "select ((absurd.clock() at time zone 'UTC')::date - $1::integer)::text as before",
      [olderThanDays],
    );
    const before = row!.before;
    const old = (await this.days()).filter((each) => each.day < before);
    const kept = old.filter((each) => each.unended > 0);
    if (dryRun) return { dropped: old.filter((each) => each.unended === 0), kept };
    await run(this.#db, "select absurd.roll_up()");
    const gone = await this.#pruneBefore(before);
    return {
      dropped: old.filter((each) => gone.has(each.day)),
      kept: old.filter((each) => !gone.has(each.day)),
    };
  }

  /** What ended, by steps, from the hourly roll-ups: the last minute may not be in them yet. */
  async stats(range: StatsRange): Promise<StatsStep[]> {
    const rows = await run<StatsRow>(
      this.#db,
      `select * from absurd.stats_history(
         $1, coalesce($2, absurd.clock()), make_interval(secs => $3), $4, $5)`,
      [range.from, range.to ?? null, stepOf(range), range.queue ?? null, range.taskName ?? null],
    );
    return rows.map((row) => ({
      since: row.since,
      queue: row.queue_name,
      taskName: row.task_name,
      completed: Number(row.completed),
      failed: Number(row.failed),
      cancelled: Number(row.cancelled),
      wait: spreadOf(row, "wait"),
      run: spreadOf(row, "run"),
    }));
  }

  /** The same of all queues and task names that are asked for together, oldest step first. */
  async steps(range: StatsRange): Promise<StatsTotal[]> {
    const rows = await run<Omit<StatsRow, "queue_name" | "task_name"> & { claimed: string }>(
      this.#db,
      `select * from absurd.stats_steps(
         $1, coalesce($2, absurd.clock()), make_interval(secs => $3), $4, $5)`,
      [range.from, range.to ?? null, stepOf(range), range.queue ?? null, range.taskName ?? null],
    );
    return rows.map((row) => ({
      since: row.since,
      completed: Number(row.completed),
      failed: Number(row.failed),
      cancelled: Number(row.cancelled),
      claimed: Number(row.claimed),
      wait: spreadOf(row, "wait"),
      run: spreadOf(row, "run"),
    }));
  }

  async #pruneBefore(before: string): Promise<Set<string>> {
    const gone = new Set<string>();
    for (let failures = 0; ;) {
      try {
        const [step] = await run<{ day: string; what: string }>(
          this.#db,
          "select day::text, what from absurd.prune_step($1::date)",
          [before],
        );
        if (!step) return gone;
        if (step.what === "dropped") gone.add(step.day);
      } catch (error) {
        if (!isLockTimeout(error) || ++failures >= PRUNE_TRIES_MAX) throw error;
      }
    }
  }
}

/** @throws {RangeError} */
function stepOf({ stepSeconds = HOUR_SECONDS }: StatsRange): number {
  if (stepSeconds > 0 && stepSeconds % HOUR_SECONDS === 0) return stepSeconds;
  throw new RangeError(`stepSeconds is ${stepSeconds}, expected a multiple of ${HOUR_SECONDS}`);
}

function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "55P03";
}

function spreadOf(row: Record<`${Measure}_${Column}`, number | null>, measure: Measure): Spread | null {
  const mean = row[`${measure}_mean`];
  if (mean === null) return null;
  return {
    mean,
    p50: row[`${measure}_p50`] ?? 0,
    p95: row[`${measure}_p95`] ?? 0,
    p99: row[`${measure}_p99`] ?? 0,
  };
}
