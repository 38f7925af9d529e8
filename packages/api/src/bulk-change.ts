/**
 * What an action does to one task after the other, and how it is taken back. All of it happens on
 * the given client: over a transaction's connection, what was done and what is noted of it are one.
 */
import {
  type AbsurdClient,
  fieldIs,
  HistoryClosed,
  InvalidTransition,
  QueueDraining,
  QueueFull,
  TaskNotFound,
  type TaskStatus,
  type TaskSummary,
} from "@contimg/absurd";
import type { BulkAction } from "@contimg/contract";
import { z } from "zod";

import type { BulkItem, BulkRow, ItemState } from "./bulk-store.ts";

type Action = BulkAction["action"];
type Order = Pick<BulkRow, "action" | "priority" | "queue_name" | "reason">;
export type Settled = BulkItem & { readonly state: ItemState };

/** The tasks that an action can change. */
export const STATUSES_OF_ACTION: Readonly<Record<Action, readonly TaskStatus[]>> = {
  cancel: ["pending", "claimed", "retrying"],
  retry: ["failed", "cancelled"],
  move: ["pending", "retrying"],
  discard: ["failed"],
};

const before = z.object({ attempt: z.int(), priority: z.int(), queue: z.string() });

/** Runs what may fail for one task without harm to the others: a savepoint. */
export type Guarded = (work: () => Promise<boolean>) => Promise<boolean>;

export async function changeTasks(
  client: AbsurdClient,
  order: Order,
  items: readonly BulkItem[],
  guarded: Guarded,
): Promise<Settled[]> {
  const tasks = await readTasks(client, items);
  const settled: Settled[] = [];
  for (const { taskId } of items) {
    const task = tasks.get(taskId);
    const isFit = task !== undefined && STATUSES_OF_ACTION[order.action].includes(task.status);
    const isDone = isFit && (await guarded(() => changeTask(client, order, taskId)));
    settled.push({
      taskId,
      before: task && { attempt: task.attempt, priority: task.priority, queue: task.queue },
      state: isDone ? "done" : "skipped",
    });
  }
  return settled;
}

/** Takes changes back where the task has not gone on since; the others are kept. */
export async function undoTasks(
  client: AbsurdClient,
  order: Order,
  items: readonly BulkItem[],
  guarded: Guarded,
): Promise<Settled[]> {
  const tasks = await readTasks(client, items);
  const settled: Settled[] = [];
  for (const item of items) {
    const task = tasks.get(item.taskId);
    const isUndone =
      task !== undefined && (await guarded(() => undoTask(client, order, item, task)));
    settled.push({ ...item, state: isUndone ? "undone" : "kept" });
  }
  return settled;
}

/** True for an error that says that this task cannot be changed: not a fault of the whole. */
export function isRefusal(error: unknown): boolean {
  return [InvalidTransition, TaskNotFound, HistoryClosed, QueueFull, QueueDraining].some(
    (each) => error instanceof each,
  );
}

async function changeTask(client: AbsurdClient, order: Order, taskId: string): Promise<boolean> {
  switch (order.action) {
    case "cancel":
      return client.cancel(taskId, order.reason);
    case "retry":
      await client.retry(taskId);
      return true;
    case "move":
      await client.queues.move(taskId, {
        priority: order.priority ?? undefined,
        queue: order.queue_name ?? undefined,
      });
      return true;
    case "discard": {
      const { reason } = order;
      return (await client.deadLetters.discard({ taskIds: [taskId] }, { reason })).length > 0;
    }
  }
}

async function undoTask(
  client: AbsurdClient,
  order: Order,
  item: BulkItem,
  task: TaskSummary,
): Promise<boolean> {
  const was = before.parse(item.before);
  switch (order.action) {
    case "cancel":
      if (task.status !== "cancelled") return false;
      await client.retry(item.taskId);
      return true;
    case "retry": {
      // Begun again since, it is somebody's work.
      const isUntouched = task.status === "pending" && task.attempt === was.attempt;
      return isUntouched && client.cancel(item.taskId, `undone: ${order.reason}`);
    }
    case "move": {
      const isThere =
        task.queue === (order.queue_name ?? was.queue) &&
        task.priority === (order.priority ?? was.priority);
      if (!isThere || !STATUSES_OF_ACTION.move.includes(task.status)) return false;
      await client.queues.move(item.taskId, { priority: was.priority, queue: was.queue });
      return true;
    }
    // A discarded task could only be given a new start, which nobody asked for.
    case "discard":
      return false;
  }
}

async function readTasks(
  client: AbsurdClient,
  items: readonly BulkItem[],
): Promise<Map<string, TaskSummary>> {
  const ids = items.map((each) => each.taskId);
  const filter = { conditions: [fieldIs("id", ...ids)] };
  // As long as it takes: they are named, and few.
  const { tasks } = await client.list(filter, { limit: ids.length, searchMs: 10_000 });
  return new Map(tasks.map((task) => [task.taskId, task]));
}
