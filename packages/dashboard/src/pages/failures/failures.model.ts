/** The inbox of failures: which groups stand on which tab, what each says, when its tasks died. */
import type { DeadLetter, FAILURE_TABS, FailureGroup } from "@contimg/contract";

import type { Tone } from "../../components/StatusBadge.tsx";
import { formatCountOf } from "../../format/quantity.ts";
import { withTerm } from "../tasks/tasks.model.ts";

export type FailureTab = (typeof FAILURE_TABS)[number];

export const TAB_LABEL: Readonly<Record<FailureTab, string>> = {
  open: "Open",
  acknowledged: "Acknowledged",
  resolved: "Resolved",
  all: "All",
};

export const STATE_TONE: Readonly<Record<FailureGroup["state"], Tone>> = {
  open: "failed",
  acknowledged: "retrying",
  resolved: "completed",
};

/** What follows from a class. */
export const CLASS_MEANING: Readonly<Record<string, string>> = {
  retryable: "may pass by itself; its attempts are used up",
  recoverable: "passes when something is mended first",
  fatal: "does not pass by trying again",
  validation: "the params are wrong",
};

export interface FailureFilter {
  readonly find: string;
  /** Undefined: whoever's. */
  readonly assignee: string | undefined;
}

export function fitting(
  groups: readonly FailureGroup[],
  { find, assignee }: FailureFilter,
): readonly FailureGroup[] {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  return groups.filter((group) => {
    if (assignee !== undefined && group.assignee !== assignee) return false;
    const text = [
      group.task_name,
      group.error_tag,
      group.error_class,
      group.message ?? group.example?.message,
      group.assignee,
      group.note,
    ]
      .join("\n")
      .toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

export function onTab(groups: readonly FailureGroup[], tab: FailureTab): readonly FailureGroup[] {
  return tab === "all" ? groups : groups.filter((group) => group.state === tab);
}

export function countTabs(groups: readonly FailureGroup[]): Readonly<Record<FailureTab, number>> {
  const of = (tab: FailureTab) => onTab(groups, tab).length;
  return {
    open: of("open"),
    acknowledged: of("acknowledged"),
    resolved: of("resolved"),
    all: groups.length,
  };
}

/** A group whose tasks were gone before groups kept their names has a note or a fingerprint. */
export function titleOf(group: FailureGroup): string {
  if (group.error_tag !== null) return group.error_tag;
  return group.note ?? `Group ${group.fingerprint.slice(0, 12)}`;
}

/** Where a group stands and what happens next, in a sentence. */
export function storyOf(group: FailureGroup): string {
  const dead = formatCountOf(group.count, "dead task");
  switch (group.state) {
    case "open":
      return group.count > 0
        ? `${dead}; nobody has looked at it yet.`
        : "No dead task of it is left. It is resolved by itself when every rerun has passed.";
    case "acknowledged":
      return group.count > 0
        ? `${dead}. Replay or discard them: it is resolved by itself when every rerun has passed.`
        : "Its tasks were given a new start. It is resolved by itself when every rerun has passed.";
    case "resolved":
      return group.count > 0
        ? `It is resolved, though ${dead} are still here. One more death opens it again.`
        : "No task that had this error is dead any more. If it comes back, it is open again.";
  }
}

/** The neighbour of a group in a list; the first or the last when it is not there. */
export function neighbourOf(
  groups: readonly FailureGroup[],
  fingerprint: string,
  step: 1 | -1,
): string | undefined {
  const at = groups.findIndex((group) => group.fingerprint === fingerprint);
  if (at < 0) return (step > 0 ? groups[0] : groups.at(-1))?.fingerprint;
  return groups[Math.min(groups.length - 1, Math.max(0, at + step))]?.fingerprint;
}

/** The filter of the tasks that failed like it. */
export function tasksFilterOf(group: FailureGroup): string {
  let q = "status:failed";
  if (group.task_name !== null) q = withTerm(q, "name", group.task_name);
  if (group.error_tag !== null) q = withTerm(q, "error", group.error_tag);
  return q;
}

const HOUR_MS = 3_600_000;
export const HOURS_SHOWN = 24;

/** Where the picture of the last hours begins, on a full hour: it is asked for anew each hour. */
export function picturedFrom(now: Date): string {
  const hour = Math.floor(now.getTime() / HOUR_MS) - (HOURS_SHOWN - 1);
  return new Date(hour * HOUR_MS).toISOString();
}

/** Deaths an hour, oldest first, since `picturedFrom`. */
export function deathsByHour(
  letters: readonly Pick<DeadLetter, "failed_at">[],
  from: string,
): readonly number[] {
  const counts = Array.from({ length: HOURS_SHOWN }, () => 0);
  for (const { failed_at: at } of letters) {
    const hour = Math.floor((Date.parse(at) - Date.parse(from)) / HOUR_MS);
    if (hour >= 0 && hour < HOURS_SHOWN) counts[hour]! += 1;
  }
  return counts;
}
