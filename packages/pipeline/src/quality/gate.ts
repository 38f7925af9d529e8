/**
 * A quality gate: what a stage measured against the limits for it. Pure.
 *
 * Every stage has a gate, and every run passes it before its products count. A quantity that should
 * have been measured and was not (a stage leaves out what is no number) is a finding, too: nothing
 * passes for lack of a number.
 */
import type { Levels, Rule, Thresholds } from "./thresholds.ts";

/** In order of severity. */
export const VERDICTS = ["pass", "warn", "hold", "reject"] as const;

/**
 * - pass, warn: the chain goes on;
 * - hold: it goes on when a person has released the run, or ends when one rejects it;
 * - reject: the run's products are not kept, and the chain ends.
 */
export type Verdict = (typeof VERDICTS)[number];

export interface Finding {
  readonly verdict: Exclude<Verdict, "pass">;
  /** Name of the metric; of an unusual value and a stage's own remark as well. */
  readonly quantity: string;
  readonly kind: "limit" | "absent" | "unusual" | "remark" | "released-input";
  /** Null when it was not measured, or is not a matter of numbers. */
  readonly value: number | null;
  readonly limit: number | null;
  readonly unit: string;
  /** The sentence for a person. */
  readonly text: string;
}

export interface GateVerdict {
  readonly verdict: Verdict;
  /** Worst first. */
  readonly findings: readonly Finding[];
}

export function worstOf(verdicts: readonly Verdict[]): Verdict {
  const ranks = verdicts.map((verdict) => VERDICTS.indexOf(verdict));
  return VERDICTS[Math.max(0, ...ranks)]!;
}

/** The gate's verdict with further findings counted in. */
export function withFindings(findings: readonly Finding[]): GateVerdict {
  const rank = (finding: Finding): number => VERDICTS.indexOf(finding.verdict);
  return {
    verdict: worstOf(findings.map(({ verdict }) => verdict)),
    findings: findings.toSorted((a, b) => rank(b) - rank(a)),
  };
}

/** A stage without rules (a site's own) passes: there is nothing to hold against it. */
export function judge(
  stage: string,
  metrics: Readonly<Record<string, number>>,
  thresholds: Thresholds,
): GateVerdict {
  const rules = Object.entries(thresholds.stages[stage] ?? {});
  return withFindings(
    rules.flatMap(([quantity, rule]) => judgeQuantity(quantity, metrics[quantity], rule) ?? []),
  );
}

function judgeQuantity(
  quantity: string,
  value: number | undefined,
  rule: Rule,
): Finding | undefined {
  if (value === undefined || !Number.isFinite(value)) {
    if (rule.absent === "pass") return undefined;
    const text = `${rule.what} was not measured`;
    return {
      ...{ verdict: rule.absent, quantity, kind: "absent", text },
      ...{ value: null, limit: null, unit: rule.unit },
    };
  }
  const low = exceeded(rule.at_least, (limit) => value < limit);
  const high = exceeded(rule.at_most, (limit) => value > limit);
  const hit = low ?? high;
  if (hit === undefined) return undefined;
  const wanted = low === undefined ? "at most" : "at least";
  const unit = rule.unit === "" ? "" : ` ${rule.unit}`;
  const text =
    `${rule.what} is ${formatNumber(value)}${unit}, ` +
    `expected ${wanted} ${formatNumber(hit.limit)}`;
  return { ...hit, quantity, kind: "limit", value, unit: rule.unit, text };
}

/** The severest level that is broken; a value at its limit is within it. */
function exceeded(
  levels: Levels | undefined,
  isBeyond: (limit: number) => boolean,
): (Pick<Finding, "verdict" | "limit"> & { limit: number }) | undefined {
  for (const verdict of ["reject", "hold", "warn"] as const) {
    const limit = levels?.[verdict];
    if (limit !== undefined && limit !== null && isBeyond(limit)) return { verdict, limit };
  }
  return undefined;
}

/** Four figures; a value must not round to its limit and seem to be within it. */
export function formatNumber(value: number): string {
  return String(Number(value.toPrecision(4)));
}
