/**
 * Whether a task belongs to a filtered list, from its summary alone, so that a live list needs not
 * ask. It decides as the engine's SQL does; see condition.ts.
 */
import type { TaskSummary } from "../task.ts";
import type { ConditionOp, ConditionValue, TaskCondition } from "./condition.ts";
import { isId } from "./values.ts";

/**
 * @returns undefined when a summary does not tell, since params, idempotency keys and names of
 *   workflows are not in it; ask the server then.
 */
export function fitsTask(
  conditions: readonly TaskCondition[],
  task: TaskSummary,
  now: Date,
): boolean | undefined {
  const answers = conditions.map((condition) => holds(condition, task, now));
  if (answers.includes(false)) return false;
  return answers.includes(undefined) ? undefined : true;
}

function holds(condition: TaskCondition, task: TaskSummary, now: Date): boolean | undefined {
  const { field, op, values, not } = condition;
  if (field === "param" || field === "key") return undefined;
  const found = valuesOf(field, task, now);
  const fits = found.some((one) => values.some((wanted) => compares(one, op, wanted)));
  if (!fits && mayFitOtherwise(condition, task)) return undefined;
  return fits !== not;
}

/** A word may be in the params; a workflow may be of that name. */
function mayFitOtherwise({ field, op, values }: TaskCondition, task: TaskSummary): boolean {
  if (field === "text") return true;
  if (field !== "workflow" || task.workflow_id === null) return false;
  return op !== "is" || values.some((value) => !isId(String(value)));
}

type SummaryField = Exclude<TaskCondition["field"], "param" | "key">;

/** The values that a task has of a field; none where it has none. */
function valuesOf(field: SummaryField, task: TaskSummary, now: Date): readonly (string | number)[] {
  const value = VALUE_OF[field](task, now);
  if (Array.isArray(value)) return value;
  return value === null ? [] : [value];
}

type FoundValue = string | number | null | string[];

const VALUE_OF: Readonly<Record<SummaryField, (task: TaskSummary, now: Date) => FoundValue>> = {
  id: (task) => task.task_id,
  status: (task) => task.status,
  queue: (task) => task.queue_name,
  name: (task) => task.task_name,
  tag: (task) => task.tags,
  worker: (task) => task.worker_id,
  workflow: (task) => task.workflow_id,
  parent: (task) => task.parent_task_id,
  correlation: (task) => task.correlation_id,
  error: (task) => task.error_tag,
  class: (task) => task.error_class,
  message: (task) => task.error,
  priority: (task) => task.priority,
  attempt: (task) => task.attempt,
  age: (task, now) => secondsSince(task.created_at, now),
  wait: waitSeconds,
  run: runSeconds,
  created: (task) => Date.parse(task.created_at),
  started: (task) => (task.claimed_at === null ? null : Date.parse(task.claimed_at)),
  ended: (task) => (task.completed_at === null ? null : Date.parse(task.completed_at)),
  text: (task) =>
    [task.task_name, task.correlation_id, task.tags.join(" "), task.error_tag, task.error].filter(
      (each) => each !== null,
    ),
};

function waitSeconds(task: TaskSummary, now: Date): number | null {
  if (task.claimed_at !== null) return task.wait_time_sec;
  return task.completed_at === null ? secondsSince(task.created_at, now) : null;
}

function runSeconds(task: TaskSummary, now: Date): number | null {
  if (task.completed_at !== null) return task.execution_time_sec;
  return task.claimed_at === null ? null : secondsSince(task.claimed_at, now);
}

function secondsSince(instant: string, now: Date): number {
  return (now.getTime() - Date.parse(instant)) / 1000;
}

function compares(found: string | number, op: ConditionOp, wanted: ConditionValue): boolean {
  const value = wanted instanceof Date ? wanted.getTime() : wanted;
  switch (op) {
    case "is":
      return found === value;
    case "prefix":
      return String(found).startsWith(String(value));
    case "contains":
      return String(found).toLowerCase().includes(String(value).toLowerCase());
    case "lt":
      return Number(found) < Number(value);
    case "lte":
      return Number(found) <= Number(value);
    case "gt":
      return Number(found) > Number(value);
    case "gte":
      return Number(found) >= Number(value);
  }
}
