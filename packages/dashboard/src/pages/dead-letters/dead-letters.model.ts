/**
 * Dead letters: the filter grammar as far as their list understands it, and what a patch makes of
 * params. Pure.
 */
import {
  parseTaskFilter,
  type PlacedFault,
  type TaskCondition,
  type TaskField,
} from "@contimg/contract";

import type { DeadLetterFilter } from "../../api/dead-letters.ts";
import type { Json } from "../../components/JsonEditor.tsx";
import { termsOfView, viewTextOf } from "../../components/view-text.ts";

type ListFilter = Omit<DeadLetterFilter, "task_ids">;

const MEMBER: Readonly<Partial<Record<TaskField, keyof ListFilter>>> = {
  queue: "queue_name",
  name: "task_name",
  error: "error_tag",
  class: "error_class",
  correlation: "correlation_id",
};

export type ReadFilter =
  | { readonly filter: ListFilter; readonly faults?: never }
  | { readonly filter?: never; readonly faults: readonly PlacedFault[] };

/** @param now what -2h, today and yesterday count from */
export function readDeadLetterFilter(text: string, now: Date): ReadFilter {
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

interface DeadLetterSearch {
  readonly q: string;
  readonly fingerprint: string;
}

/** The text of a saved view: the filter, and the group of failures when it is of one. */
export function deadLetterViewOf({ q, fingerprint }: DeadLetterSearch): string {
  return fingerprint === "" ? q : viewTextOf({ fingerprint, q });
}

export function searchOfDeadLetterView(text: string): DeadLetterSearch {
  const { fingerprint = "", q = "" } = termsOfView(text) ?? { q: text };
  return { fingerprint, q };
}

export type PatchedParams =
  | { readonly after: Json; readonly changed: readonly string[]; readonly fault?: never }
  | { readonly fault: string };

/** As the database does it: members replace those of the same name, null removes one. */
export function patchParams(params: Json, patch: Json): PatchedParams {
  if (!isObject(patch)) return { fault: "The patch has to be an object, {…}" };
  if (!isObject(params)) return { fault: "The params are no object: they cannot be patched" };
  const after: Record<string, Json> = { ...params };
  const changed = Object.keys(patch).filter(
    (key) => JSON.stringify(params[key]) !== JSON.stringify(patch[key] ?? undefined),
  );
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(after, key);
    else after[key] = value;
  }
  return { after, changed };
}

export function isObject(value: Json): value is Readonly<Record<string, Json>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
