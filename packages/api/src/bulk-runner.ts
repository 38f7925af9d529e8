/**
 * Works off actions on many tasks in the background, a batch a transaction: what a batch changed
 * and what is noted of it happen together or not at all. A lock keeps it to one process at a time;
 * when that ends, however it ends, another goes on.
 */
import { setTimeout as sleep } from "node:timers/promises";

import { AbsurdClient, holdConnection, isConnectionLoss, isTransient } from "@contimg/absurd";
import type pg from "pg";

import { changeTasks, type Guarded, STATUSES_OF_ACTION, undoTasks } from "./bulk-change.ts";
import * as store from "./bulk-store.ts";
import { taskFilterOf, withStatuses } from "./task-filter.ts";

const BATCH = 200;
const PAGE = 500;
/** Nobody waits for a page: where few fit, one looks at more. */
const SEARCH_MS = 500;
const POLL_MS = 5_000;
const ERROR_MS = 2_000;

export interface BulkRunnerParts {
  /** Tells workers, after a commit. */
  readonly client: AbsurdClient;
  readonly pool: pg.Pool;
  readonly lifetime: AbortSignal;
}

export class BulkRunner {
  readonly #parts: BulkRunnerParts;
  #wake: () => void = () => undefined;

  constructor(parts: BulkRunnerParts) {
    this.#parts = parts;
  }

  /** Looks for work now. */
  wake(): void {
    this.#wake();
  }

  /** Until the lifetime ends. Never rejects. */
  async run(): Promise<void> {
    const { lifetime } = this.#parts;
    while (!lifetime.aborted) {
      const waitMs = await this.#work();
      if (waitMs > 0) await this.#rest(waitMs);
    }
  }

  /** How long to rest after it. */
  async #work(): Promise<number> {
    try {
      return (await this.turn()) ? 0 : POLL_MS;
    } catch (error) {
      // Away, busy or not migrated yet: what was begun is rolled back, and done later.
      return isTransient(error) || isConnectionLoss(error) ? ERROR_MS : POLL_MS;
    }
  }

  async #rest(ms: number): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => {
      woken.abort();
    };
    const signal = AbortSignal.any([woken.signal, this.#parts.lifetime]);
    await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
  }

  /** One batch of the oldest action. False: there is nothing to do, or another process does it. */
  async turn(): Promise<boolean> {
    const { pool, client } = this.#parts;
    const begun: { bulk?: store.BulkRow | undefined } = {};
    try {
      await holdConnection(pool, async (connection) => {
        await connection.query("begin");
        if (await store.holdRunnerLock(connection)) {
          begun.bulk = await store.nextBulk(connection);
          if (begun.bulk) await this.#batch(connection, begun.bulk);
        }
        await connection.query("commit");
      });
    } catch (error) {
      if (!begun.bulk || isTransient(error)) throw error;
      await store.endBulk(pool, begun.bulk.bulk_id, "failed", messageOf(error));
    }
    if (begun.bulk) client.wake();
    return begun.bulk !== undefined;
  }

  async #batch(connection: pg.PoolClient, bulk: store.BulkRow): Promise<void> {
    const client = new AbsurdClient(connection);
    try {
      if (bulk.undo_asked) await undo(connection, client, bulk);
      else if (bulk.collected) await change(connection, client, bulk);
      else await collect(connection, client, bulk);
    } finally {
      // Its wake-ups are part of the transaction.
      await client.close();
    }
  }
}

async function collect(
  connection: pg.PoolClient,
  client: AbsurdClient,
  bulk: store.BulkRow,
): Promise<void> {
  const filter = withStatuses(
    taskFilterOf({ q: bulk.q ?? "" }, { now: bulk.created_at, field: "selection.q" }),
    STATUSES_OF_ACTION[bulk.action],
  );
  const cursor = bulk.collect_cursor ?? undefined;
  const page = await client.list(filter, { limit: PAGE, cursor, searchMs: SEARCH_MS });
  // A task that came after it was asked for is not meant.
  const meant = page.tasks.filter((task) => task.createdAt <= bulk.created_at);
  const ids = meant.map((task) => task.taskId);
  await store.addItems(connection, bulk.bulk_id, ids, page.cursor);
}

async function change(
  connection: pg.PoolClient,
  client: AbsurdClient,
  bulk: store.BulkRow,
): Promise<void> {
  const ids = await store.waitingIn(connection, bulk.bulk_id, BATCH);
  if (ids.length > 0) {
    const settled = await changeTasks(client, bulk, ids, guardedBy(connection));
    await store.settleItems(connection, bulk.bulk_id, settled);
  }
  if (ids.length < BATCH) await store.endBulk(connection, bulk.bulk_id, "completed");
}

async function undo(
  connection: pg.PoolClient,
  client: AbsurdClient,
  bulk: store.BulkRow,
): Promise<void> {
  const settled = await undoTasks(client, bulk);
  if (settled.length > 0) await store.settleItems(connection, bulk.bulk_id, settled);
  else await store.endBulk(connection, bulk.bulk_id, "undone");
}

/** A refusal takes back what was tried, and nothing else. */
function guardedBy(connection: pg.PoolClient): Guarded {
  return async (work) => {
    await connection.query("savepoint change");
    try {
      const result = await work();
      await connection.query("release savepoint change");
      return result;
    } catch (error) {
      // Of a connection that broke there is nothing to take back.
      if (!isConnectionLoss(error)) await connection.query("rollback to savepoint change");
      throw error;
    }
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
