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

/** Where tasks that have not ended are, by status. */
const UNCLAIMED = `select task_id from absurd.ready union all select task_id from absurd.deferred
  union all select child from absurd.waiting union all select task_id from absurd.parked`;
const PLANE_OF_STATUS: Readonly<Partial<Record<TaskStatus, string>>> = {
  pending: UNCLAIMED,
  retrying: UNCLAIMED,
  claimed: "select task_id from absurd.lease",
};
/** Ends that are few among many. Completed tasks are the rule: newest first finds them at once. */
const KIND_OF_STATUS: Readonly<Partial<Record<TaskStatus, string>>> = {
  failed: "d",
  cancelled: "x",
};
const CANDIDATES_MAX = 10_000;
const WALK_STEP_MAX = 1_000;

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

/** The lanes of a queue and a task name; undefined when neither is asked for. */
async function lanesOf(db: Db, filter: TaskFilter): Promise<readonly number[] | undefined> {
  if (filter.queue === undefined && filter.taskName === undefined) return undefined;
  const [row] = await run<{ lanes: number[] }>(
    db,
    `select array(
       select l.lane_id from absurd.lane l join absurd.kind k on k.kind_id = l.kind_id
        where ($1::text is null or l.queue = $1) and ($2::text is null or k.name = $2)) as lanes`,
    [filter.queue ?? null, filter.taskName ?? null],
  );
  return row!.lanes;
}

/** Newest first. */
export async function listTasks(
  db: Db,
  filter: TaskFilter,
  page: { cursor?: string | undefined; limit?: number | undefined },
): Promise<TaskPage> {
  const limit = page.limit ?? 50;
  const lanes = await lanesOf(db, filter);
  const before = page.cursor === undefined ? null : String(taskNumber(page.cursor) ?? 0n);
  const among = await possible(db, filter.status);
  const wanted = { before, limit: limit + 1 };
  const rows = among
    ? await walk(db, filter, lanes, { ...wanted, among })
    : await readPage(db, filter, lanes, { ...wanted, among: undefined });
  const tasks = rows.slice(0, limit).map(fromRow);
  return { tasks, cursor: rows.length > limit ? tasks.at(-1)?.taskId : undefined };
}

/** Gives up to `count` task numbers below `before`, newest first. */
type Source = (before: string | null, count: number) => Promise<readonly string[]>;

/** Where to look for tasks of a status; undefined when history shows them soon. */
async function possible(db: Db, status: TaskStatus | undefined): Promise<Source | undefined> {
  const kind = status && KIND_OF_STATUS[status];
  if (kind !== undefined) return (before, count) => readEnds(db, kind, before, count);
  const numbers = await candidates(db, status);
  if (numbers === undefined) return undefined;
  const sorted = numbers.map(BigInt).sort((a, b) => (a < b ? 1 : -1));
  return async (before, count) => {
    const from = before === null ? 0 : sorted.findIndex((number) => number < BigInt(before));
    return from < 0 ? [] : sorted.slice(from, from + count).map(String);
  };
}

async function readEnds(
  db: Db,
  kind: string,
  before: string | null,
  count: number,
): Promise<readonly string[]> {
  const ends = await run<{ task_id: string }>(
    db,
    `select task_id from absurd.outcome
      where kind = $1 and kind <> 'c' and ($2::bigint is null or task_id < $2)
      order by task_id desc limit $3`,
    [kind, before, count],
  );
  return ends.map((end) => end.task_id);
}

/** Walks a source until enough of its tasks fit the filter, in longer and longer steps. */
async function walk(
  db: Db,
  filter: TaskFilter,
  lanes: readonly number[] | undefined,
  page: { before: string | null; among: Source; limit: number },
): Promise<TaskRow[]> {
  const rows: TaskRow[] = [];
  let { before } = page;
  for (let step = page.limit; ; step = Math.min(step * 4, WALK_STEP_MAX)) {
    const among = await page.among(before, step);
    const limit = page.limit - rows.length;
    if (among.length > 0) {
      rows.push(...(await readPage(db, filter, lanes, { before, among, limit })));
    }
    if (rows.length >= page.limit || among.length < step) return rows;
    before = among.at(-1)!;
  }
}

/** Conditions are written only when they are asked for, so that each finds its index. */
async function readPage(
  db: Db,
  filter: TaskFilter,
  lanes: readonly number[] | undefined,
  page: { before: string | null; among: readonly string[] | undefined; limit: number },
): Promise<TaskRow[]> {
  const values: unknown[] = [];
  const conditions: string[] = [];
  const add = (condition: string, value: unknown): void => {
    if (value === undefined || value === null) return;
    values.push(value);
    conditions.push(condition.replace("?", `$${values.length}`));
  };
  add("lane_id = any(?::integer[])", lanes);
  add("status = ?", filter.status);
  add("correlation_id = ?", filter.correlationId);
  add("workflow_id = ?::uuid", filter.workflowId);
  add("tags @> array[?::text]", filter.tag);
  add("task_number < ?::bigint", page.before);
  add("task_number = any(?::bigint[])", page.among);
  const where = conditions.length > 0 ? `where ${conditions.join(" and ")}` : "";
  values.push(page.limit);
  return run<TaskRow>(
    db,
    `select ${COLUMNS} from absurd.tasks ${where}
      order by task_number desc limit $${values.length}`,
    values,
  );
}
