/** Lists of tasks: newest first, by filter, a page at a time. */
import { type Db, run } from "./db.ts";
import { taskNumber } from "./task-id.ts";
import { COLUMNS, type TaskRow, type TaskStatus, type TaskView, fromRow } from "./task-view.ts";

export interface TaskFilter {
  readonly queue?: string | undefined;
  readonly status?: TaskStatus | undefined;
  readonly taskName?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly workflowId?: string | undefined;
  readonly tag?: string | undefined;
}

export interface TaskPage {
  readonly tasks: readonly TaskView[];
  /** Give it back for the next page; undefined on the last. */
  readonly cursor: string | undefined;
}

/** Where tasks of a status are. Completed ones are the rule: newest first finds them at once. */
const UNCLAIMED = `select task_id from absurd.ready union all select task_id from absurd.deferred
  union all select child from absurd.waiting`;
const PLANE_OF_STATUS: Readonly<Partial<Record<TaskStatus, string>>> = {
  pending: UNCLAIMED,
  retrying: UNCLAIMED,
  claimed: "select task_id from absurd.lease",
  failed: "select task_id from absurd.outcome where kind = 'd'",
  cancelled: "select task_id from absurd.outcome where kind = 'x'",
};
const CANDIDATES_MAX = 10_000;

/** The tasks that can have the status; undefined when so many can that history shows them soon. */
async function candidates(
  db: Db,
  status: TaskStatus | undefined,
): Promise<readonly string[] | undefined> {
  const plane = status && PLANE_OF_STATUS[status];
  if (plane === undefined) return undefined;
  const [row] = await run<{ ids: string[] }>(
    db,
    `select array(select p.task_id from (${plane}) p limit $1) as ids`,
    [CANDIDATES_MAX + 1],
  );
  return row!.ids.length > CANDIDATES_MAX ? undefined : row!.ids;
}

/** Newest first. */
export async function listTasks(
  db: Db,
  filter: TaskFilter,
  page: { cursor?: string | undefined; limit?: number | undefined },
): Promise<TaskPage> {
  const limit = page.limit ?? 50;
  const numbers = await candidates(db, filter.status);
  const among = numbers === undefined ? "" : "and task_number = any($9::bigint[])";
  const rows = await run<TaskRow>(
    db,
    `select ${COLUMNS} from absurd.tasks
      where ($1::text is null or queue_name = $1)
        and ($2::text is null or status = $2)
        and ($3::text is null or task_name = $3)
        and ($4::text is null or correlation_id = $4)
        and ($5::uuid is null or workflow_id = $5)
        and ($6::text is null or $6 = any(tags))
        and ($7::bigint is null or task_number < $7)
        ${among}
      order by task_number desc limit $8`,
    [
      filter.queue ?? null,
      filter.status ?? null,
      filter.taskName ?? null,
      filter.correlationId ?? null,
      filter.workflowId ?? null,
      filter.tag ?? null,
      page.cursor === undefined ? null : String(taskNumber(page.cursor) ?? 0n),
      limit + 1,
      ...(numbers === undefined ? [] : [numbers]),
    ],
  );
  const tasks = rows.slice(0, limit).map(fromRow);
  return { tasks, cursor: rows.length > limit ? tasks.at(-1)?.taskId : undefined };
}
