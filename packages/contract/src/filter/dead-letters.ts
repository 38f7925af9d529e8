/** The filter grammar as far as dead letters have its fields. */
import type { z } from "zod";

import type { deadLetterFilter } from "../failure.ts";
import type { TaskCondition, TaskField } from "./condition.ts";
import { parseTaskFilter, type PlacedFault } from "./parse.ts";

/** What a list of dead letters is asked for; all that is given must hold. */
export type DeadLetterTerms = Omit<z.input<typeof deadLetterFilter>, "task_ids">;

const MEMBER: Readonly<Partial<Record<TaskField, keyof DeadLetterTerms>>> = {
  queue: "queue_name",
  name: "task_name",
  error: "error_tag",
  class: "error_class",
  correlation: "correlation_id",
};

type ParsedDeadLetterFilter =
  | { readonly filter: DeadLetterTerms; readonly faults?: never }
  | { readonly filter?: never; readonly faults: readonly PlacedFault[] };

/** @param now what -2h, today and yesterday count from */
export function parseDeadLetterFilter(text: string, now: Date): ParsedDeadLetterFilter {
  const parsed = parseTaskFilter(text, now);
  if (parsed.faults) return { faults: parsed.faults };
  const filter: Record<string, string> = {};
  const faults: PlacedFault[] = [];
  for (const condition of parsed.conditions) {
    const read = readCondition(condition, filter);
    if (read !== undefined) faults.push(faultAt(text, condition, read));
  }
  return faults.length > 0 ? { faults } : { filter };
}

/** Puts a condition into the filter; answers what is wrong with it, when something is. */
function readCondition(condition: TaskCondition, filter: Record<string, string>) {
  const { field, op, values, not } = condition;
  const [value] = values;
  const isFailed = values.length === 1 && value === "failed";
  if (field === "status" && op === "is" && !not && isFailed) return undefined;
  if (field === "ended" && value instanceof Date && !not && values.length === 1) {
    return put(filter, op === "gt" || op === "gte" ? "failed_from" : "failed_to", value);
  }
  const member = MEMBER[field];
  if (member === undefined) {
    const known = [...Object.keys(MEMBER), "ended"].join(", ");
    return `dead letters have ${known}; for ${field} filter the tasks by status:failed`;
  }
  if (op !== "is" || not || values.length !== 1) {
    return `${field} takes one value here, as in ${field}:${String(value)}`;
  }
  return put(filter, member, String(value));
}

function put(filter: Record<string, string>, member: string, value: string | Date) {
  if (member in filter) return "it is given twice";
  filter[member] = value instanceof Date ? value.toISOString() : value;
  return undefined;
}

function faultAt(text: string, { field }: TaskCondition, message: string): PlacedFault {
  const start = Math.max(0, text.indexOf(field));
  const end = text.indexOf(" ", start);
  return { field: "q", message, start, end: end < 0 ? text.length : end };
}
