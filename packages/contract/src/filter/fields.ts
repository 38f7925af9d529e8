/** The fields of the filter grammar: the one table that parsing, help and completion read. */
import { TASK_STATUSES } from "../task.ts";
import type { ConditionOp, TaskField } from "./condition.ts";

/** What a field's values are, and so how they may be compared. */
export type FieldKind = "text" | "id" | "choice" | "integer" | "seconds" | "instant" | "param";

/** What a completion knows besides the table: the names that are there now. */
export const KNOWN_NAMES = ["queues", "names", "tags", "workers"] as const;
export type KnownName = (typeof KNOWN_NAMES)[number];

export interface FieldSpec {
  readonly field: TaskField;
  readonly kind: FieldKind;
  readonly description: string;
  readonly example: string;
  /** Of a choice: all values. Else values worth offering. */
  readonly values?: readonly string[];
  /** Where a completion finds further values. */
  readonly known?: KnownName;
}

/** `text`, which has no name in the grammar, is not among them. */
export const TASK_FIELDS: readonly FieldSpec[] = [
  {
    field: "status",
    kind: "choice",
    description: "where the task stands",
    example: "status:failed,cancelled",
    values: TASK_STATUSES,
  },
  {
    field: "name",
    kind: "text",
    description: "the task name",
    example: "name:imaging",
    known: "names",
  },
  {
    field: "queue",
    kind: "text",
    description: "the queue",
    example: "queue:night",
    known: "queues",
  },
  {
    field: "tag",
    kind: "text",
    description: "one of its tags",
    example: "-tag:test",
    known: "tags",
  },
  {
    field: "worker",
    kind: "text",
    description: "the worker that has it, or had it last",
    example: "worker:lxd110h03*",
    known: "workers",
  },
  {
    field: "age",
    kind: "seconds",
    description: "time since it was spawned",
    example: "age>2h",
    values: ["5m", "1h", "12h", "1d", "7d"],
  },
  {
    field: "wait",
    kind: "seconds",
    description: "time from the spawn to its last claim, or until now",
    example: "wait>10m",
    values: ["10s", "1m", "10m", "1h"],
  },
  {
    field: "run",
    kind: "seconds",
    description: "time from its last claim to the end, or until now",
    example: "run>=30s",
    values: ["10s", "1m", "10m", "1h"],
  },
  {
    field: "created",
    kind: "instant",
    description: "when it was spawned",
    example: "created>2026-01-25T03:00Z",
    values: ["today", "yesterday", "-1h", "-12h"],
  },
  {
    field: "started",
    kind: "instant",
    description: "when a worker took it last",
    example: "started>=-12h",
    values: ["today", "yesterday", "-1h", "-12h"],
  },
  {
    field: "ended",
    kind: "instant",
    description: "when it ended",
    example: "ended>yesterday",
    values: ["today", "yesterday", "-1h", "-12h"],
  },
  {
    field: "error",
    kind: "text",
    description: "the tag of its error",
    example: "error:OutOfMemory",
  },
  {
    field: "class",
    kind: "text",
    description: "the class of its error",
    example: "class:retryable",
    values: ["retryable", "recoverable", "fatal", "validation", "timeout", "crash"],
  },
  {
    field: "message",
    kind: "text",
    description: "the message of its error",
    example: "message:~timeout",
  },
  {
    field: "attempt",
    kind: "integer",
    description: "attempts begun",
    example: "attempt>=2",
  },
  {
    field: "priority",
    kind: "integer",
    description: "its priority; higher goes first",
    example: "priority<0",
  },
  {
    field: "param",
    kind: "param",
    description: "a member of its params, by its path",
    example: "param.tile.dec:16.2",
  },
  {
    field: "workflow",
    kind: "text",
    description: "its workflow, by id or name",
    example: "workflow:night*",
  },
  {
    field: "parent",
    kind: "id",
    description: "the id of the task that spawned it",
    example: "parent:019b0c5e-7a1f-7cc2-8d5e-0a4b1c2d3e4f",
  },
  {
    field: "correlation",
    kind: "text",
    description: "its correlation id",
    example: "correlation:2026-01-25T08*",
  },
  {
    field: "key",
    kind: "text",
    description: "its idempotency key",
    example: "key:tile-17",
  },
  {
    field: "id",
    kind: "id",
    description: "the task's own id",
    example: "id:019b0c5e-7a1f-7cc2-8d5e-0a4b1c2d3e4f",
  },
];

/** The order is that of help; `~` is written after the colon. */
export const OPS_OF_KIND: Readonly<Record<FieldKind, readonly ConditionOp[]>> = {
  text: ["is", "prefix", "contains"],
  id: ["is", "prefix"],
  choice: ["is"],
  integer: ["is", "lt", "lte", "gt", "gte"],
  seconds: ["lt", "lte", "gt", "gte"],
  instant: ["lt", "lte", "gt", "gte"],
  param: ["is", "prefix", "contains", "lt", "lte", "gt", "gte"],
};

export function findField(name: string): FieldSpec | undefined {
  return TASK_FIELDS.find((each) => each.field === name);
}
