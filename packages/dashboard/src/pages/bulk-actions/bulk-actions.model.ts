/** Actions on many tasks: how fast one goes, when it is over, what an undo takes back. Pure. */
import type { BulkAction, UndoPreview } from "@contimg/contract";

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

/** What those that would be taken back had then, and what the others did since. */
const UNDO_MEANING: Readonly<Record<BulkVerb, { readonly back: string; readonly since: string }>> =
  {
    cancel: { back: "They would wait again where they waited.", since: "retried since" },
    retry: { back: "They would have the end again that they had.", since: "claimed since" },
    move: {
      back: "They would have the queue and the priority again that they had.",
      since: "run since, or moved on",
    },
    discard: { back: "They would be dead letters again.", since: "retried since" },
  };

export function canUndo(bulk: BulkAction): boolean {
  return bulk.state !== "undone" && bulk.done > bulk.undone;
}

export interface UndoText {
  readonly back: string;
  /** Those that stay, each sort with its reason. */
  readonly stay: readonly string[];
}

export function undoText(bulk: BulkAction, preview: UndoPreview): UndoText {
  const { undoable, gone_on: goneOn, beyond } = preview;
  const { back, since } = UNDO_MEANING[bulk.action];
  const stops = bulk.state === "running" ? "It would be stopped. " : "";
  const these =
    undoable === 0
      ? "No task can be taken back any more."
      : `${formatCountOf(undoable, "task")} would be taken back. ${back}`;
  return {
    back: `${stops}${these}`,
    stay: [
      ...(goneOn > 0 ? [staying(goneOn, since)] : []),
      ...(beyond > 0
        ? [staying(beyond, "told to stop while running, or changed too long ago")]
        : []),
    ],
  };
}

function staying(count: number, why: string): string {
  return `${formatCountOf(count, "task")} ${count === 1 ? "stays" : "stay"} as now: ${why}.`;
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
