/**
 * Which of a run's metrics are unlike those before: the robust z-score.
 *
 * z = (x − median) / (1.4826 · MAD), where 1.4826 · MAD estimates σ of a normal distribution and up
 * to half the values of the past may be as wrong as they like. Iglewicz & Hoaglin (1993), How to
 * Detect and Handle Outliers, sect. 3.3; where more than half the values are equal, their sect. 3.3
 * too: 1.2533 times the mean absolute deviation stands in for it.
 *
 * Unusual is a finding, never a reason to stop: the first good night after a bad week is unusual.
 */
import { medianOf, SIGMA_PER_MAD } from "@contimg/astro";

import { type Finding, formatNumber } from "./gate.ts";
import type { HistoryLimits } from "./thresholds.ts";

/** σ of a normal distribution over its mean absolute deviation: √(π/2). */
const SIGMA_PER_MEAN_DEVIATION = Math.sqrt(Math.PI / 2);

/** @returns null when there is no scale to measure by: nothing in the past, or all of it equal */
export function robustZScore(value: number, past: readonly number[]): number | null {
  const median = medianOf(past);
  if (median === null) return null;
  const deviations = past.map((each) => Math.abs(each - median));
  const mean = deviations.reduce((sum, each) => sum + each, 0) / deviations.length;
  const sigma = SIGMA_PER_MAD * medianOf(deviations)! || SIGMA_PER_MEAN_DEVIATION * mean;
  return sigma > 0 ? (value - median) / sigma : null;
}

/** Percent of the past below the value, half of those equal to it; null without a past. */
export function percentileOf(value: number, past: readonly number[]): number | null {
  if (past.length === 0) return null;
  const below = past.filter((each) => each < value).length;
  const equal = past.filter((each) => each === value).length;
  return (100 * (below + equal / 2)) / past.length;
}

/** @param past the last values of each metric, in any order */
export function unusualFindings(
  metrics: Readonly<Record<string, number>>,
  past: Readonly<Record<string, readonly number[]>>,
  limits: HistoryLimits,
): Finding[] {
  return Object.entries(metrics).flatMap(([quantity, value]) => {
    const values = past[quantity] ?? [];
    if (values.length < limits.count_min) return [];
    const z = robustZScore(value, values);
    if (z === null || Math.abs(z) <= limits.z_score) return [];
    const text =
      `${quantity} is ${formatNumber(value)}, unusual: ${formatNumber(z)} sigma from the median ` +
      `${formatNumber(medianOf(values)!)} of the last ${values.length}`;
    return [
      {
        ...{ verdict: "warn", kind: "unusual", quantity, value, text },
        ...{ limit: limits.z_score, unit: "sigma" },
      },
    ];
  });
}
