/**
 * What tasks a list or a count is about: conditions that must all hold. A filter is checked here
 * and becomes what the walk of task-list.ts needs: the statuses that fit, the lanes that fit, and
 * conditions in SQL. Pure.
 */
import { InvalidFilter } from "./errors.ts";
import { TASK_STATUSES, type TaskStatus } from "./task-view.ts";

export const TASK_FIELDS = [
  "id",
  "status",
  "queue",
  "name",
  "tag",
  "worker",
  "workflow",
  "parent",
  "correlation",
  "key",
  "error",
  "class",
  "message",
  "priority",
  "attempt",
  "age",
  "wait",
  "run",
  "created",
  "started",
  "ended",
  "param",
  "text",
] as const;

export type TaskField = (typeof TASK_FIELDS)[number];
export type TaskConditionOp = "is" | "prefix" | "contains" | "lt" | "lte" | "gt" | "gte";

/**
 * One condition. `is` and `prefix` mind case, `contains` does not. Seconds of age, wait and run go
 * on counting while the task waits or runs. A workflow is named by its id or its name.
 */
export interface TaskCondition {
  readonly field: TaskField;
  /** Of a param: where in the params. */
  readonly path?: readonly string[];
  readonly op: TaskConditionOp;
  /** Any of them fits. */
  readonly values: readonly (string | number | Date)[];
  /** What does not fit. */
  readonly not: boolean;
}

export interface TaskFilter {
  /** All must hold; none: every task. */
  readonly conditions: readonly TaskCondition[];
}

export const EVERY_TASK: TaskFilter = { conditions: [] };

/** The condition that a field is one of these values. */
export function fieldIs(field: TaskField, ...values: TaskCondition["values"]): TaskCondition {
  return { field, op: "is", values, not: false };
}

/** What the values of a field are, which decides the comparisons that it has. */
export type FieldKind = "text" | "words" | "number" | "instant" | "task" | "json";

const NUMBERS = ["priority", "attempt", "age", "wait", "run"];
const INSTANTS = ["created", "started", "ended"];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function kindOf(field: TaskField): FieldKind {
  if (NUMBERS.includes(field)) return "number";
  if (INSTANTS.includes(field)) return "instant";
  if (field === "tag" || field === "text") return "words";
  if (field === "id" || field === "parent") return "task";
  return field === "param" ? "json" : "text";
}

const OPS: Readonly<Record<FieldKind, readonly TaskConditionOp[]>> = {
  text: ["is", "prefix", "contains"],
  words: ["is", "prefix", "contains"],
  number: ["is", "lt", "lte", "gt", "gte"],
  instant: ["is", "lt", "lte", "gt", "gte"],
  task: ["is", "prefix"],
  json: ["is", "prefix", "contains", "lt", "lte", "gt", "gte"],
};

/** @throws {InvalidFilter} naming the condition, its value and what was expected */
export function checkFilter(filter: TaskFilter): void {
  for (const [index, condition] of filter.conditions.entries()) {
    const fault = faultOf(condition);
    if (fault === undefined) continue;
    throw new InvalidFilter(`condition ${index + 1}, ${condition.field}: ${fault}`);
  }
}

function faultOf(condition: TaskCondition): string | undefined {
  const { field, op, values, path } = condition;
  if (!TASK_FIELDS.includes(field)) return `no such field; expected ${TASK_FIELDS.join(", ")}`;
  const ops = field === "status" ? (["is"] as const) : OPS[kindOf(field)];
  if (!ops.some((each) => each === op))
    return `cannot be asked "${op}"; expected ${ops.join(", ")}`;
  if (values.length === 0) return "has no value; expected at least one";
  if ((field === "param") !== (path !== undefined && path.length > 0)) {
    return field === "param" ? "has no path; expected where in the params" : "takes no path";
  }
  const bad = values.find((value) => !isValueOf(condition, value));
  return bad === undefined ? undefined : `is ${shown(bad)}; expected ${expected(condition)}`;
}

function isValueOf({ field, op }: TaskCondition, value: string | number | Date): boolean {
  if (field === "status") return TASK_STATUSES.some((status) => status === value);
  switch (kindOf(field)) {
    case "number":
      return typeof value === "number" && Number.isFinite(value);
    case "instant":
      return value instanceof Date && !Number.isNaN(value.getTime());
    case "task":
      return (
        typeof value === "string" &&
        (op === "is" ? UUID.test(value) : /^[0-9a-f-]{1,36}$/i.test(value))
      );
    case "json":
      return typeof value === "string" || (typeof value === "number" && Number.isFinite(value));
    case "text":
    case "words":
      return typeof value === "string";
  }
}

function expected({ field, op }: TaskCondition): string {
  if (field === "status") return TASK_STATUSES.join(", ");
  const words: Readonly<Record<FieldKind, string>> = {
    text: "text",
    words: "text",
    number: "a number",
    instant: "a time",
    task: op === "is" ? "a UUID" : "the beginning of a UUID",
    json: "text or a number",
  };
  return words[kindOf(field)];
}

function shown(value: string | number | Date): string {
  return value instanceof Date ? "no time" : JSON.stringify(value);
}

export function isUuid(value: string | number | Date): boolean {
  return typeof value === "string" && UUID.test(value);
}

/** The statuses that the conditions on it leave. */
export function statusesOf(filter: TaskFilter): readonly TaskStatus[] {
  return filter.conditions
    .filter((each) => each.field === "status")
    .reduce<readonly TaskStatus[]>(
      (left, { values, not }) =>
        left.filter((status) => values.some((value) => value === status) !== not),
      TASK_STATUSES,
    );
}

/** The instants between which tasks were created that can fit; beyond them nothing need be read. */
export function createdBetween(
  filter: TaskFilter,
  now: Date,
): { readonly from: Date | undefined; readonly to: Date | undefined } {
  let from: number | undefined;
  let to: number | undefined;
  for (const { field, op, values, not } of filter.conditions) {
    if (not || (field !== "created" && field !== "age")) continue;
    const times = values.map((value) =>
      value instanceof Date ? value.getTime() : now.getTime() - Number(value) * 1000,
    );
    // An age above is a creation before.
    const after = field === "age" ? op.startsWith("l") : op.startsWith("g");
    if (after || op === "is") from = Math.max(from ?? -Infinity, Math.min(...times));
    if (!after) to = Math.min(to ?? Infinity, Math.max(...times));
  }
  return {
    from: from === undefined ? undefined : new Date(from),
    to: to === undefined ? undefined : new Date(to),
  };
}
