/** Actions on many tasks: their words. Pure. */
import type { BULK_ACTIONS, BulkAction } from "@contimg/contract";

import { formatCount, formatCountOf } from "../format/quantity.ts";

export type BulkVerb = (typeof BULK_ACTIONS)[number];

export const BULK_LABEL: Readonly<Record<BulkVerb, string>> = {
  cancel: "Cancel",
  retry: "Retry",
  move: "Move",
  discard: "Discard",
};

export const BULK_PAST: Readonly<Record<BulkVerb, string>> = {
  cancel: "cancelled",
  retry: "given a new start",
  move: "moved",
  discard: "discarded",
};

/** What happens, and whether it can be taken back. */
export const BULK_MEANING: Readonly<Record<BulkVerb, string>> = {
  cancel: "Those that wait end now; the workers of those that run are told to end them.",
  retry: "Those that failed or were cancelled get a new start with all their attempts.",
  move: "Those that do not run get another priority or queue.",
  discard: "Dead letters count as cancelled; nobody is told of them any more.",
};

/** "12 of 40 tasks cancelled, 3 skipped" */
export function progressText(bulk: BulkAction): string {
  const parts = [
    `${formatCount(bulk.done)} of ${formatCountOf(bulk.total, "task")} ${BULK_PAST[bulk.action]}`,
  ];
  if (bulk.skipped > 0) parts.push(`${formatCount(bulk.skipped)} no longer in a state for it`);
  if (bulk.undone > 0) parts.push(`${formatCount(bulk.undone)} taken back`);
  return parts.join(", ");
}

/** 0 to 1. */
export function progressShare({ done, skipped, total }: BulkAction): number {
  return total === 0 ? 1 : Math.min(1, (done + skipped) / total);
}
