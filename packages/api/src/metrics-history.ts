/** Ends, waits and run times over time, step by step and without gaps. */
import type { AbsurdClient, StatsStep } from "@contimg/absurd";
import type { metricsStep, RESOLUTIONS } from "@contimg/contract";
import type { z } from "zod";

import { given } from "./handlers/wire-values.ts";
import { ApiError } from "./problem.ts";
import { Recent } from "./recent.ts";

type Step = z.output<typeof metricsStep>;
type Resolution = (typeof RESOLUTIONS)[number];

const SECONDS: Readonly<Record<Resolution, number>> = {
  "1m": 60,
  "5m": 300,
  "1h": 3_600,
  "6h": 21_600,
  "1d": 86_400,
};
const HOUR_SECONDS = 3_600;
/** The engine forgets minutes after two days. */
const MINUTES_KEPT_HOURS = 48;

/** The engine rolls up every ten seconds. */
const FRESH_MS = 5_000;
/** The last step is still filling: what is a fifth of a step old tells the same. */
const STALE_SHARE = 0.2;
const RANGES_MAX = 32;

export interface MetricsRange {
  readonly hours: number;
  readonly resolution: Resolution;
  readonly queue?: string;
  readonly taskName?: string;
}

interface Historian {
  readonly history: Pick<AbsurdClient["history"], "stats">;
}

/** The steps of a range, shared by all whose charts show it. */
export type ReadMetricsHistory = (range: MetricsRange) => Promise<Step[]>;

export function metricsHistoryReader(client: Historian): ReadMetricsHistory {
  const shared = new Map<string, Recent<Step[]>>();
  return ({ hours, resolution, queue, taskName }) => {
    const range = { hours, resolution, ...given({ queue, taskName }) };
    const key = JSON.stringify(range);
    const staleMs = STALE_SHARE * SECONDS[resolution] * 1000;
    const recent =
      shared.get(key) ?? new Recent(FRESH_MS, () => metricsHistory(client, range), staleMs);
    // The last asked for is the last in the map: the first goes.
    shared.delete(key);
    shared.set(key, recent);
    if (shared.size > RANGES_MAX) shared.delete(shared.keys().next().value!);
    return recent.get();
  };
}

async function metricsHistory(
  client: Historian,
  { hours, resolution, ...filter }: MetricsRange,
): Promise<Step[]> {
  const stepSeconds = SECONDS[resolution];
  if (stepSeconds < HOUR_SECONDS && hours > MINUTES_KEPT_HOURS) {
    const message = `minutes are kept for ${MINUTES_KEPT_HOURS} hours: expected 1h, 6h or 1d`;
    throw new ApiError("INVALID_PARAMS", `query.resolution: ${message}`, {
      faults: [{ field: "query.resolution", message }],
    });
  }
  const now = new Date();
  const baseMs = Math.min(stepSeconds, HOUR_SECONDS) * 1000;
  const fromMs = floorTo(now.getTime() - hours * HOUR_SECONDS * 1000, baseMs);
  const range = { from: new Date(fromMs), stepSeconds, together: true };
  const steps = await client.history.stats({ ...range, ...filter });
  const found = new Map(steps.map((each) => [each.since.getTime(), each]));
  const all: Step[] = [];
  for (let atMs = fromMs; atMs <= now.getTime(); atMs += stepSeconds * 1000) {
    all.push(wireStep(new Date(atMs), found.get(atMs)));
  }
  return all;
}

function floorTo(value: number, size: number): number {
  return Math.floor(value / size) * size;
}

function wireStep(since: Date, step: StatsStep | undefined): Step {
  return {
    since: since.toISOString(),
    completed: step?.completed ?? 0,
    failed: step?.failed ?? 0,
    cancelled: step?.cancelled ?? 0,
    wait_time_sec: step?.wait ?? null,
    execution_time_sec: step?.run ?? null,
  };
}
