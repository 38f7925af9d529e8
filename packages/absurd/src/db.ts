/**
 * The one place that knows what an SQLSTATE means.
 *
 * Ours have the class WF (SQL reserves classes that begin with 0-4 or A-H): WF001 lease lost,
 * WF002 worker declared dead, WF003 invalid transition, WF004 unknown task name, WF005 dependency
 * cycle, WF006 no such task, WF007 dependency failed, WF008 params too large, WF010 a task that
 * was to wait is to be cancelled, WF011 a task would wait for itself, WF012 not an event's name,
 * WF013 no such step, WF015 invalid condition, WF016 workflow busy, WF017 no such workflow or
 * node, WF018 invalid workflow, WF019 no such template, WF020 queue full, WF021 queue draining,
 * WF022 invalid setting, WF023 no such worker, WF025 invalid demand, WF026 no such limit, WF030 no
 * such schedule, WF031 invalid schedule, WF033 leader deposed, WF034 history being removed, WF035
 * invalid option of a spawn, WF036 invalid filter, WF037 invalid retry rules, WF038 no such group
 * of errors.
 */
import type { QueryResultRow } from "pg";
import { z } from "zod";

import {
  AwaitCycle,
  DependencyCycle,
  DependencyFailed,
  HistoryClosed,
  InvalidCondition,
  InvalidEventName,
  InvalidDemand,
  InvalidParams,
  InvalidSchedule,
  InvalidFilter,
  InvalidPolicy,
  InvalidSpawn,
  InvalidSetting,
  InvalidTransition,
  LeaderDeposed,
  InvalidWorkflow,
  LeaseLost,
  ScheduleNotFound,
  StepNotFound,
  TaskCancelled,
  LimitNotFound,
  QueueDraining,
  QueueFull,
  TaskNotFound,
  TemplateNotFound,
  UnknownErrorGroup,
  UnknownTaskName,
  WorkerDeclaredDead,
  WorkflowBusy,
  WorkflowNotFound,
  WorkerNotFound,
} from "./errors.ts";

/** A pool, a pooled client or a client in a transaction; callers choose the scope. */
export interface Db {
  // As in pg: the caller knows the columns of its statement.
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
  query<R extends QueryResultRow>(
    statement: string | { readonly name: string | undefined; readonly text: string },
    values?: unknown[],
  ): Promise<{ rows: R[]; rowCount: number | null }>;
}

const ENGINE_ERRORS: Readonly<Record<string, (message: string, options: ErrorOptions) => Error>> = {
  WF001: (message, options) => new LeaseLost(message, options),
  WF002: (message, options) => new WorkerDeclaredDead(message, options),
  WF003: (message, options) => new InvalidTransition(message, options),
  WF004: (message, options) =>
    new UnknownTaskName(/"(.*)"/s.exec(message)?.[1] ?? message, [], options),
  WF005: (message, options) => new DependencyCycle(message, options),
  WF006: (message, options) => new TaskNotFound(message, options),
  WF007: (message, options) => new DependencyFailed(message, options),
  WF008: (message, options) => new InvalidParams(message, [], options),
  WF030: (message, options) => new ScheduleNotFound(message, options),
  WF031: (message, options) => new InvalidSchedule(message, options),
  WF033: (message, options) => new LeaderDeposed(message, options),
  WF034: (message, options) => new HistoryClosed(message, options),
  WF015: (message, options) => new InvalidCondition(message, options),
  WF016: (message, options) => new WorkflowBusy(message, options),
  WF017: (message, options) => new WorkflowNotFound(message, options),
  WF018: (message, options) => new InvalidWorkflow(message, options),
  WF019: (message, options) => new TemplateNotFound(message, options),
  WF010: (message, options) => new TaskCancelled(message, options),
  WF011: (message, options) => new AwaitCycle(message, options),
  WF012: (message, options) => new InvalidEventName(message, options),
  WF013: (message, options) => new StepNotFound(message, options),
  WF035: (message, options) => {
    const at = /^task (\d+) of the batch: (?:policy\.)?([\w.]+)/.exec(message);
    const issue = at && { index: Number(at[1]), field: at[2]!, message };
    return new InvalidSpawn(message, issue ? [issue] : [], options);
  },
  WF036: (message, options) => new InvalidFilter(message, options),
  WF037: (message, options) => new InvalidPolicy(message, options),
  WF038: (message, options) => new UnknownErrorGroup(message, options),
  WF025: (message, options) => new InvalidDemand(message, options),
  WF026: (message, options) => new LimitNotFound(message, options),
  WF020: (message, options) => new QueueFull(message, queueFullDetail(options.cause), options),
  WF021: (message, options) => new QueueDraining(message, options),
  WF022: (message, options) => new InvalidSetting(message, options),
  WF023: (message, options) => new WorkerNotFound(message, options),
};

const fullDetail = z.object({
  queue: z.string(),
  pending_max: z.number(),
  retry_after_seconds: z.number(),
});

function queueFullDetail(cause: unknown): ConstructorParameters<typeof QueueFull>[1] {
  const text = cause instanceof Error && "detail" in cause ? String(cause.detail) : "";
  const detail = fullDetail.parse(JSON.parse(text));
  return {
    queue: detail.queue,
    pendingMax: detail.pending_max,
    retryAfterSeconds: detail.retry_after_seconds,
  };
}

/**
 * Runs one statement and turns the engine's own SQLSTATEs into engine errors.
 *
 * @param name under which the connection prepares it; none: it is planned each time
 */
export async function run<R extends QueryResultRow>(
  db: Db,
  text: string,
  values: readonly unknown[] = [],
  name?: string,
): Promise<R[]> {
  try {
    return (await db.query<R>(name === undefined ? text : { name, text }, [...values])).rows;
  } catch (error) {
    throw toEngineError(error);
  }
}

/** The engine's error for one of its SQLSTATEs; anything else as it came. */
export function toEngineError(error: unknown): unknown {
  const create = ENGINE_ERRORS[sqlState(error)];
  return create && error instanceof Error ? create(error.message, { cause: error }) : error;
}

export function sqlState(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

// 08 connection, 53 resources, 57 operator intervention, 40 conflict: the statement may succeed
// when it is sent again. XX000 is what a server says to backends in an emergency.
const TRANSIENT_STATES = /^(08|53|57P|40|55P03|25006|XX000)/;
const CONNECTION_ERRORS = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOENT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

/** True when the database is away or asks to try again, false when the statement is wrong. */
export function isTransient(error: unknown): boolean {
  const state = sqlState(error);
  if (CONNECTION_ERRORS.has(state) || TRANSIENT_STATES.test(state)) return true;
  // A migration changed what a prepared statement returns: a new connection prepares it anew.
  if (state === "0A000" && /cached plan/.test((error as Error).message)) return true;
  // node-postgres reports a connection that ended under a query, was not made in time or does not
  // answer as an error without a code.
  return state === "" && error instanceof Error && /connection|timeout/i.test(error.message);
}

/** True when a migration took away a function while a statement that calls it was under way. */
export function isUpgrade(error: unknown): boolean {
  return sqlState(error) === "42883" && /absurd\./.test((error as Error).message);
}

/** True when the connection itself is gone and must be opened again. */
export function isConnectionLoss(error: unknown): boolean {
  const state = sqlState(error);
  return isTransient(error) && !state.startsWith("40") && state !== "55P03";
}
