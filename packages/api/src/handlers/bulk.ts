/** Actions on many tasks: see the contract's bulk.ts. */
import { randomUUID } from "node:crypto";

import { type AbsurdClient, fieldIs, type TaskFilter, type TaskSummary } from "@contimg/absurd";
import type { BULK_ROUTES, BulkAction, bulkRequest } from "@contimg/contract";
import type pg from "pg";
import type { z } from "zod";

import { STATUSES_OF_ACTION } from "../bulk-change.ts";
import type { BulkRunner } from "../bulk-runner.ts";
import { askUndo, type BulkRow, findBulk, insertBulk, listBulks } from "../bulk-store.ts";
import type { HandlersOf } from "../handler.ts";
import { ApiError } from "../problem.ts";
import { taskFilterOf, withStatuses } from "../task-filter.ts";
import { previewUndo } from "../undo-preview.ts";
import { numberCursor } from "./cursor.ts";
import { wireTaskSummary } from "./task-wire.ts";
import { wireInstant } from "./wire-values.ts";

export interface BulkHandlersDeps {
  readonly client: AbsurdClient;
  readonly pool: pg.Pool;
  readonly runner: Pick<BulkRunner, "wake">;
}

type Request = z.output<typeof bulkRequest>;

/** Tasks that a preview looks at by themselves; beyond, it only counts. */
const LOOKED_AT_MAX = 2_000;
const COUNTED_MAX = 100_000;
const PAGE = 500;
const SAMPLE = 20;

export function bulkHandlers({
  client,
  pool,
  runner,
}: BulkHandlersDeps): HandlersOf<typeof BULK_ROUTES> {
  return {
    async previewBulk({ body }) {
      assertWhole(body);
      const filter = withStatuses(filterOf(body.selection), STATUSES_OF_ACTION[body.action]);
      const { tasks, isAll } = await lookAt(client, filter);
      const counted = isAll ? undefined : await client.count(filter, COUNTED_MAX);
      const sum = Object.values(counted?.counts ?? {}).reduce((all, each) => all + each, 0);
      return {
        count: Math.max(tasks.length, sum),
        at_least: counted !== undefined && counted.atLeast.length > 0,
        by_task_name: countNames(tasks),
        sample: tasks.slice(0, SAMPLE).map(wireTaskSummary),
      };
    },
    async startBulk({ body }, { actor, workId }) {
      assertWhole(body);
      // A filter that cannot be read is told at once.
      filterOf(body.selection);
      const { selection } = body;
      const bulk = await insertBulk(pool, {
        bulkId: workId ?? randomUUID(),
        action: body.action,
        q: "q" in selection ? selection.q : null,
        taskIds: "q" in selection ? [] : [...new Set(selection.task_ids)],
        priority: body.priority ?? null,
        queue: body.queue_name ?? null,
        reason: body.reason,
        actor,
      });
      runner.wake();
      return wireBulk(bulk);
    },
    async listBulks({ query: { limit, cursor } }) {
      const found = await listBulks(pool, { before: numberCursor(cursor), limit: limit + 1 });
      const page = found.slice(0, limit);
      return {
        bulk_actions: page.map(wireBulk),
        next_cursor: found.length > limit ? (page.at(-1)?.number ?? null) : null,
      };
    },
    async getBulk({ params: { bulk_id: id } }) {
      return wireBulk((await findBulk(pool, id)) ?? noBulk(id));
    },
    async previewUndo({ params: { bulk_id: id } }) {
      const bulk = (await findBulk(pool, id)) ?? noBulk(id);
      if (bulk.undo_asked) throw undoneAlready(id);
      return previewUndo(client, bulk);
    },
    async undoBulk({ params: { bulk_id: id } }) {
      const asked = await askUndo(pool, id);
      if (!asked) {
        if (!(await findBulk(pool, id))) noBulk(id);
        throw undoneAlready(id);
      }
      runner.wake();
      return wireBulk(asked);
    },
  };
}

function noBulk(id: string): never {
  throw new ApiError("NOT_FOUND", `no action ${id}; GET /absurd/bulk-actions lists them`);
}

function undoneAlready(id: string): ApiError {
  return new ApiError("CONFLICT", `action ${id} is undone already, or is being undone`);
}

function filterOf(selection: Request["selection"]): TaskFilter {
  if ("task_ids" in selection) return { conditions: [fieldIs("id", ...selection.task_ids)] };
  return taskFilterOf({ q: selection.q }, { now: new Date(), field: "body.selection.q" });
}

/** @throws {ApiError} for a move without a goal, or a goal of what is no move */
function assertWhole(body: Pick<Request, "action" | "priority" | "queue_name">): void {
  const hasGoal = body.priority !== undefined || body.queue_name !== undefined;
  if ((body.action === "move") === hasGoal) return;
  const message = hasGoal
    ? `${body.action} takes neither priority nor queue_name: they are of a move`
    : "a move needs priority, queue_name or both";
  throw new ApiError("INVALID_PARAMS", message, { faults: [{ field: "body.action", message }] });
}

async function lookAt(
  client: AbsurdClient,
  filter: TaskFilter,
): Promise<{ tasks: TaskSummary[]; isAll: boolean }> {
  const tasks: TaskSummary[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.list(filter, { limit: PAGE, cursor });
    tasks.push(...page.tasks);
    cursor = page.cursor;
    // A search that finds little is ended by its budget, not by us.
    if (page.tasks.length === 0 && !page.complete) break;
  } while (cursor !== undefined && tasks.length < LOOKED_AT_MAX);
  return { tasks, isAll: cursor === undefined };
}

function countNames(tasks: readonly TaskSummary[]): { task_name: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const { taskName } of tasks) counts.set(taskName, (counts.get(taskName) ?? 0) + 1);
  return [...counts]
    .map(([name, count]) => ({ task_name: name, count }))
    .sort((a, b) => b.count - a.count);
}

export function wireBulk(row: BulkRow): BulkAction {
  return {
    bulk_id: row.bulk_id,
    action: row.action,
    state: row.state,
    q: row.q,
    reason: row.reason,
    actor: row.actor,
    total: row.total,
    done: row.done,
    skipped: row.skipped,
    undone: row.undone,
    created_at: wireInstant(row.created_at),
    ended_at: wireInstant(row.ended_at),
    error: row.error,
  };
}
