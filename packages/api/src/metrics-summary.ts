/** The mission's metrics object: totals that only grow, waits and runs of a day, rates of late. */
import type { AbsurdClient, RecentEnds, Spread, Totals } from "@contimg/absurd";
import type { Metrics } from "@contimg/contract";

import type { Counts } from "./counts.ts";
import { Recent } from "./recent.ts";

const DAY_SECONDS = 86_400;
const SPREADS_MS = 10_000;
const SHARED_MS = 1_000;

export interface MetricsParts {
  readonly client: AbsurdClient;
  readonly counts: Counts;
}

/** A reader is shared by all who ask within a second. */
export function metricsReader({ client, counts }: MetricsParts): () => Promise<Metrics> {
  const lastDay = new Recent(SPREADS_MS, async () => {
    const from = new Date(Date.now() - DAY_SECONDS * 1000);
    // One step that has the whole of the day.
    const range = { from, stepSeconds: 2 * DAY_SECONDS, together: true };
    const [day] = await client.history.stats(range);
    return day;
  });
  const shared = new Recent(SHARED_MS, async () => {
    const [stats, day, totals, spawned, one, five, fifteen] = await Promise.all([
      counts.stats(),
      lastDay.get(),
      client.history.totals(),
      client.history.spawnedTotal(),
      client.history.recent(1),
      client.history.recent(5),
      client.history.recent(15),
    ]);
    const now = (field: "pending" | "claimed" | "retrying"): number =>
      stats.reduce((all, each) => all + each[field], 0);
    return {
      total_spawned: spawned,
      ...totalsOf(totals),
      current_pending: now("pending") + now("retrying"),
      current_claimed: now("claimed"),
      ...spreads(day?.wait ?? NOTHING, day?.run ?? NOTHING),
      ...rates(one, five, fifteen),
    };
  });
  return () => shared.get();
}

const NOTHING: Spread = { mean: 0, p50: 0, p95: 0, p99: 0 };

function totalsOf(
  totals: readonly Totals[],
): Pick<Metrics, Exclude<Extract<keyof Metrics, `total_${string}`>, "total_spawned">> {
  const sum = (field: "claimed" | "completed" | "failed" | "cancelled" | "timedOut"): number =>
    totals.reduce((all, each) => all + each[field], 0);
  return {
    total_claimed: sum("claimed"),
    total_completed: sum("completed"),
    total_failed: sum("failed"),
    total_cancelled: sum("cancelled"),
    total_timed_out: sum("timedOut"),
  };
}

type SpreadField = Extract<keyof Metrics, `${string}_time_sec`>;

function spreads(wait: Spread, run: Spread): Pick<Metrics, SpreadField> {
  return {
    avg_wait_time_sec: wait.mean,
    p50_wait_time_sec: wait.p50,
    p95_wait_time_sec: wait.p95,
    p99_wait_time_sec: wait.p99,
    avg_execution_time_sec: run.mean,
    p50_execution_time_sec: run.p50,
    p95_execution_time_sec: run.p95,
    p99_execution_time_sec: run.p99,
  };
}

type RateField = Extract<keyof Metrics, `${string}min`>;

function rates(one: RecentEnds, five: RecentEnds, fifteen: RecentEnds): Pick<Metrics, RateField> {
  return {
    throughput_1min: sumOf(one),
    throughput_5min: sumOf(five) / 5,
    throughput_15min: sumOf(fifteen) / 15,
    success_rate_1min: share(one, "completed", 1),
    success_rate_5min: share(five, "completed", 1),
    success_rate_15min: share(fifteen, "completed", 1),
    error_rate_1min: share(one, "failed", 0),
    error_rate_5min: share(five, "failed", 0),
    error_rate_15min: share(fifteen, "failed", 0),
  };
}

function share(ends: RecentEnds, of: "completed" | "failed", ofNone: number): number {
  const sum = sumOf(ends);
  return sum > 0 ? ends[of] / sum : ofNone;
}

function sumOf({ completed, failed, cancelled }: RecentEnds): number {
  return completed + failed + cancelled;
}
