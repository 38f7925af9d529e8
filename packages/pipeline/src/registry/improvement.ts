/** Whether one decision is so much better than another that a tile should be made again. */
import type { CalibrationDecision, DecisionKind } from "./decision.ts";

/** Kinds of decisions that the chain prefers have the lower number; a person's choice stays. */
const RUNG: Readonly<Partial<Record<DecisionKind, number>>> = {
  interpolated: 0,
  nearest: 0,
  backup: 1,
  "last-known-good": 2,
};

/** What makes a table unfit for what it is, not for when and where it was made. */
const BAD = new Set(["retired", "failed", "graded-fail", "implausible", "unreadable"]);

export interface Improvement {
  /** A bad table first, then a better rung, then a better grade, then hours. */
  readonly urgency: 3 | 2 | 1 | 0;
  /** By which the effective age falls; may be negative for the more urgent. */
  readonly gainHours: number;
  readonly reason: string;
}

/**
 * @param then what a product was made by
 * @param now what would be decided now
 * @returns undefined when the product may stay
 */
export function improvementOf(
  then: CalibrationDecision,
  now: CalibrationDecision,
  gainHoursMin: number,
): Improvement | undefined {
  const gainHours = effectiveAgeHours(then) - effectiveAgeHours(now);
  if (now.kind === "assigned") {
    if (then.tables[0]?.calibration_id === now.tables[0]?.calibration_id) return undefined;
    return { urgency: 3, gainHours, reason: `a person assigned ${now.tables[0]?.table_path}` };
  }
  const [rungThen, rungNow] = [RUNG[then.kind], RUNG[now.kind]];
  if (rungThen === undefined || rungNow === undefined) return undefined;
  const bad = now.refused.find(
    ({ calibration_id, refusal }) =>
      BAD.has(refusal) && then.tables.some((table) => table.calibration_id === calibration_id),
  );
  if (bad) return { urgency: 3, gainHours, reason: `it was made with a bad table: ${bad.reason}` };
  if (rungNow < rungThen) {
    return { urgency: 2, gainHours, reason: `${now.kind} in place of ${then.kind}` };
  }
  if (rungNow > rungThen) return undefined;
  const [warnedThen, warnedNow] = [warnedCount(then), warnedCount(now)];
  if (warnedNow > warnedThen) return undefined;
  if (warnedNow < warnedThen) {
    return { urgency: 1, gainHours, reason: "a solution without warnings in place of one with" };
  }
  if (gainHours < gainHoursMin) return undefined;
  const ages = `${effectiveAgeHours(now).toFixed(1)} h in place of ${effectiveAgeHours(then).toFixed(1)} h`;
  return { urgency: 0, gainHours, reason: `nearer solutions: an effective age of ${ages}` };
}

/**
 * Hours after which one solution would be as wrong as these are together. Phases that wander at
 * random are off by the square root of the time; between two known points a and b hours away their
 * variance is that of a Brownian bridge, a b / (a + b) (Karatzas & Shreve 1991, 5.6.B).
 */
export function effectiveAgeHours({ tables }: CalibrationDecision): number {
  const [a = 0, b] = tables.map(({ offset_hours }) => Math.abs(offset_hours ?? 0));
  if (b === undefined) return a;
  return a + b === 0 ? 0 : (a * b) / (a + b);
}

function warnedCount({ tables }: CalibrationDecision): number {
  return tables.some(({ grade }) => grade === "warn") ? 1 : 0;
}

/** The most urgent first, then the greatest gain, then the newest tile. */
export function byUrgency(
  a: { readonly improvement: Improvement; readonly groupId: string },
  b: { readonly improvement: Improvement; readonly groupId: string },
): number {
  return (
    b.improvement.urgency - a.improvement.urgency ||
    b.improvement.gainHours - a.improvement.gainHours ||
    (a.groupId < b.groupId ? 1 : -1)
  );
}
