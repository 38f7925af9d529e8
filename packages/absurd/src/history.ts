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
  /** Null: of all that was asked for. */
  readonly queue: string | null;
  readonly taskName: string | null;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  /** From when it could first run to its last claim, seconds. Null when none was claimed. */
  readonly wait: Spread | null;
  /** Of the last attempt, seconds. */
  readonly run: Spread | null;
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
  /** Whole hours, or for the last two days whole minutes that make up an hour. Default 3600. */
  readonly stepSeconds?: number;
  readonly queue?: string;
  readonly taskName?: string;
  /** One row a step, not one a queue and task name of it. */
  readonly together?: boolean;
}

export interface RecentEnds {
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
}

/** Counts by upper limit, each with all that the ones before count. */
export interface SecondsHistogram {
  readonly buckets: readonly { readonly upTo: number; readonly count: number }[];
  readonly count: number;
  readonly sum: number;
}

/** Counters that only grow, up to the last roll-up. */
export interface Totals {
  readonly queue: string;
  readonly taskName: string;
  readonly claimed: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Attempts that ran past their timeout. */
  readonly timedOut: number;
  readonly wait: SecondsHistogram;
  readonly run: SecondsHistogram;
}

/** How long the tasks of a name ran in the last week. */
export interface UsualRun {
  readonly taskName: string;
  readonly p50: number;
  readonly p95: number;
}

const HOUR_SECONDS = 3_600;
const MINUTE_SECONDS = 60;
const WEEK_MS = 7 * 24 * HOUR_SECONDS * 1000;
const PRUNE_TRIES_MAX = 20;

type Measure = "wait" | "run";
type Column = "mean" | "p50" | "p95" | "p99";

type StatsRow = Record<`${Measure}_${Column}`, number | null> & {
  since: Date;
  queue_name: string | null;
  task_name: string | null;
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

  /** What ended, by steps, from the roll-ups: the last ten seconds may not be in them yet. */
  async stats(range: StatsRange): Promise<StatsStep[]> {
    const stepSeconds = range.stepSeconds ?? HOUR_SECONDS;
    const isMinutes = stepSeconds % MINUTE_SECONDS === 0 && HOUR_SECONDS % stepSeconds === 0;
    if (stepSeconds <= 0 || (stepSeconds % HOUR_SECONDS !== 0 && !isMinutes)) {
      throw new RangeError(
        `stepSeconds is ${stepSeconds}, expected a multiple of ${HOUR_SECONDS}, or whole minutes ` +
          "that make up an hour",
      );
    }
    const rows = await run<StatsRow>(
      this.#db,
      `select * from absurd.stats_history(
         $1, coalesce($2, absurd.clock()), make_interval(secs => $3), $4, $5, $6)`,
      [
        range.from,
        range.to ?? null,
        stepSeconds,
        range.queue ?? null,
        range.taskName ?? null,
        range.together ?? false,
      ],
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

  /** What ended in the last minutes, without delay. */
  async recent(minutes: number): Promise<RecentEnds> {
    const [row] = await run<Record<keyof RecentEnds, string>>(
      this.#db,
      "select * from absurd.recent_ends(absurd.clock() - make_interval(secs => 60 * $1))",
      [minutes],
    );
    return {
      completed: Number(row!.completed),
      failed: Number(row!.failed),
      cancelled: Number(row!.cancelled),
    };
  }

  /** Everything there ever was, by queue and task name. */
  async totals(): Promise<Totals[]> {
    const rows = await run<TotalsRow>(this.#db, "select * from absurd.totals()");
    return rows.map((row) => ({
      queue: row.queue_name,
      taskName: row.task_name,
      claimed: Number(row.claimed),
      completed: Number(row.completed),
      failed: Number(row.failed),
      cancelled: Number(row.cancelled),
      timedOut: Number(row.timed_out),
      wait: histogramOf(row.wait_histogram, row.wait_seconds),
      run: histogramOf(row.run_histogram, row.run_seconds),
    }));
  }

  /** How many tasks were ever spawned. Counts those that have not ended. */
  async spawnedTotal(): Promise<number> {
    const [row] = await run<{ n: string }>(this.#db, "select absurd.spawned_total() as n");
    return Number(row!.n);
  }

  /** By task name, over all queues, of the last week. */
  async usualRuns(): Promise<UsualRun[]> {
    const [clock] = await run<{ now: Date }>(this.#db, "select absurd.clock() as now");
    const from = new Date(clock!.now.getTime() - WEEK_MS);
    const rows = await run<{ task_name: string; p50: number; p95: number }>(
      this.#db,
      "select task_name, p50, p95 from absurd.usual_runs($1)",
      [from],
    );
    return rows.map(({ task_name: taskName, p50, p95 }) => ({ taskName, p50, p95 }));
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

interface TotalsRow extends Record<
  "claimed" | "completed" | "failed" | "cancelled" | "timed_out",
  string
> {
  queue_name: string;
  task_name: string;
  wait_seconds: number;
  run_seconds: number;
  wait_histogram: string[];
  run_histogram: string[];
}

/** Limits are 1 ms times the powers of 2, to 24 days: every fourth of absurd.histogram_bucket. */
const LIMIT_COUNT = 32;
const COUNT_BITS = 48n;
const COUNT_MASK = (1n << COUNT_BITS) - 1n;

function histogramOf(stored: readonly string[], sum: number): SecondsHistogram {
  const counted = stored.map(BigInt).map((element) => ({
    bucket: Number(element >> COUNT_BITS),
    count: Number(element & COUNT_MASK),
  }));
  const upTo = (bucketMax: number): number =>
    counted.reduce((all, { bucket, count }) => all + (bucket <= bucketMax ? count : 0), 0);
  return {
    buckets: Array.from({ length: LIMIT_COUNT }, (_, power) => ({
      upTo: 0.001 * 2 ** power,
      count: upTo(4 * power),
    })),
    count: upTo(Infinity),
    sum,
  };
}

function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "55P03";
}

function spreadOf(row: StatsRow, measure: Measure): Spread | null {
  const mean = row[`${measure}_mean`];
  if (mean === null) return null;
  return {
    mean,
    p50: row[`${measure}_p50`] ?? 0,
    p95: row[`${measure}_p95`] ?? 0,
    p99: row[`${measure}_p99`] ?? 0,
  };
}
