/** From when on a number needs a person: one table for health, alerts and their texts. */

export interface Threshold {
  readonly warning: number;
  readonly critical: number;
}

export const THRESHOLDS = {
  /** Ready tasks of all queues. */
  queueDepth: { warning: 500, critical: 1_000 },
  /** Since when the oldest ready task of a queue that is not paused is ready. */
  oldestPendingSeconds: { warning: 600, critical: 3_600 },
  /** Nothing completed for so long while tasks are ready. */
  nothingCompletedSeconds: { warning: Infinity, critical: 300 },
  /** Round trip to the database. */
  databaseLatencyMs: { warning: 500, critical: 1_000 },
  /** Of the workers that are registered, those that do not beat: half of them. */
  awayWorkerShare: { warning: 0.5, critical: 1 },
  /** Of what ended in five minutes; of fewer tasks than `fewEnds` nothing is said. */
  errorRate: { warning: 0.05, critical: 0.1 },
} as const satisfies Readonly<Record<string, Threshold>>;

/** Ends in five minutes below which a share of them says nothing. */
export const FEW_ENDS = 10;

/** A task is stuck past so many times the usual of its name, and past this many seconds. */
export const STUCK = { timesUsual: 5, secondsMin: 60, secondsWithoutUsual: 3_600 } as const;

export function levelOf(value: number, threshold: Threshold): "warning" | "critical" | undefined {
  // A share of exactly one is all of them.
  if (value > threshold.critical || (threshold.critical === 1 && value === 1)) return "critical";
  return value > threshold.warning ? "warning" : undefined;
}
