/** The mission's metrics object: counts now, waits and runs of the last day, rates of late. */
import type { AbsurdClient, Spread } from "@contimg/absurd";
import type { Metrics } from "@contimg/contract";

import type { Ends, Pace } from "./pace.ts";
import { Recent } from "./recent.ts";
import type { SystemWatch } from "./system-state.ts";

const DAY_SECONDS = 86_400;
const SPREADS_MS = 10_000;

export interface MetricsParts {
  readonly client: AbsurdClient;
  readonly pace: Pace;
  readonly watch: SystemWatch;
}

/** Totals are of the tasks that history still holds. A reader is cheap: share one. */
export function metricsReader({ client, pace, watch }: MetricsParts): () => Promise<Metrics> {
  const lastDay = new Recent(SPREADS_MS, async () => {
    const from = new Date(Date.now() - DAY_SECONDS * 1000);
    const [day] = await client.history.steps({ from, stepSeconds: 2 * DAY_SECONDS });
    return day;
  });
  return async () => {
    const [stats, day, groups] = await Promise.all([
      pace.stats(),
      lastDay.get(),
      watch.failureGroups(),
    ]);
    const sum = (field: "pending" | "claimed" | "completed" | "failed" | "cancelled" | "retrying") =>
      stats.reduce((all, each) => all + each[field], 0);
    const [claimed, completed, failed, cancelled] = [
      sum("claimed"),
      sum("completed"),
      sum("failed"),
      sum("cancelled"),
    ];
    const timedOut = groups.filter((each) => each.tag === "TimedOut");
    return {
      total_spawned: stats.reduce((all, each) => all + each.total, 0),
      total_claimed: claimed + completed + failed + sum("retrying"),
      total_completed: completed,
      total_failed: failed,
      total_cancelled: cancelled,
      total_timed_out: timedOut.reduce((all, each) => all + each.count, 0),
      current_pending: sum("pending") + sum("retrying"),
      current_claimed: claimed,
      ...spreads(day?.wait ?? NOTHING, day?.run ?? NOTHING),
      ...rates(pace.ends(60), pace.ends(300), pace.ends(900)),
    };
  };
}

const NOTHING: Spread = { mean: 0, p50: 0, p95: 0, p99: 0 };

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

function rates(one: Ends, five: Ends, fifteen: Ends): Pick<Metrics, RateField> {
  return {
    throughput_1min: perMinute(one),
    throughput_5min: perMinute(five),
    throughput_15min: perMinute(fifteen),
    success_rate_1min: share(one, "completed", 1),
    success_rate_5min: share(five, "completed", 1),
    success_rate_15min: share(fifteen, "completed", 1),
    error_rate_1min: share(one, "failed", 0),
    error_rate_5min: share(five, "failed", 0),
    error_rate_15min: share(fifteen, "failed", 0),
  };
}

function perMinute(ends: Ends): number {
  return ends.seconds > 0 ? (sumOf(ends) / ends.seconds) * 60 : 0;
}

function share(ends: Ends, of: "completed" | "failed", ofNone: number): number {
  const sum = sumOf(ends);
  return sum > 0 ? ends[of] / sum : ofNone;
}

function sumOf({ completed, failed, cancelled }: Ends): number {
  return completed + failed + cancelled;
}
