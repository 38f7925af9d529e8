/** What an undo of an action on many tasks would take back now. */
import type { AbsurdClient } from "@contimg/absurd";
import type { UndoPreview } from "@contimg/contract";

import type { BulkRow } from "./bulk-store.ts";

const LISTED_MAX = 1_000;

export async function previewUndo(client: AbsurdClient, bulk: BulkRow): Promise<UndoPreview> {
  const counts = { undone: 0, kept: 0 };
  const ids: Readonly<Record<keyof typeof counts, string[]>> = { undone: [], kept: [] };
  for await (const page of client.undoOutlook(bulk.bulk_id)) {
    for (const { taskId, what } of page) {
      counts[what] += 1;
      if (ids[what].length < LISTED_MAX) ids[what].push(taskId);
    }
  }
  return {
    undoable: counts.undone,
    gone_on: counts.kept,
    beyond: Math.max(0, bulk.done - bulk.undone - counts.undone - counts.kept),
    undoable_ids: ids.undone,
    gone_on_ids: ids.kept,
  };
}
