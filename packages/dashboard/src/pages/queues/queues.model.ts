/** Queues as they are drawn: state and drain in words, series of charts. */
import type { Queue } from "@contimg/contract";
import { RESOLUTIONS } from "@contimg/contract";

import type { Resolution } from "../../api/queues.ts";
import type { Tone } from "../../components/StatusBadge.tsx";
import { formatDuration } from "../../format/quantity.ts";

export interface QueueState {
  readonly word: string;
  readonly tone: Tone;
}

/** What it does now; a pause outranks a drain, since then nothing begins. */
export function stateOf(queue: Queue): QueueState {
  if (queue.paused) return { word: "Paused", tone: "cancelled" };
  if (queue.draining) return { word: "Draining", tone: "retrying" };
  if (queue.running > 0) return { word: "Running", tone: "claimed" };
  if (queue.ready > 0) return { word: "Backlog", tone: "pending" };
  return { word: "Idle", tone: "completed" };
}

/** When nothing will be ready, at the present pace. */
export function drainText(queue: Queue): string {
  if (queue.ready === 0) return "empty";
  if (queue.paused) return "paused";
  if (queue.drains_in_seconds === null) return "never like this";
  return formatDuration(queue.drains_in_seconds);
}

/** A queue whose oldest task waits and that does not get emptier needs somebody. */
export function needsAttention(queue: Queue): boolean {
  return queue.ready > 0 && (queue.paused || queue.drains_in_seconds === null);
}

export function filterQueues(queues: readonly Queue[], text: string): readonly Queue[] {
  const wanted = text.trim().toLowerCase();
  return queues.filter((queue) => queue.queue_name.toLowerCase().includes(wanted));
}

export interface Range {
  readonly id: string;
  readonly label: string;
  readonly hours: number;
  readonly resolution: Resolution;
}

/** How far back, each with the step that gives it some hundred points at most. */
export const RANGES = [
  { id: "1h", label: "1 h", hours: 1, resolution: "1m" },
  { id: "6h", label: "6 h", hours: 6, resolution: "5m" },
  { id: "24h", label: "24 h", hours: 24, resolution: "1h" },
  { id: "7d", label: "7 d", hours: 168, resolution: "6h" },
] as const satisfies readonly Range[];

const STEP_SECONDS: Readonly<Record<Resolution, number>> = {
  "1m": 60,
  "5m": 300,
  "1h": 3600,
  "6h": 21_600,
  "1d": 86_400,
};

export interface ChosenRange {
  readonly range: Range;
  readonly resolution: Resolution;
  /** Steps that make sense of the range: two points at least, 400 at most. */
  readonly resolutions: readonly Resolution[];
}

/** What an address asks for; what it does not say, or says wrongly, is the default. */
export function chooseRange(rangeText: string, stepText: string): ChosenRange {
  const range = RANGES.find((each) => each.id === rangeText) ?? RANGES[0];
  const resolutions = RESOLUTIONS.filter((each) => {
    const points = (range.hours * 3600) / STEP_SECONDS[each];
    return points >= 2 && points <= 400;
  });
  const resolution = resolutions.find((each) => each === stepText) ?? range.resolution;
  return { range, resolution, resolutions };
}

export interface Step {
  readonly since: string;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly wait_time_sec: Spread | null;
  readonly execution_time_sec: Spread | null;
}

interface Spread {
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export interface History {
  /** Seconds since 1970. */
  readonly times: readonly number[];
  /** Ends a second. */
  readonly completed: readonly number[];
  readonly failed: readonly number[];
  readonly cancelled: readonly number[];
  readonly wait: Percentiles;
  readonly run: Percentiles;
}

export interface Percentiles {
  readonly p50: readonly (number | null)[];
  readonly p95: readonly (number | null)[];
  readonly p99: readonly (number | null)[];
}

/** @param now the last step is as long as it has been so far, not as long as it will be */
export function historyOf(steps: readonly Step[], resolution: Resolution, now: Date): History {
  const times = steps.map((step) => Date.parse(step.since) / 1000);
  const seconds = times.map((time) =>
    Math.max(1, Math.min(STEP_SECONDS[resolution], now.getTime() / 1000 - time)),
  );
  const rate = (count: (step: Step) => number) =>
    steps.map((step, index) => count(step) / seconds[index]!);
  return {
    times,
    completed: rate((step) => step.completed),
    failed: rate((step) => step.failed),
    cancelled: rate((step) => step.cancelled),
    wait: percentilesOf(steps.map((step) => step.wait_time_sec)),
    run: percentilesOf(steps.map((step) => step.execution_time_sec)),
  };
}

function percentilesOf(spreads: readonly (Spread | null)[]): Percentiles {
  return {
    p50: spreads.map((spread) => spread?.p50 ?? null),
    p95: spreads.map((spread) => spread?.p95 ?? null),
    p99: spreads.map((spread) => spread?.p99 ?? null),
  };
}
