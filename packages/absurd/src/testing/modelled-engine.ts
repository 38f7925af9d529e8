/** The engine beside a model of it, which takes each call, too, and is compared after it. */
import assert from "node:assert/strict";

import type pg from "pg";

import { setClock, sqlWorker } from "@contimg/testkit";

import { EngineModel, FRESH, type ModelTask, type Status } from "./engine-model.ts";

const { T0, claim, cycle, fence, maintain, registerWorker, spawn, task } = sqlWorker;

const REPAIRS_MAX = 2;
const MENDABLE = {
  policy: { retry: { recoverable: { repair: { task: "noop", max_repairs: REPAIRS_MAX } } } },
};

interface Held {
  readonly row: sqlWorker.ClaimRow;
  readonly task: ModelTask;
  readonly fence: string;
}

export interface Call {
  readonly verb: string;
  readonly pick: number;
  readonly errorClass: string;
}

/** The engine, and beside it what should be in it. */
export class ModelledEngine {
  readonly #db: pg.Client;
  #worker: sqlWorker.SqlWorker;
  readonly #model = new EngineModel();
  #held: Held[] = [];
  readonly #stale: string[] = [];
  #seconds = 0;

  constructor(db: pg.Client, worker: sqlWorker.SqlWorker) {
    this.#db = db;
    this.#worker = worker;
  }

  async step({ verb, pick, errorClass }: Call): Promise<void> {
    const held = this.#held[pick % Math.max(1, this.#held.length)];
    const any = this.#model.tasks[pick % Math.max(1, this.#model.tasks.length)];
    if (verb === "spawn") await this.#spawn(pick, any);
    else if (verb === "claim") await this.#claim(1 + (pick % 3));
    else if (verb === "tick") await this.#pass(600);
    else if (verb === "recover") await this.#recover();
    else if (verb === "complete" && held) await this.#complete(held);
    else if (verb === "fail" && held) await this.#fail(held, errorClass);
    else if (verb === "release" && held) await this.#fail(held, "released");
    else if (verb === "cancel" && any) await this.#cancel(pick % 2 ? (held?.task ?? any) : any);
    else if (verb === "rollUp") await this.#db.query("select absurd.roll_up()");
    else if (verb === "retry" && any) await this.#retry(any);
  }

  /** Every task in one plane, every status as in the model, stale fences refused. */
  async check(): Promise<void> {
    const { rows } = await this.#db.query<{ id: string; planes: number; status: string }>(
      `select t.task_number as id, case when t.status in ('pending', 'retrying') then 'unclaimed'
                                        else t.status end as status,
              (select count(*)::integer from (
                 select task_id from absurd.ready union all select task_id from absurd.deferred
                 union all select child from absurd.waiting
                 union all select task_id from absurd.parked union all
                 select task_id from absurd.lease union all select task_id from absurd.outcome
               ) p where p.task_id = t.task_number) as planes
         from absurd.tasks t order by 1`,
    );
    const byNumber = this.#model.tasks.toSorted((a, b) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1));
    assert.deepEqual(
      rows,
      byNumber.map(({ id, status }) => ({ id, status, planes: 1 })),
    );
    const old = this.#stale.at(-1);
    if (old === undefined) return;
    await assert.rejects(this.#db.query("select absurd.complete_task($1)", [old]), {
      code: "WF001",
    });
  }

  async checkStats(): Promise<void> {
    const { rows: counts } = await this.#db.query(
      `select (select coalesce(jsonb_agg(s), '[]') from absurd.get_queue_stats() s)
            = (select coalesce(jsonb_agg(v), '[]') from (
                 select queue_name, count(*) filter (where status = 'pending') as pending,
                        count(*) filter (where status = 'claimed') as claimed,
                        count(*) filter (where status = 'completed') as completed,
                        count(*) filter (where status = 'failed') as failed,
                        count(*) filter (where status = 'cancelled') as cancelled,
                        count(*) filter (where status = 'retrying') as retrying,
                        count(*) as total
                   from absurd.tasks group by queue_name
               ) v) as same`,
    );
    assert.deepEqual(counts, [{ same: true }], "get_queue_stats differs from the view");
  }

  /** Whatever is left can be done: nothing is stuck. */
  async drain(): Promise<void> {
    for (let round = 0; round <= 2 * this.#model.tasks.length + 1; round++) {
      for (const held of [...this.#held]) await this.#complete(held);
      await this.#pass(600);
      await this.#claim(100);
    }
    assert.deepEqual(
      this.#model.tasks.filter((each) => each.status === "unclaimed" || each.status === "claimed"),
      [],
    );
  }

  async #spawn(pick: number, parent: ModelTask | undefined): Promise<void> {
    const given = pick % 3 === 0 ? parent : undefined;
    const depends = given ? { depends_on: [await this.#uuid(given)] } : {};
    const isMendable = pick % 4 >= 2;
    const demand = pick % 4 === 1 ? { locks: [{ name: "one" }] } : {};
    const attemptsMax = isMendable ? 5 : (pick % 2) + 1;
    const spawned = spawn(this.#db, [
      task({
        max_retries: attemptsMax - 1,
        ...depends,
        ...demand,
        ...(isMendable ? MENDABLE : {}),
      }),
    ]);
    if (given?.status === "failed" || given?.status === "cancelled") {
      await assert.rejects(spawned, { code: "WF007" });
      return;
    }
    const { rows } = await this.#db.query<{ id: string }>("select absurd.task_number($1) as id", [
      (await spawned)[0]!.task_id,
    ]);
    this.#model.tasks.push({ ...FRESH, id: rows[0]!.id, parent: given, attemptsMax, isMendable });
  }

  async #claim(limit: number): Promise<void> {
    for (const row of await claim(this.#db, this.#worker, limit)) {
      const claimed = this.#model.tasks.find((each) => each.id === row.task_id)!;
      assert.equal(claimed.status, "unclaimed");
      assert.ok(!claimed.parent || claimed.parent.status === "completed", "its parent is not done");
      assert.equal(claimed.awaits, undefined, "its repair is not done");
      assert.equal(row.claim_no, claimed.claimNo + 1);
      Object.assign(claimed, { status: "claimed", claimNo: row.claim_no });
      claimed.attemptsUsed += 1;
      const text = await fence(this.#db, this.#worker, row);
      this.#held.push({ row, task: claimed, fence: text });
    }
  }

  async #complete(held: Held): Promise<void> {
    await cycle(this.#db, this.#worker, { done: [held.row] });
    this.#drop(held, "completed");
  }

  async #fail(held: Held, errorClass: string): Promise<void> {
    await cycle(this.#db, this.#worker, { failed: [[held.row, errorClass]] });
    const isMending =
      errorClass === "recoverable" &&
      held.task.isMendable &&
      held.task.attemptsUsed < held.task.attemptsMax &&
      !held.task.isCancelAsked;
    if (!isMending) {
      if (errorClass !== "released") held.task.repairsInARow = 0;
      this.#settle(held, errorClass);
    } else if (held.task.repairsInARow === REPAIRS_MAX) this.#drop(held, "failed");
    else await this.#awaitRepair(held);
  }

  async #awaitRepair(held: Held): Promise<void> {
    const { rows } = await this.#db.query<{ id: string }>(
      "select max(repair_id) as id from absurd.repair where task_id = $1",
      [held.task.id],
    );
    const repair: ModelTask = {
      ...FRESH,
      id: rows[0]!.id,
      parent: undefined,
      attemptsMax: 4,
      isMendable: false,
    };
    this.#model.tasks.push(repair);
    held.task.repairsInARow += 1;
    held.task.awaits = repair;
    this.#drop(held, "unclaimed");
  }

  #settle(held: Held, errorClass: string): void {
    const { attemptsUsed, attemptsMax, isCancelAsked } = held.task;
    const isFinal = errorClass === "fatal" || errorClass === "validation";
    if (errorClass === "released") held.task.attemptsUsed -= 1;
    if (isFinal || (errorClass !== "released" && attemptsUsed >= attemptsMax)) {
      this.#drop(held, "failed");
    } else this.#drop(held, isCancelAsked ? "cancelled" : "unclaimed");
  }

  #drop(held: Held, status: Status): void {
    this.#held = this.#held.filter((each) => each !== held);
    this.#stale.push(held.fence);
    held.task.isCancelAsked = false;
    held.task.status = status;
    this.#model.endRepair(held.task);
    if (status === "failed" || status === "cancelled") this.#model.drag(held.task);
  }

  async #cancel(target: ModelTask): Promise<void> {
    const { rows } = await this.#db.query("select absurd.cancel_task($1) as done", [
      await this.#uuid(target),
    ]);
    assert.deepEqual(rows, [{ done: ["unclaimed", "claimed"].includes(target.status) }]);
    if (target.status === "claimed") target.isCancelAsked = true;
    if (target.status !== "unclaimed") return;
    Object.assign(target, { status: "cancelled", isDragged: false });
    this.#model.endRepair(target);
    this.#model.drag(target);
  }

  async #retry(target: ModelTask): Promise<void> {
    // One whose parent will never complete comes back only to be cancelled by the next audits.
    if (target.parent?.status === "failed" || target.parent?.status === "cancelled") return;
    const { rows } = await this.#db.query("select absurd.retry_task($1) as done", [
      await this.#uuid(target),
    ]);
    const isOver = target.status === "failed" || target.status === "cancelled";
    assert.deepEqual(rows, [{ done: isOver }]);
    if (isOver) this.#model.revive(target);
  }

  async #recover(): Promise<void> {
    const heir = await registerWorker(this.#db);
    await this.#advance(31); // one second past the lease
    await this.#db.query("select absurd.beat($1, $2)", [heir.id, heir.epoch]);
    await maintain(this.#db, heir);
    this.#worker = heir;
    for (const held of this.#held) {
      held.task.repairsInARow = 0;
      this.#settle(held, "lost");
    }
  }

  async #pass(seconds: number): Promise<void> {
    await this.#advance(seconds);
    await this.#db.query("select absurd.beat($1, $2)", [this.#worker.id, this.#worker.epoch]);
    // A request to cancel is older than the worker's grace now.
    await maintain(this.#db, this.#worker);
    for (const held of this.#held) if (held.task.isCancelAsked) this.#drop(held, "cancelled");
  }

  async #advance(seconds: number): Promise<void> {
    this.#seconds += seconds;
    const now = new Date(Date.parse(T0) + this.#seconds * 1000);
    await setClock(this.#db, now.toISOString());
  }

  async #uuid(target: ModelTask): Promise<string> {
    const { rows } = await this.#db.query<{ id: string }>("select absurd.task_uuid($1) as id", [
      target.id,
    ]);
    return rows[0]!.id;
  }
}
