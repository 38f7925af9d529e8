/**
 * What a filter of tasks means, without its text: conditions that all must hold. The engine's SQL
 * and `fitsTask` read them alike:
 *
 * - A condition holds when any of its values fits; `not` turns the whole of it round, so that a
 *   task without a worker fits `-worker:a`.
 * - `is` and `prefix` heed case, `contains` does not. A `prefix` of "" fits whatever has a value.
 * - `tag` fits when one of the tags does. `workflow` is its id, or its name.
 * - `text` is looked for in the task name, correlation id, idempotency key, tags, params, and the
 *   error's tag and message.
 * - `age` counts from the spawn until now; `wait` from the spawn to the last claim, or until now
 *   while no worker has the task; `run` from the last claim to the end, or until now. In seconds.
 * - `started` is the last claim; `ended` the end.
 * - `param` looks at one member of the params, or at the elements of one that is an array. A number
 *   fits that number, and the string that spells it; text fits strings, and true and false as they
 *   are written. Less and more compare numbers with numbers and texts by their characters.
 */

export const TASK_FIELD_NAMES = [
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
export type TaskField = (typeof TASK_FIELD_NAMES)[number];

export const CONDITION_OPS = ["is", "prefix", "contains", "lt", "lte", "gt", "gte"] as const;
export type ConditionOp = (typeof CONDITION_OPS)[number];

export type ConditionValue = string | number | Date;

export interface TaskCondition {
  readonly field: TaskField;
  /** Of `param`: the way to the member, such as ["tile", "dec"]; an array's by index, "0". */
  readonly path?: readonly string[];
  readonly op: ConditionOp;
  /** One at least; of one kind, but for `param`. Durations are seconds. */
  readonly values: readonly ConditionValue[];
  readonly not: boolean;
}
