/**
 * Who acts at the database itself, from a terminal: noted in the audit log as over HTTP, and what
 * changes many tasks is the same action, shown in the dashboard and taken back in either place.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { type AbsurdClient, sqlState } from "@contimg/absurd";
import {
  type BulkAction,
  PROBLEMS,
  type RouteName,
  type TERMINAL_ACTIONS,
  type UndoPreview,
} from "@contimg/contract";
import type pg from "pg";

import { AuditStore } from "./access/audit-store.ts";
import { maskSecrets } from "./access/mask.ts";
import { BulkRunner } from "./bulk-runner.ts";
import {
  askUndo,
  type BulkItem,
  type BulkRow,
  findBulk,
  insertBulk,
  itemsOf,
  listBulks,
} from "./bulk-store.ts";
import { wireBulk } from "./handlers/bulk.ts";
import { ensureApi } from "./migrate.ts";
import { toApiError } from "./problem.ts";
import { previewUndo } from "./undo-preview.ts";

export interface Deed<Result = unknown> {
  /** The route that does the same over HTTP, if there is one. */
  readonly action: RouteName | keyof typeof TERMINAL_ACTIONS;
  /** Of what is made: known when it is. */
  readonly target: string | ((result: Result) => string);
  readonly reason?: string | undefined;
  readonly detail?: object | undefined;
}

export interface BulkOrder {
  readonly action: BulkAction["action"];
  /** The filter that found them, for people. */
  readonly q: string | null;
  readonly taskIds: readonly string[];
  readonly reason: string;
}

export interface BulkOutcome {
  readonly bulk: BulkAction;
  readonly items: readonly BulkItem[];
}

/** The role of the connection may not note what it does; nothing was done. */
export class MayNotAct extends Error {
  override readonly name = "MayNotAct";
}

/** While another process works: its turns are short. */
const LOOK_MS = 100;
const OK = 200;
/** SQLSTATE insufficient_privilege. */
const NO_RIGHT = "42501";

export class Operator {
  readonly #pool: pg.Pool;
  readonly #client: AbsurdClient;
  readonly #actor: string;

  private constructor(pool: pg.Pool, client: AbsurdClient, actor: string) {
    this.#pool = pool;
    this.#client = client;
    this.#actor = actor;
  }

  /**
   * Makes the API's tables when no API has yet.
   *
   * @param actor as the audit log names them
   * @throws {MayNotAct} before anything is done
   */
  static async at(pool: pg.Pool, client: AbsurdClient, actor: string): Promise<Operator> {
    await assertNotable(pool);
    return new Operator(pool, client, actor);
  }

  /** Does it and notes it, also when it is refused. */
  async audited<Result>(deed: Deed<Result>, work: () => Promise<Result>): Promise<Result> {
    let result: Result;
    try {
      result = await work();
    } catch (error) {
      const target = typeof deed.target === "string" ? deed.target : "";
      const { status } = PROBLEMS[toApiError(error).code];
      await this.#note({ ...deed, target }, status).catch(() => undefined);
      throw error;
    }
    const target = typeof deed.target === "string" ? deed.target : deed.target(result);
    await this.#note({ ...deed, target }, OK);
    return result;
  }

  /** Changes these tasks and returns when all are. */
  async changeMany(order: BulkOrder): Promise<BulkOutcome> {
    const { action, q, taskIds, reason } = order;
    const selection = q === null ? { task_ids: taskIds } : { q };
    const bulkId = randomUUID();
    const deed = { action: "startBulk", target: bulkId, reason } as const;
    await this.audited({ ...deed, detail: { action, selection, reason } }, () =>
      insertBulk(this.#pool, {
        ...{ bulkId, action, q, taskIds, reason, actor: this.#actor },
        ...{ priority: null, queue: null },
      }),
    );
    return this.#end(bulkId);
  }

  /** What undo would take back now; undefined: there is nothing of this id to undo. */
  async previewUndo(bulkId: string): Promise<UndoPreview | undefined> {
    const known = await findBulk(this.#pool, bulkId);
    if (!known || known.undo_asked) return undefined;
    return previewUndo(this.#client, known);
  }

  /** Takes back what has not run since; undefined: there is nothing of this id to undo. */
  async undo(bulkId: string, reason: string | undefined): Promise<BulkOutcome | undefined> {
    const known = await findBulk(this.#pool, bulkId);
    if (!known || known.undo_asked) return undefined;
    const deed = { action: "undoBulk", target: bulkId, reason, detail: { reason } } as const;
    await this.audited(deed, () => askUndo(this.#pool, bulkId));
    return this.#end(bulkId);
  }

  /** Newest first. */
  async recent(limit: number): Promise<readonly BulkAction[]> {
    return (await listBulks(this.#pool, { before: null, limit })).map(wireBulk);
  }

  /** Works until it is over, or another process did: a server's runner may be at it, too. */
  async #end(bulkId: string): Promise<BulkOutcome> {
    const lifetime = new AbortController().signal;
    const runner = new BulkRunner({ client: this.#client, pool: this.#pool, lifetime });
    let row: BulkRow;
    while ((row = (await findBulk(this.#pool, bulkId))!).state === "running") {
      if (!(await runner.turn())) await sleep(LOOK_MS);
    }
    return { bulk: wireBulk(row), items: await itemsOf(this.#pool, bulkId) };
  }

  async #note(deed: Deed & { readonly target: string }, status: number): Promise<void> {
    const { action, target, reason, detail } = deed;
    await new AuditStore(this.#pool).add([
      {
        ...{ at: new Date(), actor: this.#actor, role: "admin", action, target, status },
        ...{ reason: reason ?? null, detail: maskSecrets(detail ?? null) },
        requestId: randomUUID(),
      },
    ]);
  }
}

/** @throws {MayNotAct} where the audit log is not there and may not be made, or not be written */
async function assertNotable(pool: pg.Pool): Promise<void> {
  try {
    await ensureApi(pool);
    const { rows } = await pool.query<{ may: boolean }>(
      "select has_table_privilege('absurd_api.audit', 'insert') as may",
    );
    if (rows[0]!.may) return;
  } catch (error) {
    if (sqlState(error) !== NO_RIGHT) throw error;
  }
  const { rows } = await pool.query<{ role: string }>("select current_user as role");
  throw new MayNotAct(
    `nothing was done, because role "${rows[0]!.role}" may not note it in the audit log ` +
      `(absurd_api.audit): let the owner of the schemas run absurd migrate, and then: ` +
      `grant usage on schema absurd_api to "${rows[0]!.role}"; ` +
      `grant select on absurd_api.migrations to "${rows[0]!.role}"; ` +
      `grant insert on absurd_api.audit to "${rows[0]!.role}"`,
  );
}
