/** The list of tasks: how its newest part and its pages become rows, what its filter says. Pure. */
import {
  formatTaskFilter,
  parseTaskFilter,
  type TaskCondition,
  type TaskPage,
  TASK_STATUSES,
  type TaskStatus,
  type TaskSummary,
} from "@contimg/contract";

export interface TaskRows {
  readonly rows: readonly TaskSummary[];
  /** So many tasks came since that the newest and the pages do not meet. */
  readonly hasGap: boolean;
}

/**
 * The newest tasks, then those of the pages that are older. Pages are newest first; what is in a
 * page and would be among the newest, but is not, fits the filter no more.
 */
export function mergeRows(head: TaskPage | undefined, pages: readonly TaskPage[]): TaskRows {
  const older = pages.flatMap((page) => page.tasks);
  if (!head) return { rows: older, hasGap: false };
  if (head.next_cursor === null) return { rows: head.tasks, hasGap: false };
  const last = head.tasks.at(-1);
  // A search that ended by its budget: where it did not look, the pages are what is known.
  if (!last) return { rows: createdBefore(older, head.scanned_to), hasGap: false };
  const inHead = new Set(head.tasks.map((task) => task.task_id));
  const at = older.findIndex((task) => task.task_id === last.task_id);
  if (at >= 0) return { rows: [...head.tasks, ...older.slice(at + 1)], hasGap: false };
  const rest = older.filter((t) => t.created_at <= last.created_at && !inHead.has(t.task_id));
  const hasGap = rest.length > 0 && !older.some((task) => inHead.has(task.task_id));
  return { rows: [...head.tasks, ...rest], hasGap };
}

function createdBefore(tasks: readonly TaskSummary[], instant: string | null) {
  return tasks.filter((task) => instant === null || task.created_at < instant);
}

/**
 * Whether to read on without being asked: a search that its budget ended has not answered yet, as
 * long as it found less than a screen.
 */
export function isSearching(pages: readonly TaskPage[], wanted: number): boolean {
  const last = pages.at(-1);
  if (!last || last.complete || last.next_cursor === null) return false;
  return last.tasks.length === 0 || pages.flatMap((page) => page.tasks).length < wanted;
}

/** The conditions of a filter that can be read; of one that cannot, none. */
function conditionsOf(q: string): readonly TaskCondition[] {
  return parseTaskFilter(q, new Date()).conditions ?? [];
}

function isStatusTerm(condition: TaskCondition): boolean {
  return condition.field === "status" && condition.op === "is" && !condition.not;
}

/** The statuses that a filter names; empty: it asks for any. */
export function statusesOf(q: string): ReadonlySet<TaskStatus> {
  const named = conditionsOf(q)
    .filter(isStatusTerm)
    .flatMap((each) => each.values);
  return new Set(TASK_STATUSES.filter((status) => named.includes(status)));
}

/** The filter without its statuses, as the counts beside the table want it. */
export function withoutStatus(q: string): string {
  const conditions = conditionsOf(q);
  if (!conditions.some(isStatusTerm)) return q;
  return formatTaskFilter(conditions.filter((each) => !isStatusTerm(each)));
}

/** A click on a status: asks for it beside the others, or no more. */
export function toggleStatus(q: string, status: TaskStatus): string {
  const wanted = new Set(statusesOf(q));
  if (!wanted.delete(status)) wanted.add(status);
  const term = TASK_STATUSES.filter((each) => wanted.has(each)).join(",");
  return [term === "" ? "" : `status:${term}`, withoutStatus(q)].filter(Boolean).join(" ");
}

/** The filter with one more term. */
export function withTerm(q: string, field: string, value: string): string {
  const text = /^[\w.-]+$/.test(value) ? value : JSON.stringify(value);
  const term = `${field}:${text}`;
  return q.split(/\s+/).includes(term) ? q : `${q} ${term}`.trim();
}
