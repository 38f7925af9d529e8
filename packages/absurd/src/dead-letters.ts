/**
 * Dead letters: tasks that failed for good. Looking at them, giving many a new start or none, and
 * the groups that their errors form.
 */
import { z } from "zod";

import { type Db, run } from "./db.ts";
import { InvalidFilter } from "./errors.ts";
import type { Json } from "./task.ts";
import { taskNumber, taskUuid } from "./task-id.ts";
import type { ErrorRecord } from "./task-view.ts";

/** All that is given must hold. */
export interface DeadLetterFilter {
  readonly taskIds?: readonly string[] | undefined;
  readonly queue?: string | undefined;
  readonly taskName?: string | undefined;
  /** Of the error, such as "OutOfMemory". */
  readonly tag?: string | undefined;
  readonly errorClass?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly failedFrom?: Date | undefined;
  /** Exclusive. */
  readonly failedTo?: Date | undefined;
}

const text = z.string().min(1).optional();
const filterSchema = z.strictObject({
  taskIds: z.array(z.guid()).optional(),
  queue: text,
  taskName: text,
  tag: text,
  errorClass: text,
  fingerprint: text,
  correlationId: text,
  failedFrom: z.date().optional(),
  failedTo: z.date().optional(),
});

export interface DeadLetter {
  readonly taskId: string;
  readonly queue: string;
  readonly taskName: string;
  readonly params: Json;
  readonly attempt: number;
  readonly error: ErrorRecord;
  readonly fingerprint: string | null;
  readonly createdAt: Date;
  readonly failedAt: Date;
  readonly correlationId: string | null;
  readonly tags: readonly string[];
}

interface BulkOptions {
  /** Says what would be done and does nothing. */
  readonly dryRun?: boolean;
  /** Oldest deaths first. Default 1000. */
  readonly limit?: number;
}

export interface ReplayOptions extends BulkOptions {
  /** Default true: all attempts anew. False: those left, at least one. */
  readonly resetAttempts?: boolean;
  /** Members that replace those of the same name in the params; null removes one. */
  readonly paramsPatch?: Readonly<Record<string, Json>>;
}

export const ERROR_GROUP_STATES = ["open", "acknowledged", "resolved"] as const;
export type ErrorGroupState = (typeof ERROR_GROUP_STATES)[number];

/** Dead tasks whose errors are the same but for numbers, names and places. */
export interface ErrorGroup {
  readonly fingerprint: string;
  /** These stay when no dead task is left; null: a release before did not keep them. */
  readonly taskName: string | null;
  readonly tag: string | null;
  readonly errorClass: string | null;
  /** As the newest of them said it. */
  readonly message: string | null;
  readonly count: number;
  readonly firstAt: Date | null;
  readonly lastAt: Date | null;
  readonly example: { readonly taskId: string; readonly message: string } | null;
  readonly state: ErrorGroupState;
  readonly assignee: string | null;
  readonly note: string | null;
}

/** To the microsecond, which a Date has not. */
const FAILED_AT = `to_char(d.finished_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
const CURSOR =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** @throws {InvalidFilter} */
function readCursor(cursor: string): [failedAt: string, taskId: string] {
  const [, failedAt, taskId] = CURSOR.exec(cursor) ?? [];
  if (failedAt === undefined || taskId === undefined || isNaN(Date.parse(failedAt))) {
    throw new InvalidFilter(`cursor is "${cursor}", expected the one that a page gave`);
  }
  return [failedAt, taskId];
}

/** Oldest deaths first, those after a time and task; `place` is the cursor behind each. */
async function readLetters(
  db: Db,
  filter: DeadLetterFilter,
  limit: number,
  failedAt: string | null,
  taskId: string | null,
): Promise<(DeadLetter & { place: string })[]> {
  return run<DeadLetter & { place: string }>(
    db,
    `with found as materialized (select * from absurd.find_dead($1, $2, $3, $4))
     select t.task_id as "taskId", t.queue_name as "queue", t.task_name as "taskName", t.params,
            t.attempt, t.error_detail as error, d.fingerprint, t.created_at as "createdAt",
            t.completed_at as "failedAt", t.correlation_id as "correlationId",
            coalesce(t.tags, '{}') as tags, ${FAILED_AT} || '_' || t.task_id as place
       from found d
       join absurd.tasks_by_number(array(select f.task_id from found f)) t
         on t.task_number = d.task_id
      order by d.finished_at, d.task_id`,
    [
      wireFilter(filter),
      limit,
      failedAt,
      taskId === null ? null : String(taskNumber(taskId) ?? 0n),
    ],
  );
}

export class DeadLetters {
  readonly #db: Db;
  readonly #onReady: () => void;

  /** @param onReady tasks became ready */
  constructor(db: Db, onReady: () => void) {
    this.#db = db;
    this.#onReady = onReady;
  }

  /** Oldest deaths first. `after`: go on after this one. @throws {InvalidFilter} */
  async list(
    filter: DeadLetterFilter = {},
    options: { limit?: number; after?: Pick<DeadLetter, "taskId" | "failedAt"> } = {},
  ): Promise<DeadLetter[]> {
    const { limit = 100, after } = options;
    const failedAt = after?.failedAt.toISOString() ?? null;
    const rows = await readLetters(this.#db, filter, limit, failedAt, after?.taskId ?? null);
    return rows.map(({ place: _, ...letter }) => letter);
  }

  /** Their ids, oldest deaths first. @throws {InvalidFilter} */
  async find(filter: DeadLetterFilter, limit: number): Promise<string[]> {
    const rows = await run<{ task_id: string }>(
      this.#db,
      "select task_id from absurd.find_dead($1, $2)",
      [wireFilter(filter), limit],
    );
    return rows.map((row) => taskUuid(row.task_id));
  }

  /** How many there are; counting ends at `limit`. @throws {InvalidFilter} */
  async count(filter: DeadLetterFilter = {}, limit = 10_000): Promise<number> {
    const [row] = await run<{ n: number }>(
      this.#db,
      "select count(*)::integer as n from absurd.find_dead($1, $2)",
      [wireFilter(filter), limit],
    );
    return row!.n;
  }

  /** A page of the same, and its cursor. @throws {InvalidFilter} also for a wrong cursor */
  async page(
    filter: DeadLetterFilter = {},
    page: { limit?: number; cursor?: string } = {},
  ): Promise<{ deadLetters: DeadLetter[]; cursor: string | undefined }> {
    const { limit = 100, cursor } = page;
    const [failedAt, taskId] = cursor === undefined ? [null, null] : readCursor(cursor);
    const rows = await readLetters(this.#db, filter, limit + 1, failedAt, taskId);
    const letters = rows.slice(0, limit);
    const next = rows.length > limit ? letters.at(-1)?.place : undefined;
    return { deadLetters: letters.map(({ place: _, ...letter }) => letter), cursor: next };
  }

  /**
   * Gives dead tasks a new start; checkpoints and the log of attempts stay. Returns their ids.
   * @throws {InvalidFilter}
   */
  async replay(filter: DeadLetterFilter, options: ReplayOptions = {}): Promise<string[]> {
    const rows = await run<{ task_id: string }>(
      this.#db,
      "select task_id from absurd.replay_dead($1, $2, $3, $4, $5)",
      [
        wireFilter(filter),
        options.limit ?? 1000,
        options.dryRun ?? false,
        options.resetAttempts ?? true,
        options.paramsPatch === undefined ? null : JSON.stringify(options.paramsPatch),
      ],
    );
    if (rows.length > 0 && !options.dryRun) this.#onReady();
    return rows.map((row) => row.task_id);
  }

  /** Takes dead tasks off the dead letters: they count as cancelled. @throws {InvalidFilter} */
  async discard(
    filter: DeadLetterFilter,
    options: BulkOptions & { readonly reason?: string } = {},
  ): Promise<string[]> {
    const rows = await run<{ task_id: string }>(
      this.#db,
      "select task_id from absurd.discard_dead($1, $2, $3, $4)",
      [
        wireFilter(filter),
        options.limit ?? 1000,
        options.dryRun ?? false,
        options.reason ?? "discarded by request",
      ],
    );
    return rows.map((row) => row.task_id);
  }

  /** Most tasks first; groups without any that somebody said something of come last. */
  async groups(): Promise<ErrorGroup[]> {
    const rows = await run<
      Omit<ErrorGroup, "example" | "count"> & { tasks: string; example_task_id: string | null }
    >(
      this.#db,
      `select fingerprint, task_name as "taskName", tag, class as "errorClass", tasks, first_at as "firstAt",
              last_at as "lastAt", example_task_id, example_message as message, state, assignee,
              note
         from absurd.error_groups order by tasks desc, last_at desc nulls last`,
    );
    return rows.map(({ tasks, example_task_id: taskId, ...group }) => ({
      ...group,
      count: Number(tasks),
      example: taskId === null ? null : { taskId, message: group.message ?? "" },
    }));
  }

  /**
   * Says something of a group: acknowledged, resolved, whose it is. It is resolved by itself when
   * every task that had the error ended otherwise.
   * @throws {UnknownErrorGroup}
   */
  async setGroup(
    fingerprint: string,
    said: { readonly state?: ErrorGroupState; readonly assignee?: string; readonly note?: string },
  ): Promise<void> {
    await run(this.#db, "select absurd.set_error_group($1, $2, $3, $4)", [
      fingerprint,
      said.state ?? null,
      said.assignee ?? null,
      said.note ?? null,
    ]);
  }

  /** The queue that gets a task "absurd.dead-letter" for each task that dies; null: none. */
  async setQueue(queue: string | null): Promise<void> {
    await run(this.#db, "select absurd.set_dead_letter_queue($1)", [queue]);
  }
}

function wireFilter(filter: DeadLetterFilter): string {
  const parsed = filterSchema.safeParse(filter);
  if (!parsed.success) throw InvalidFilter.from(parsed.error.issues);
  return JSON.stringify({
    task_ids: filter.taskIds,
    queue_name: filter.queue,
    task_name: filter.taskName,
    tag: filter.tag,
    class: filter.errorClass,
    fingerprint: filter.fingerprint,
    correlation_id: filter.correlationId,
    failed_from: filter.failedFrom,
    failed_to: filter.failedTo,
  });
}
