/** Limits as they are drawn: how full each is, in words and as a share; the fullest first. */
import { type Limit, LIMIT_KINDS } from "@contimg/contract";

import type { LimitName, LimitNumbers } from "../../api/limits.ts";
import { formatCount, formatCountOf, formatDuration } from "../../format/quantity.ts";

export const LIMIT_TABS = ["all", "key", "lock", "rate", "events"] as const;
export type LimitTab = (typeof LIMIT_TABS)[number];

export const LIMIT_TAB_LABEL: Readonly<Record<LimitTab, string>> = {
  all: "All",
  key: "Keys",
  lock: "Locks",
  rate: "Rates",
  events: "Events",
};

export const KIND_WORD: Readonly<Record<Limit["kind"], string>> = {
  key: "Key",
  lock: "Lock",
  rate: "Rate",
};

export const KIND_MEANING: Readonly<Record<Limit["kind"], string>> = {
  key: "So many tasks with this key run at once.",
  lock: "One task that writes at a time, or any number that read.",
  rate: "So many tasks start in a period.",
};

export interface Fullness {
  /** 0 to 1; above 1 when the limit was lowered under what runs. Null of a lock. */
  readonly share: number | null;
  readonly isFull: boolean;
  readonly text: string;
}

export function fullnessOf(limit: Limit): Fullness {
  const used = formatCount(limit.in_use);
  if (limit.limit === null) {
    const text = limit.in_use === 0 ? "free" : `held by ${formatCountOf(limit.in_use, "task")}`;
    return { share: null, isFull: limit.in_use > 0, text };
  }
  const of = `${used} of ${formatCount(limit.limit)}`;
  return {
    share: limit.limit === 0 ? 1 : limit.in_use / limit.limit,
    isFull: limit.in_use >= limit.limit,
    text: limit.kind === "rate" ? `${of} starts` : of,
  };
}

/** The number of a limit as it is set: "4 at once", "20 in 1 min". */
export function numberText(limit: Limit): string {
  if (limit.limit === null) return "one writer";
  const count = formatCount(limit.limit);
  return limit.kind === "rate"
    ? `${count} in ${formatDuration(limit.period_seconds)}`
    : `${count} at once`;
}

/** Who keeps tasks waiting comes first, then the fullest. */
export function shownLimits(
  limits: readonly Limit[],
  tab: LimitTab,
  find: string,
): readonly Limit[] {
  const word = find.trim().toLowerCase();
  return limits
    .filter((limit) => tab === "all" || limit.kind === tab)
    .filter((limit) => limit.name.toLowerCase().includes(word))
    .toSorted(
      (a, b) =>
        b.waiting - a.waiting ||
        (fullnessOf(b).share ?? b.in_use) - (fullnessOf(a).share ?? a.in_use) ||
        a.name.localeCompare(b.name, "en", { numeric: true }),
    );
}

export function countKinds(limits: readonly Limit[]): Readonly<Record<LimitTab, number | null>> {
  const of = (kind: Limit["kind"]) => limits.filter((limit) => limit.kind === kind).length;
  return { all: limits.length, key: of("key"), lock: of("lock"), rate: of("rate"), events: null };
}

/** As it stands in the address: key/imaging. */
export function addressOf({ kind, name }: LimitName): string {
  return `${kind}/${name}`;
}

/** Undefined: it is no address of a limit. */
export function limitAt(address: string): LimitName | undefined {
  const slash = address.indexOf("/");
  const kind = LIMIT_KINDS.find((each) => each === address.slice(0, slash));
  return kind && { kind, name: address.slice(slash + 1) };
}

/** What a form says, as the API takes it. @throws {Error} with what was expected */
export function numbersOf(
  kind: Limit["kind"],
  { count, period }: { readonly count: string; readonly period: string },
): Pick<LimitNumbers, "limit" | "period_seconds"> {
  const limit = Number(count);
  if (count.trim() === "" || !Number.isInteger(limit) || limit < 0) {
    throw new Error(`The limit is "${count}"; expected a whole number, 0 or more.`);
  }
  if (kind !== "rate") return { limit };
  const seconds = Number(period);
  if (period.trim() === "" || !(seconds > 0)) {
    throw new Error(`The period is "${period}"; expected seconds above 0.`);
  }
  return { limit, period_seconds: seconds };
}
