/** From the filter of a request to the engine's: its text, and what stands beside it. */
import { fieldIs, type TaskFilter, type TaskStatus } from "@contimg/absurd";
import { parseTaskFilter, type PlacedFault, type TaskCondition } from "@contimg/contract";

import { ApiError } from "./problem.ts";

export interface FilterText {
  /** The filter grammar. */
  readonly q: string;
  readonly queue_name?: string | undefined;
  readonly task_status?: TaskStatus | undefined;
}

/**
 * @param now what relative times count from
 * @param field of the request, for faults: query.q
 * @throws {ApiError} INVALID_FILTER, with the place of each fault
 */
export function taskFilterOf(
  { q, queue_name: queue, task_status: status }: FilterText,
  { now, field }: { readonly now: Date; readonly field: string },
): TaskFilter {
  return {
    conditions: [
      ...conditionsOf(q, now, field),
      ...(queue === undefined ? [] : [fieldIs("queue", queue)]),
      ...(status === undefined ? [] : [fieldIs("status", status)]),
    ],
  };
}

function conditionsOf(q: string, now: Date, field: string): readonly TaskCondition[] {
  const parsed = parseTaskFilter(q, now);
  if (!parsed.faults) return parsed.conditions;
  throw unreadable(parsed.faults, field);
}

/** @param field of the request that the filter stands in */
export function unreadable(faults: readonly PlacedFault[], field: string): ApiError {
  return new ApiError("INVALID_FILTER", faults.map((each) => each.message).join("; "), {
    faults: faults.map((each) => ({ ...each, field })),
  });
}

/** The same, of tasks that have one of these statuses. */
export function withStatuses(filter: TaskFilter, statuses: readonly TaskStatus[]): TaskFilter {
  return { conditions: [...filter.conditions, fieldIs("status", ...statuses)] };
}
