/** Events, from outside of tasks: a client's `events`. */
import type pg from "pg";

import { type Db, run } from "./db.ts";
import type { Json } from "./task.ts";
import { taskUuid } from "./task-id.ts";

export interface EmitOptions {
  /** The caller's open transaction; call the client's wake() after its commit. */
  readonly on?: pg.ClientBase;
  /** The attempt that emits: a stale one emits nothing. */
  readonly fence?: string;
  /** How long it is remembered for those who ask later. Default 30 days. */
  readonly keepSeconds?: number;
}

export interface EventView {
  readonly name: string;
  readonly payload: Json;
  readonly emittedAt: Date;
  /** The task that emitted it, if one did. */
  readonly taskId: string | null;
  readonly keepUntil: Date;
}

/** A task that waits for an event. */
export interface HeldTask {
  readonly taskId: string;
  readonly taskName: string;
  readonly event: string;
}

const KEEP_SECONDS = 30 * 86_400;

export class Events {
  readonly #db: Db;
  readonly #wake: () => void;

  constructor(db: Db, wake: () => void) {
    this.#db = db;
    this.#wake = wake;
  }

  /**
   * Emits an event: every task that waits for it goes on, and so does at once who asks later.
   * True when it is the first of its name; a later one changes nothing.
   * @throws {InvalidEventName | LeaseLost}
   */
  async emit(name: string, payload?: Json, options: EmitOptions = {}): Promise<boolean> {
    const [row] = await run<{ first: boolean }>(
      (options.on as Db | undefined) ?? this.#db,
      "select absurd.emit_event($1, $2, $3, $4) as first",
      [
        name,
        payload === undefined ? null : JSON.stringify(payload),
        options.fence ?? null,
        options.keepSeconds ?? KEEP_SECONDS,
      ],
    );
    if (row!.first && !options.on) this.#wake();
    return row!.first;
  }

  /** Undefined when it has not happened, or is forgotten. */
  async get(name: string): Promise<EventView | undefined> {
    const rows = await run<EventRow>(
      this.#db,
      "select name, payload, emitted_at, task_id, keep_until from absurd.event where name = $1",
      [name],
    );
    return rows.map(fromRow)[0];
  }

  /** How many tasks wait for an event now, whichever. */
  async heldCount(): Promise<number> {
    const [row] = await run<{ held: string }>(
      this.#db,
      `select count(distinct w.task_id) as held
         from absurd.wait_event w
         join absurd.waiting g on g.child = w.task_id and g.claim_no = w.claim_no`,
    );
    return Number(row!.held);
  }

  /** Of those, the first: what an operator may let go on. */
  async heldTasks(limit: number): Promise<HeldTask[]> {
    const rows = await run<{ task_id: string; task_name: string; name: string }>(
      this.#db,
      `select f.task_id, v.task_name, f.name
         from (
           select distinct on (w.task_id) w.task_id, w.name
             from absurd.wait_event w
             join absurd.waiting g on g.child = w.task_id and g.claim_no = w.claim_no
            order by w.task_id, w.name limit $1
         ) f
         cross join lateral (
           select t.task_name from absurd.tasks t where t.task_number = f.task_id offset 0
         ) v
        order by f.task_id`,
      [limit],
    );
    return rows.map((row) => ({
      taskId: taskUuid(row.task_id),
      taskName: row.task_name,
      event: row.name,
    }));
  }

  /** The tasks that wait for an event now. */
  async waiters(name: string): Promise<string[]> {
    const rows = await run<{ task_id: string }>(
      this.#db,
      `select w.task_id
         from absurd.wait_event w
         join absurd.waiting g on g.child = w.task_id and g.claim_no = w.claim_no
        where w.name = $1 order by w.task_id`,
      [name],
    );
    return rows.map((row) => taskUuid(row.task_id));
  }
}

interface EventRow {
  name: string;
  payload: Json;
  emitted_at: Date;
  task_id: string | null;
  keep_until: Date;
}

function fromRow(row: EventRow): EventView {
  return {
    name: row.name,
    payload: row.payload,
    emittedAt: row.emitted_at,
    taskId: row.task_id === null ? null : taskUuid(row.task_id),
    keepUntil: row.keep_until,
  };
}
