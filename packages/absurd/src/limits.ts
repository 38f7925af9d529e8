/** What people do with limits: look who is in and who waits, set, remove. */
import { type Db, run } from "./db.ts";

export type LimitKind = "key" | "lock" | "rate";

export interface LimitView {
  readonly kind: LimitKind;
  readonly name: string;
  /** Tasks at once of a key, starts a period of a rate; null of a lock. */
  readonly limit: number | null;
  readonly periodSeconds: number | null;
  /** Set by a person: spawns do not change it. */
  readonly isPinned: boolean;
  readonly setAt: Date;
  readonly inUse: number;
  readonly waiting: number;
}

export interface LimitUser {
  readonly taskId: string;
  readonly taskName: string;
  readonly mode: "shared" | "exclusive";
  /** Null until a worker claimed it. */
  readonly workerName: string | null;
  readonly claimedAt: Date | null;
}

export interface LimitUsers {
  /** Longest in first. */
  readonly holders: readonly LimitUser[];
  /** Next first. */
  readonly waiters: readonly LimitUser[];
}

const USERS_MAX = 100;

export class Limits {
  readonly #db: Db;
  readonly #wake: () => void;

  constructor(db: Db, wake: () => void) {
    this.#db = db;
    this.#wake = wake;
  }

  /** Every key, lock and rate that a task or a person named. */
  async list(): Promise<LimitView[]> {
    const rows = await run<{
      kind: LimitKind;
      name: string;
      slots: number | null;
      period_seconds: number | null;
      pinned: boolean;
      set_at: Date;
      in_use: string;
      waiting: string;
    }>(this.#db, "select * from absurd.list_limits()");
    return rows.map((row) => ({
      kind: row.kind,
      name: row.name,
      limit: row.slots,
      periodSeconds: row.period_seconds,
      isPinned: row.pinned,
      setAt: row.set_at,
      inUse: Number(row.in_use),
      waiting: Number(row.waiting),
    }));
  }

  /** Who is in and who waits, the first hundred of each. */
  async show(name: string, kind: LimitKind = "key"): Promise<LimitUsers> {
    const rows = await run<{
      place: "holds" | "waits";
      task_id: string;
      task_name: string;
      mode: LimitUser["mode"];
      worker_name: string | null;
      claimed_at: Date | null;
    }>(this.#db, "select * from absurd.show_limit($1, $2, $3)", [kind, name, USERS_MAX]);
    const at = (place: "holds" | "waits"): LimitUser[] =>
      rows
        .filter((row) => row.place === place)
        .map((row) => ({
          taskId: row.task_id,
          taskName: row.task_name,
          mode: row.mode,
          workerName: row.worker_name,
          claimedAt: row.claimed_at,
        }));
    return { holders: at("holds"), waiters: at("waits") };
  }

  /**
   * Sets a key's limit, or a rate's when `periodSeconds` is given. Spawns do not change it from then
   * on; null gives it back to them. 0 lets nobody in; who is in stays.
   * @throws {InvalidDemand}, {LimitNotFound} for null when nobody named it
   */
  async set(name: string, limit: number | null, periodSeconds?: number): Promise<void> {
    const kind = periodSeconds === undefined ? "key" : "rate";
    await run(this.#db, "select absurd.set_limit($1, $2, $3, $4)", [
      kind,
      name,
      limit,
      periodSeconds ?? null,
    ]);
    this.#wake();
  }

  /** Lets everybody in who waits for it alone. @throws {LimitNotFound} */
  async remove(name: string, kind: LimitKind = "key"): Promise<void> {
    await run(this.#db, "select absurd.remove_limit($1, $2)", [kind, name]);
    this.#wake();
  }
}
