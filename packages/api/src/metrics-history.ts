/** Ends, waits and run times over time, step by step and without gaps. */
import type { AbsurdClient, StatsStep } from "@contimg/absurd";
import type { metricsStep, RESOLUTIONS } from "@contimg/contract";
import type { z } from "zod";

import { ApiError } from "./problem.ts";

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

export interface MetricsRange {
  readonly hours: number;
  readonly resolution: Resolution;
  readonly queue?: string;
  readonly taskName?: string;
}

export async function metricsHistory(
  client: AbsurdClient,
  { hours, resolution, ...filter }: MetricsRange,
  now = new Date(),
): Promise<Step[]> {
  const stepSeconds = SECONDS[resolution];
  if (stepSeconds < HOUR_SECONDS && hours > MINUTES_KEPT_HOURS) {
    const message = `minutes are kept for ${MINUTES_KEPT_HOURS} hours: expected 1h, 6h or 1d`;
    throw new ApiError("INVALID_PARAMS", `query.resolution: ${message}`, {
      faults: [{ field: "query.resolution", message }],
    });
  }
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
