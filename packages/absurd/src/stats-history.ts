/** What ended when and how fast, from the roll-ups; and the counters that only grow. */
import { type Db, run } from "./db.ts";

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

const HOUR_SECONDS = 3_600;
const MINUTE_SECONDS = 60;

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

/** @throws {RangeError} for a step for which there are no roll-ups */
export async function readStats(db: Db, range: StatsRange): Promise<StatsStep[]> {
  const stepSeconds = range.stepSeconds ?? HOUR_SECONDS;
  const isMinutes = stepSeconds % MINUTE_SECONDS === 0 && HOUR_SECONDS % stepSeconds === 0;
  if (stepSeconds <= 0 || (stepSeconds % HOUR_SECONDS !== 0 && !isMinutes)) {
    throw new RangeError(
      `stepSeconds is ${stepSeconds}, expected a multiple of ${HOUR_SECONDS}, or whole minutes ` +
        "that make up an hour",
    );
  }
  const rows = await run<StatsRow>(
    db,
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

export async function readTotals(db: Db): Promise<Totals[]> {
  const rows = await run<TotalsRow>(db, "select * from absurd.totals()");
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
