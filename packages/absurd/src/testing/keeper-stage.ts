/** Tasks that keep gates while they wait for others. */
import assert from "node:assert/strict";

import type pg from "pg";

import { type FreshDatabase, setClock, sqlWorker } from "@contimg/testkit";

const { claim, emptyEngine, fence, maintain, spawn, task, uuid } = sqlWorker;

export const KEPT = { hold: true };

export function onKey(key: string, limit: number, more: object = {}): Record<string, unknown> {
  return task({ concurrency: [{ key, limit }], ...more });
}

export function onLock(name: string, more: object = {}): Record<string, unknown> {
  return task({ locks: [{ name }], ...more });
}

export class KeeperStage {
  readonly db: pg.Client;
  readonly worker: sqlWorker.SqlWorker;
  readonly #database: FreshDatabase;
  #time = Date.parse(sqlWorker.T0);

  private constructor(database: FreshDatabase, db: pg.Client, worker: sqlWorker.SqlWorker) {
    this.#database = database;
    this.db = db;
    this.worker = worker;
  }

  static async set(database: FreshDatabase): Promise<KeeperStage> {
    const { db, worker } = await emptyEngine(database, {});
    return new KeeperStage(database, db, worker);
  }

  /** Spawns a task and has it run. */
  async run(fields: Record<string, unknown>): Promise<sqlWorker.ClaimRow> {
    const id = await this.add(fields);
    const [row, ...rest] = await claim(this.db, this.worker, 10);
    assert.ok(row);
    assert.equal(rest.length, 0);
    assert.equal(await uuid(this.db, row), id);
    return row;
  }

  async add(fields: Record<string, unknown>): Promise<string> {
    return (await spawn(this.db, [fields]))[0]!.task_id;
  }

  async uuids(rows: readonly sqlWorker.ClaimRow[]): Promise<string[]> {
    const ids: string[] = [];
    for (const row of rows) ids.push(await uuid(this.db, row));
    return ids;
  }

  async awaits(
    held: sqlWorker.ClaimRow,
    ids: readonly string[],
    session = this.db,
  ): Promise<string> {
    const { rows } = await session.query<{ what: string }>(
      "select what from absurd.await_tasks($1, $2)",
      [await fence(this.db, this.worker, held), ids],
    );
    return rows[0]!.what;
  }

  async awaitsEvent(
    held: sqlWorker.ClaimRow,
    name: string,
    timeoutSeconds: number | null = null,
  ): Promise<void> {
    await this.db.query("select absurd.await_event($1, $2, 1, $3)", [
      await fence(this.db, this.worker, held),
      name,
      timeoutSeconds,
    ]);
  }

  /** The message that explains the task with this code, if there is one. */
  async explained(taskId: string, code: string): Promise<string | undefined> {
    const { rows } = await this.db.query<{ code: string; message: string }>(
      "select code, message from absurd.explain_task($1)",
      [taskId],
    );
    return rows.find((row) => row.code === code)?.message;
  }

  async pass(seconds: number): Promise<void> {
    this.#time += seconds * 1000;
    await setClock(this.db, new Date(this.#time).toISOString());
    await this.db.query("select absurd.beat($1, $2)", [this.worker.id, this.worker.epoch]);
  }

  /** A leader's round in which it looks for endless waits, too. Returns what then runs. */
  async lead(): Promise<sqlWorker.ClaimRow[]> {
    await this.pass(11);
    await maintain(this.db, this.worker);
    return claim(this.db, this.worker, 10);
  }

  /** Both slots kept by tasks that wait for others that need one: seen by neither wait. */
  async closeCircle(key = "disk"): Promise<{ parents: string[]; children: string[] }> {
    await spawn(this.db, [onKey(key, 2, KEPT), onKey(key, 2, KEPT)]);
    const held = await claim(this.db, this.worker, 10);
    const children = [await this.add(onKey(key, 2)), await this.add(onKey(key, 2))];
    const other = await this.#database.connect();
    await setClock(other, sqlWorker.T0);
    await this.db.query("begin");
    await other.query("begin");
    await this.awaits(held[0]!, [children[0]!]);
    await this.awaits(held[1]!, [children[1]!], other);
    await other.query("commit");
    await this.db.query("commit");
    return { parents: await this.uuids(held), children };
  }
}
