/** One action on many tasks: looked at first, then done in the background, and undone in part. */
import { z } from "zod";

import { json, type Route } from "./route.ts";
import { taskSummary } from "./task.ts";
import { instant, nextCursor, pageQuery, reason } from "./values.ts";

export const BULK_ACTIONS = ["cancel", "retry", "move", "discard"] as const;
export const BULK_STATES = ["running", "completed", "stopped", "failed", "undone"] as const;

/** Which tasks: those that are named, or all that fit a filter when the action begins. */
const selection = z.union([
  z.strictObject({ task_ids: z.array(z.uuid()).min(1).max(10_000) }),
  z.strictObject({ q: z.string().min(1).max(2000) }),
]);

export const bulkRequest = z.strictObject({
  action: z.enum(BULK_ACTIONS),
  selection,
  /** Of `move`: higher goes first. */
  priority: z.int().min(-32_768).max(32_767).optional(),
  queue_name: z.string().min(1).max(200).optional(),
  reason,
});

export const bulkPreview = z.strictObject({
  /** Tasks that the action would change. */
  count: z.int().min(0),
  /** True when there are more than were counted. */
  at_least: z.boolean(),
  by_task_name: z.array(z.strictObject({ task_name: z.string(), count: z.int() })),
  /** The newest of them. */
  sample: z.array(taskSummary),
});

export const bulkAction = z.strictObject({
  bulk_id: z.uuid(),
  action: z.enum(BULK_ACTIONS),
  state: z.enum(BULK_STATES),
  /** As it was asked for; null when tasks were named. */
  q: z.string().nullable(),
  reason: z.string(),
  actor: z.string(),
  total: z.int().min(0),
  /** Tasks that were changed. */
  done: z.int().min(0),
  /** Tasks whose state no longer allowed it. */
  skipped: z.int().min(0),
  /** Of those that were changed, taken back. */
  undone: z.int().min(0),
  created_at: instant,
  ended_at: instant.nullable(),
  error: z.string().nullable(),
});
export type BulkAction = z.output<typeof bulkAction>;

export const undoPreview = z.strictObject({
  /** Tasks that would be taken back now. */
  undoable: z.int().min(0),
  /** Tasks that have gone on since and would stay as they are. */
  gone_on: z.int().min(0),
  /** Tasks that ran and were told to stop, or were changed longer ago than changes are kept. */
  beyond: z.int().min(0),
  /** Up to a thousand of each, oldest first. */
  undoable_ids: z.array(z.uuid()),
  gone_on_ids: z.array(z.uuid()),
});
export type UndoPreview = z.output<typeof undoPreview>;

const bulkIdParam = z.strictObject({ bulk_id: z.uuid() });

export const BULK_ROUTES = {
  previewBulk: {
    method: "POST",
    path: "/absurd/bulk-actions/preview",
    summary: "What an action on many tasks would do; changes nothing",
    tag: "bulk actions",
    role: "viewer",
    body: bulkRequest.omit({ reason: true }),
    changesNothing: true,
    answer: json(bulkPreview),
    problems: ["INVALID_FILTER"],
  },
  startBulk: {
    method: "POST",
    path: "/absurd/bulk-actions",
    summary: "Begin an action on many tasks",
    tag: "bulk actions",
    role: "operator",
    body: bulkRequest,
    answer: json(bulkAction, 202),
    problems: ["INVALID_FILTER", "IDEMPOTENCY_CONFLICT"],
  },
  listBulks: {
    method: "GET",
    path: "/absurd/bulk-actions",
    summary: "Actions on many tasks, newest first",
    tag: "bulk actions",
    role: "viewer",
    query: pageQuery,
    answer: json(z.strictObject({ bulk_actions: z.array(bulkAction), next_cursor: nextCursor })),
    problems: ["INVALID_CURSOR"],
  },
  getBulk: {
    method: "GET",
    path: "/absurd/bulk-actions/{bulk_id}",
    summary: "How far an action is",
    tag: "bulk actions",
    role: "viewer",
    params: bulkIdParam,
    answer: json(bulkAction),
    problems: ["NOT_FOUND"],
  },
  previewUndo: {
    method: "GET",
    path: "/absurd/bulk-actions/{bulk_id}/undo",
    summary: "What an undo would take back now, and what not; changes nothing",
    tag: "bulk actions",
    role: "viewer",
    params: bulkIdParam,
    answer: json(undoPreview),
    problems: ["NOT_FOUND", "CONFLICT"],
  },
  undoBulk: {
    method: "POST",
    path: "/absurd/bulk-actions/{bulk_id}/undo",
    summary: "Stop an action and take back what has not run since",
    tag: "bulk actions",
    role: "operator",
    params: bulkIdParam,
    body: z.strictObject({ reason: reason.optional() }),
    answer: json(bulkAction),
    problems: ["NOT_FOUND", "CONFLICT"],
  },
} as const satisfies Readonly<Record<string, Route>>;
