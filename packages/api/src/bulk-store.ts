/** The tables of actions on many tasks. */
import type { BulkAction } from "@contimg/contract";
import type pg from "pg";

type Db = Pick<pg.ClientBase, "query">;
type Action = BulkAction["action"];

export interface NewBulk {
  readonly bulkId: string;
  readonly action: Action;
  /** The filter; null: tasks are named. */
  readonly q: string | null;
  /** With a filter, too: it has been asked already. */
  readonly taskIds: readonly string[];
  readonly priority: number | null;
  readonly queue: string | null;
  readonly reason: string;
  readonly actor: string;
}

export interface BulkRow {
  readonly bulk_id: string;
  /** Grows. */
  readonly number: string;
  readonly action: Action;
  readonly state: BulkAction["state"];
  readonly q: string | null;
  readonly priority: number | null;
  readonly queue_name: string | null;
  readonly reason: string;
  readonly actor: string;
  readonly collected: boolean;
  readonly collect_cursor: string | null;
  readonly undo_asked: boolean;
  readonly total: number;
  readonly done: number;
  readonly skipped: number;
  readonly undone: number;
  readonly created_at: Date;
  readonly ended_at: Date | null;
  readonly error: string | null;
}

export type ItemState = "done" | "skipped" | "undone" | "kept";

/** Any number that no other part of the database's users takes. */
const RUNNER_LOCK = 7_214_051_206;

/** Of task i. */
const RUNS = "exists (select from absurd.lease l where l.task_id = absurd.task_number(i))";

/** One that is there already is given as it is: it was asked for by the same request. */
export async function insertBulk(db: Db, bulk: NewBulk): Promise<BulkRow> {
  const { rows } = await db.query<BulkRow>(
    `with made as (
       insert into absurd_api.bulk_action
              (action, q, priority, queue_name, reason, actor, collected, total, bulk_id)
       values ($1, $2::text, $3, $4, $5, $6, $2::text is null or cardinality($7::uuid[]) > 0,
               cardinality($7::uuid[]), $8)
       on conflict (bulk_id) do nothing
       returning *
     ), items as (
       insert into absurd_api.bulk_item (bulk_id, task_id, runs)
       select m.bulk_id, i, ${RUNS} from made m, unnest($7::uuid[]) i
     )
     select * from made`,
    [
      ...[bulk.action, bulk.q, bulk.priority, bulk.queue, bulk.reason, bulk.actor],
      ...[bulk.taskIds, bulk.bulkId],
    ],
  );
  return rows[0] ?? (await findBulk(db, bulk.bulkId))!;
}

export async function findBulk(db: Db, bulkId: string): Promise<BulkRow | undefined> {
  const { rows } = await db.query<BulkRow>(
    "select * from absurd_api.bulk_action where bulk_id = $1",
    [bulkId],
  );
  return rows[0];
}

/** Newest first. */
export async function listBulks(
  db: Db,
  page: { readonly before: string | null; readonly limit: number },
): Promise<BulkRow[]> {
  const { rows } = await db.query<BulkRow>(
    `select * from absurd_api.bulk_action
      where $1::bigint is null or number < $1 order by number desc limit $2`,
    [page.before, page.limit],
  );
  return rows;
}

/** Undefined when there is nothing to undo: none of this id, or it was asked before. */
export async function askUndo(db: Db, bulkId: string): Promise<BulkRow | undefined> {
  const { rows } = await db.query<BulkRow>(
    `update absurd_api.bulk_action
        set undo_asked = true, state = 'running', ended_at = null, error = null
      where bulk_id = $1 and not undo_asked returning *`,
    [bulkId],
  );
  return rows[0];
}

/** In a transaction: true when no other process works, until it ends. */
export async function holdRunnerLock(db: Db): Promise<boolean> {
  const { rows } = await db.query<{ held: boolean }>(
    "select pg_try_advisory_xact_lock($1) as held",
    [RUNNER_LOCK],
  );
  return rows[0]!.held;
}

/** The oldest that is not over; locked against an undo that is asked for meanwhile. */
export async function nextBulk(db: Db): Promise<BulkRow | undefined> {
  const { rows } = await db.query<BulkRow>(
    `select * from absurd_api.bulk_action
      where state = 'running' order by number limit 1 for update`,
  );
  return rows[0];
}

/** @param cursor undefined: these were the last */
export async function addItems(
  db: Db,
  bulkId: string,
  taskIds: readonly string[],
  cursor: string | undefined,
): Promise<void> {
  await db.query(
    `with added as (
       insert into absurd_api.bulk_item (bulk_id, task_id, runs)
       select $1, i, ${RUNS} from unnest($2::uuid[]) i
       on conflict do nothing returning 1
     )
     update absurd_api.bulk_action
        set total = total + (select count(*) from added), collect_cursor = $3,
            collected = $3::text is null
      where bulk_id = $1`,
    [bulkId, taskIds, cursor ?? null],
  );
}

/** The next to be changed: oldest first, those that run last. */
export async function waitingIn(db: Db, bulkId: string, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ task_id: string }>(
    `select task_id from absurd_api.bulk_item
      where bulk_id = $1 and state = 'waiting' order by runs, task_id limit $2`,
    [bulkId, limit],
  );
  return rows.map((row) => row.task_id);
}

export interface BulkItem {
  readonly taskId: string;
  readonly state: ItemState | "waiting";
}

/** In the order in which they are changed. */
export async function itemsOf(db: Db, bulkId: string): Promise<BulkItem[]> {
  const { rows } = await db.query<BulkItem>(
    `select task_id as "taskId", state from absurd_api.bulk_item
      where bulk_id = $1 order by runs, task_id`,
    [bulkId],
  );
  return rows;
}

/** Says what became of tasks and counts them. */
export async function settleItems(
  db: Db,
  bulkId: string,
  items: readonly { readonly taskId: string; readonly state: ItemState }[],
): Promise<void> {
  await db.query(
    `with settled as (
       update absurd_api.bulk_item b
          set state = i.state
         from jsonb_to_recordset($2) as i("taskId" uuid, state text)
        where b.bulk_id = $1 and b.task_id = i."taskId"
       returning b.state
     )
     update absurd_api.bulk_action a
        set done = a.done + (select count(*) from settled s where s.state = 'done'),
            skipped = a.skipped + (select count(*) from settled s where s.state = 'skipped'),
            undone = a.undone + (select count(*) from settled s where s.state = 'undone')
      where a.bulk_id = $1`,
    [bulkId, JSON.stringify(items)],
  );
}

export async function endBulk(
  db: Db,
  bulkId: string,
  state: "completed" | "failed" | "undone",
  error: string | null = null,
): Promise<void> {
  await db.query(
    `update absurd_api.bulk_action set state = $2, error = $3, ended_at = absurd.clock()
      where bulk_id = $1`,
    [bulkId, state, error],
  );
}
