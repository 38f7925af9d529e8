/** What a work is: one thing that is measured, on which engines, against which target. */
import type { EngineName, PeerName } from "./engine.ts";
import type { Lab } from "./lab.ts";

/** "tiny" is for the test that all of it runs; its figures mean nothing. */
export type Scale = "full" | "quick" | "tiny";

export interface Target {
  readonly text: string;
  /** @param ratio ours to the best peer's; undefined when no peer was measured */
  isMet(ours: number, ratio: number | undefined): boolean;
}

export interface Metric {
  /** Follows the work's key where a work has several: "latency.p99". */
  readonly key?: string;
  readonly unit: string;
  readonly better: "higher" | "lower";
  readonly target: Target;
}

export interface Measurement {
  /** One a metric, in the metrics' order. */
  readonly values: readonly number[];
  /** What else is good to know; undefined: could not be measured here. */
  readonly details: Readonly<Record<string, number | undefined>>;
}

export interface Trial {
  readonly lab: Lab;
  readonly engine: EngineName;
  /** How many tasks, or what the work's `sizes` count. */
  readonly size: number;
  readonly pinSeconds: number;
}

export interface Work {
  readonly key: string;
  readonly about: string;
  /** Who can do it, the strongest first: --quick measures that one only. */
  readonly peers: readonly PeerName[];
  readonly sizes: Readonly<Record<Scale, number>>;
  /** How much of the size a slow engine gets, so that its turn takes as long as the others'. */
  readonly shares?: Readonly<Partial<Record<PeerName, number>>>;
  /** `sizes` are seconds, and --tasks leaves them alone. */
  readonly countsSeconds?: boolean;
  readonly metrics: readonly Metric[];
  readonly roundsMax?: number;
  measure(trial: Trial): Promise<Measurement>;
}

/** Ours is at least so many times the best peer's. */
export function atLeastTimes(factor: number): Target {
  return {
    text: `>= ${factor} x`,
    isMet: (_, ratio) => ratio !== undefined && ratio >= factor,
  };
}

export function atMostTimes(factor: number): Target {
  return {
    text: `<= ${factor} x`,
    isMet: (_, ratio) => ratio !== undefined && ratio <= factor,
  };
}

export function atLeast(limit: number): Target {
  return { text: `>= ${limit}`, isMet: (ours) => ours >= limit };
}

export function atMost(limit: number): Target {
  return { text: `<= ${limit}`, isMet: (ours) => ours <= limit };
}

export function below(limit: number): Target {
  return { text: `< ${limit}`, isMet: (ours) => ours < limit };
}

/** Of unsorted values; NaN when there are none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}
