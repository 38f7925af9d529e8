/** Gates under random histories: beside a model, and under many connections that come and die. */
import assert from "node:assert/strict";

import fc from "fast-check";
import pg from "pg";
import { test } from "vitest";

import { auditGates, freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

const { T0, claim, cycle, emptyEngine, maintain, registerWorker, spawn, task } = sqlWorker;
const database = freshDatabase();

/** gate name to mode; keys "k1" to "k3" have as many slots as their name says. */
type Asked = ReadonlyMap<string, "s" | "x">;

interface ModelTask {
  readonly id: string;
  readonly gates: Asked;
  place: "line" | "inside" | "held" | "deferred" | "over";
}

const asked = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom("a", "b", "c", "k1", "k2", "k3"),
    mode: fc.constantFrom("s" as const, "x" as const),
  }),
  { maxLength: 3, selector: (each) => each.name },
);
const call = fc.record({
  verb: fc.constantFrom(
    ...["spawn", "spawn", "spawn", "claim", "claim", "complete", "complete"],
    ...["retryable", "released", "fatal", "cancel", "tick"],
  ),
  pick: fc.nat({ max: 1000 }),
  asked,
});
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

class GateRun {
  readonly #db: pg.Client;
  readonly #worker: sqlWorker.SqlWorker;
  readonly #tasks: ModelTask[] = [];
  /** In the order of their places at the gates. */
  #line: ModelTask[] = [];
  readonly #held = new Map<ModelTask, sqlWorker.ClaimRow>();
  #seconds = 0;

  constructor(db: pg.Client, worker: sqlWorker.SqlWorker) {
    this.#db = db;
    this.#worker = worker;
  }

  async step({ verb, pick, asked: gates }: Call): Promise<void> {
    const holders = [...this.#held.keys()];
    const held = holders[pick % Math.max(1, holders.length)];
    const any = this.#tasks[pick % Math.max(1, this.#tasks.length)];
    if (verb === "spawn") await this.#spawn(new Map(gates.map(({ name, mode }) => [name, mode])));
    else if (verb === "claim") await this.#claim();
    else if (verb === "tick") await this.#tick();
    else if (verb === "cancel" && any) await this.#cancel(any);
    else if (verb === "complete" && held) await this.#end(held, undefined);
    else if (verb !== "cancel" && held) await this.#end(held, verb);
  }

  async #spawn(gates: Asked): Promise<void> {
    const [spawned] = await spawn(this.#db, [task({ max_retries: 100, ...demandOf(gates) })]);
    const { rows } = await this.#db.query<{ n: string }>("select absurd.task_number($1) as n", [
      spawned!.task_id,
    ]);
    const fresh: ModelTask = { id: rows[0]!.n, gates, place: "line" };
    this.#tasks.push(fresh);
    this.#line.push(fresh);
  }

  /** Everybody who may be inside is claimed, and nobody else. */
  async #claim(): Promise<void> {
    this.#admit();
    const expected = this.#tasks.filter((each) => each.place === "inside");
    const rows = await claim(this.#db, this.#worker, 100);
    assert.deepEqual(rows.map((row) => row.task_id).sort(), expected.map((each) => each.id).sort());
    for (const row of rows) {
      const claimed = this.#tasks.find((each) => each.id === row.task_id)!;
      claimed.place = "held";
      this.#held.set(claimed, row);
    }
    assert.deepEqual((await this.#db.query("select absurd.heal_gates(100) as n")).rows, [{ n: 0 }]);
  }

  /** In the order of the line: in, when each gate is open and nobody before waits there. */
  #admit(): void {
    const inside = this.#tasks.filter(({ place }) => place === "inside" || place === "held");
    const waiting: ModelTask[] = [];
    for (const each of this.#line) {
      const mayPass = [...each.gates].every(
        ([name, mode]) => !waiting.some((w) => w.gates.has(name)) && isOpen(inside, name, mode),
      );
      if (!mayPass) waiting.push(each);
      else {
        each.place = "inside";
        inside.push(each);
      }
    }
    this.#line = waiting;
  }

  async #end(held: ModelTask, failure: string | undefined): Promise<void> {
    const row = this.#held.get(held)!;
    this.#held.delete(held);
    if (failure === undefined) await cycle(this.#db, this.#worker, { done: [row] });
    else await cycle(this.#db, this.#worker, { failed: [[row, failure]] });
    held.place = failure === "retryable" ? "deferred" : "over";
    if (failure === "released") {
      // Nobody came in since without having been before it in line, so it is in at once.
      held.place = "inside";
    }
    this.#settleWorker(held);
  }

  /** A cycle settles the gates that it touched, before others come with new tasks. */
  #settleWorker(ended: ModelTask): void {
    if (ended.gates.size > 0) this.#admit();
  }

  async #cancel(target: ModelTask): Promise<void> {
    if (target.place === "held" || target.place === "over") return;
    const { rows } = await this.#db.query("select * from absurd.cancel_tasks($1, 'test')", [
      [target.id],
    ]);
    assert.equal((rows[0] as { what: string }).what, "cancelled");
    target.place = "over";
    this.#line = this.#line.filter((each) => each !== target);
  }

  async #tick(): Promise<void> {
    this.#seconds += 600;
    await setClock(this.#db, new Date(Date.parse(T0) + this.#seconds * 1000).toISOString());
    await this.#db.query("select absurd.beat($1, $2)", [this.#worker.id, this.#worker.epoch]);
    const { rows } = await this.#db.query<{ id: string }>(
      "select task_id as id from absurd.deferred order by run_at, task_id",
    );
    for (const { id } of rows) {
      const due = this.#tasks.find((each) => each.id === id)!;
      due.place = "line";
      this.#line.push(due);
    }
    await maintain(this.#db, this.#worker);
    this.#admit();
  }

  /** Whatever is left comes to its end: nobody is stuck. */
  async drain(): Promise<void> {
    for (let round = 0; round <= this.#tasks.length + 1; round++) {
      await this.#tick();
      await this.#claim();
      for (const held of [...this.#held.keys()]) await this.#end(held, undefined);
    }
    assert.deepEqual(
      this.#tasks.filter((each) => each.place !== "over"),
      [],
    );
    const { rows } = await this.#db.query(
      "select from absurd.gate_grant union all select from absurd.gate_wait",
    );
    assert.equal(rows.length, 0, "grants or places are left");
  }
}

function isOpen(inside: readonly ModelTask[], name: string, mode: "s" | "x"): boolean {
  const there = inside.filter((each) => each.gates.has(name));
  if (name.startsWith("k")) return there.length < Number(name[1]);
  if (mode === "x") return there.length === 0;
  return there.every((each) => each.gates.get(name) === "s");
}

function demandOf(gates: Asked): object {
  const names = [...gates.keys()];
  return {
    concurrency: names
      .filter((name) => name.startsWith("k"))
      .map((key) => ({ key, limit: Number(key[1]) })),
    locks: names
      .filter((name) => !name.startsWith("k"))
      .map((name) => ({ name, mode: gates.get(name) === "s" ? "shared" : "exclusive" })),
  };
}

test("random calls let in whom a model of the gates lets in", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 10, maxLength: 40 }), async (calls) => {
      const { db, worker } = await emptyEngine(database, {});
      const gates = new GateRun(db, worker);
      for (const each of calls) {
        await gates.step(each);
        await auditGates(db);
      }
      await gates.drain();
      await db.end();
    }),
    { numRuns: 25, interruptAfterTimeLimit: 60_000 },
  );
}, 120_000);

test("many connections that spawn, work and die keep every limit and leak nothing", async () => {
  const { db } = await emptyEngine(database, {});
  await setClock(db, null);
  const names = ["a", "b", "c", "k1", "k2", "k3"];
  const total = 240;
  let spawned = 0;
  let deaths = 0;

  const spawner = async (seed: number): Promise<void> => {
    const connection = await database.connect();
    for (let n = 0; n < total / 4; n++) {
      const first = names[(seed * 7 + n * 5) % 6]!;
      const second = names[(seed * 3 + n * 11) % 6]!;
      const gates: Asked = new Map([
        [first, n % 3 === 0 ? "x" : "s"],
        ...(n % 2 === 0 ? ([[second, "s"]] as const) : []),
      ]);
      await spawn(connection, [task({ max_retries: 100, ...demandOf(gates) })]);
      spawned += 1;
    }
  };
  const working = async (seed: number): Promise<void> => {
    let connection = await database.connect();
    let self = await registerWorker(connection);
    for (let turn = 0; spawned < total || (await isAnyLeft(db)); turn++) {
      const claimed = await claim(connection, self, 3);
      if ((turn + seed) % 7 === 0 && claimed.length > 0 && deaths < 12) {
        deaths += 1;
        // Half of the deaths are in the middle of a cycle, half between two.
        if (deaths % 2 === 0) {
          await connection.query("begin");
          await cycle(connection, self, { done: claimed });
        }
        await connection.end();
        connection = await database.connect();
        await connection.query(
          "update absurd.worker set beat_at = beat_at - interval '1 hour' where worker_id = $1",
          [self.id],
        );
        self = await registerWorker(connection);
        continue;
      }
      const [bad, ...good] = claimed;
      if (turn % 5 === 0 && bad) {
        await cycle(connection, self, { done: good, failed: [[bad, "released"]] });
      } else await cycle(connection, self, { done: claimed });
    }
  };
  const leading = async (): Promise<void> => {
    const connection = await database.connect();
    const self = await registerWorker(connection);
    while (spawned < total || (await isAnyLeft(db))) {
      // Where the server started lately, nobody is dead before a lease is over.
      await connection.query("begin");
      await connection.query("select set_config('absurd.fake_now', now()::text, true)");
      await maintain(connection, self);
      await connection.query("commit");
      await auditGates(db);
    }
  };
  await Promise.all([...[1, 2, 3, 4].map(spawner), ...[1, 2, 3].map(working), leading()]);

  await auditGates(db);
  assert.equal(deaths, 12);
  const { rows } = await db.query(
    `select (select count(*)::integer from absurd.outcome where kind = 'c') as completed,
            (select count(*)::integer from absurd.gate_grant) as grants,
            (select count(*)::integer from absurd.gate_wait) as waits,
            absurd.heal_gates(100) as healed`,
  );
  assert.deepEqual(rows, [{ completed: total, grants: 0, waits: 0, healed: 0 }]);
}, 120_000);

async function isAnyLeft(db: pg.Client): Promise<boolean> {
  const { rows } = await db.query<{ left: boolean }>(
    `select exists (
       select from absurd.task t
        where not exists (select from absurd.outcome o where o.task_id = t.id)
     ) as left`,
  );
  return rows[0]!.left;
}
