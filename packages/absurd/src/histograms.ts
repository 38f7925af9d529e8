/** Histograms of waits and runs by the hour, from the roll-ups. */
import { type Db, run } from "./db.ts";

export interface HourHistograms {
  readonly hour: Date;
  readonly queue: string;
  readonly taskName: string;
  readonly wait: Histogram;
  readonly run: Histogram;
}

export interface Histogram {
  /** Of all that were claimed. */
  readonly seconds: number;
  /** 128 of them: see upperBoundSeconds. */
  readonly buckets: readonly number[];
}

/** Below which what is in bucket `index` lies; the last bucket is open. */
export function upperBoundSeconds(index: number): number {
  return 0.001 * 2 ** (index / 4);
}

/** Of the hour of `from` and later ones; the last minute may not be in them yet. */
export async function readHistograms(db: Db, from: Date): Promise<HourHistograms[]> {
  const rows = await run<{
    hour: Date;
    queue_name: string;
    task_name: string;
    wait_seconds: number;
    run_seconds: number;
    wait_histogram: string[];
    run_histogram: string[];
  }>(db, "select * from absurd.rollup_histograms($1)", [from]);
  return rows.map((row) => ({
    hour: row.hour,
    queue: row.queue_name,
    taskName: row.task_name,
    wait: { seconds: row.wait_seconds, buckets: row.wait_histogram.map(Number) },
    run: { seconds: row.run_seconds, buckets: row.run_histogram.map(Number) },
  }));
}
