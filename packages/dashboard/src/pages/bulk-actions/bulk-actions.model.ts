/** Actions on many tasks: how fast one goes, when it is over, what an undo takes back. Pure. */
import type { BulkAction } from "@contimg/contract";

import type { BulkVerb } from "../../components/bulk.model.ts";
import type { Tone } from "../../components/StatusBadge.tsx";
import { formatCountOf, formatDuration, formatRate } from "../../format/quantity.ts";

export const BULK_TONE: Readonly<Record<BulkAction["state"], Tone>> = {
  running: "claimed",
  completed: "completed",
  stopped: "cancelled",
  failed: "failed",
  undone: "cancelled",
};

/** What those that are taken back have then, and which stay: they are not known before. */
const UNDO_MEANING: Readonly<Record<BulkVerb, { readonly back: string; readonly stay: string }>> = {
  cancel: {
    back: "They wait again where they waited.",
    stay: "Those that somebody has retried since stay as they are",
  },
  retry: {
    back: "They have the end again that they had.",
    stay: "Those that a worker has taken since stay as they are",
  },
  move: {
    back: "They have the queue and the priority again that they had.",
    stay: "Those that have run since stay where they are",
  },
  discard: {
    back: "They are dead letters again.",
    stay: "Those that somebody has retried since stay as they are",
  },
};

export function canUndo(bulk: BulkAction): boolean {
  return bulk.state !== "undone" && bulk.done > bulk.undone;
}

export function undoText(bulk: BulkAction): string {
  const left = bulk.done - bulk.undone;
  const these = `At most ${formatCountOf(left, "task")} ${left === 1 ? "is" : "are"} taken back.`;
  const stops = bulk.state === "running" ? "It is stopped. " : "";
  const { back, stay } = UNDO_MEANING[bulk.action];
  return `${stops}${these} ${back} ${stay}, so it may be fewer.`;
}

/** "120/s, 2 min 10 s left" of one that runs, "took 3.2 s" of one that is over. */
export function paceText(bulk: BulkAction, now: Date): string {
  const begun = Date.parse(bulk.created_at);
  if (bulk.ended_at !== null) {
    return `took ${formatDuration((Date.parse(bulk.ended_at) - begun) / 1000)}`;
  }
  const seconds = (now.getTime() - begun) / 1000;
  const handled = bulk.done + bulk.skipped;
  if (handled === 0 || seconds <= 0) return "begins";
  const perSecond = handled / seconds;
  const left = Math.max(0, bulk.total - handled) / perSecond;
  return `${formatRate(perSecond)}, ${formatDuration(Math.ceil(left))} left`;
}
