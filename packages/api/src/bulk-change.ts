/**
 * What an action does to a batch of its tasks. All of it happens on the given client: over a
 * transaction's connection, what was done and what is noted of it are one.
 */
import {
  type AbsurdClient,
  type BulkChange,
  type ChangedTask,
  HistoryClosed,
  type TaskStatus,
} from "@contimg/absurd";
import type { BulkAction } from "@contimg/contract";

import type { BulkRow, ItemState } from "./bulk-store.ts";

type Action = BulkAction["action"];

export interface Settled {
  readonly taskId: string;
  readonly state: ItemState;
}

/** The tasks that an action can change. */
export const STATUSES_OF_ACTION: Readonly<Record<Action, readonly TaskStatus[]>> = {
  cancel: ["pending", "claimed", "retrying"],
  retry: ["failed", "cancelled"],
  move: ["pending", "retrying"],
  discard: ["failed"],
};

/** Runs what may be refused without harm to the rest: in a savepoint. */
export type Guarded = <Result>(work: () => Promise<Result>) => Promise<Result>;

/**
 * One statement for all of them. A task whose history is just being removed would refuse all: it is
 * found by halves, and skipped.
 */
export async function changeTasks(
  client: AbsurdClient,
  bulk: BulkRow,
  taskIds: readonly string[],
  guarded: Guarded,
): Promise<Settled[]> {
  try {
    return await guarded(() => changed(client, bulk, taskIds));
  } catch (error) {
    if (!(error instanceof HistoryClosed)) throw error;
    if (taskIds.length === 1) return taskIds.map((taskId) => ({ taskId, state: "skipped" }));
    const middle = Math.ceil(taskIds.length / 2);
    return [
      ...(await changeTasks(client, bulk, taskIds.slice(0, middle), guarded)),
      ...(await changeTasks(client, bulk, taskIds.slice(middle), guarded)),
    ];
  }
}

/** The next that were changed, taken back where the task has not gone on since; none: all were. */
export async function undoTasks(client: AbsurdClient, bulk: BulkRow): Promise<Settled[]> {
  const { value } = await client.undoMany(bulk.bulk_id).next();
  return (value ?? []).map(({ taskId, what }) => ({ taskId, state: what }));
}

async function changed(
  client: AbsurdClient,
  bulk: BulkRow,
  taskIds: readonly string[],
): Promise<Settled[]> {
  const settled: Settled[] = [];
  for await (const tasks of client.changeMany(taskIds, changeOf(bulk))) {
    settled.push(...tasks.map(({ taskId, what }) => ({ taskId, state: stateOf(what) })));
  }
  return settled;
}

function changeOf(bulk: BulkRow): BulkChange {
  return {
    action: bulk.action,
    batch: bulk.bulk_id,
    reason: bulk.reason,
    priority: bulk.priority ?? undefined,
    queue: bulk.queue_name ?? undefined,
  };
}

/** A running task that was told to stop is done: what it was told cannot be taken back. */
function stateOf(what: ChangedTask["what"]): "done" | "skipped" {
  return what === "done" || what === "requested" ? "done" : "skipped";
}
