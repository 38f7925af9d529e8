/** Rates: no stretch of a period's length holds more starts than its count. */
import assert from "node:assert/strict";

import fc from "fast-check";
import type pg from "pg";
import { beforeEach, describe, test } from "vitest";

import { auditGates, freshDatabase, setClock, sqlWorker, until } from "@contimg/testkit";

const { T0, claim, cycle, emptyEngine, registerWorker, spawn, task } = sqlWorker;
const database = freshDatabase();
const PERIOD_S = 60;

let db: pg.Client;
let worker: sqlWorker.SqlWorker;

beforeEach(async () => {
  ({ db, worker } = await emptyEngine(database, {}));
});

describe("a rate", () => {
  test("lets its count start in a period and the next when the first is that old", async () => {
    await spawnMany(3, 2);
    const first = await claim(db, worker, 10);
    assert.equal(first.length, 2);
    await at(20);
    await cycle(db, worker, { done: first });
    await at(59);
    await round();
    assert.deepEqual(await claim(db, worker, 10), []);
    await at(60);
    await round();
    assert.equal((await claim(db, worker, 10)).length, 1);
  });

  test("counts from the start, so a task longer than the period holds up nobody", async () => {
    await spawnMany(2, 1);
    assert.equal((await claim(db, worker, 10)).length, 1);
    await at(60);
    await round();
    assert.equal((await claim(db, worker, 10)).length, 1);
  });

  test("counts from when a task was taken, however long its claim waited for a lock", async () => {
    const real = await database.connect();
    await real.query("reset absurd.fake_now");
    const claimer = await registerWorker(real);
    await spawnMany(1, 1);
    await round();
    const holder = await database.connect();
    await holder.query("begin");
    await holder.query("select pg_advisory_xact_lock(hashtext('absurd.worker'), $1)", [claimer.id]);

    const claiming = claim(real, claimer, 1);
    await until(() => isWaiting(real), { what: "the claim waits" });
    const { rows } = await holder.query<{ at: Date }>("select clock_timestamp() as at");
    await holder.query("commit");
    assert.equal((await claiming).length, 1);

    const leases = await db.query<{ claimed_at: Date }>("select claimed_at from absurd.lease");
    assert.ok(leases.rows[0]!.claimed_at >= rows[0]!.at, "it counts from before it was taken");
  });

  test("tells the leader when to look again", async () => {
    await spawnMany(2, 1);
    const [held] = await claim(db, worker, 10);
    await at(10);
    await cycle(db, worker, { done: [held!] });
    assert.equal(await round(), 50);
  });

  test("does not count a task that was cancelled before it started", async () => {
    const [first] = await spawnMany(2, 1);
    await round();
    await db.query("select absurd.cancel_task($1)", [first]);
    assert.equal((await claim(db, worker, 10)).length, 1);
  });

  test("forgets the starts that count no more", async () => {
    await spawnMany(1, 1);
    await cycle(db, worker, { done: await claim(db, worker, 10) });
    await at(60);
    await round();
    assert.equal((await db.query("select from absurd.rate_start")).rowCount, 0);
  });

  test("is never exceeded in any stretch of its period, and wastes no slot", async () => {
    const call = fc.record({
      verb: fc.constantFrom(
        ...["spawn", "spawn", "claim", "claim", "complete", "retryable", "released"],
        ...["tick", "tick", "tick", "die"],
      ),
      pick: fc.nat({ max: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(call, { minLength: 20, maxLength: 60 }),
        async (count, calls) => {
          ({ db, worker } = await emptyEngine(database, {}));
          await new RateRun(count).play(calls);
          await db.end();
        },
      ),
      { numRuns: 20, interruptAfterTimeLimit: 30_000 },
    );
  }, 90_000);
});

class RateRun {
  readonly #count: number;
  readonly #starts: number[] = [];
  #held: sqlWorker.ClaimRow[] = [];
  #now = 0;

  constructor(count: number) {
    this.#count = count;
  }

  async play(calls: readonly { verb: string; pick: number }[]): Promise<void> {
    for (const { verb, pick } of calls) {
      const [held] = this.#held.splice(pick % Math.max(1, this.#held.length), held0(verb));
      if (verb === "spawn") await spawnMany(1 + (pick % 3), this.#count);
      else if (verb === "claim") await this.#claim();
      else if (verb === "tick") await this.#pass(pick);
      else if (verb === "die") await this.#die();
      else if (held && verb === "complete") await cycle(db, worker, { done: [held] });
      else if (held) await cycle(db, worker, { failed: [[held, verb]] });
      await auditGates(db);
    }
  }

  async #claim(): Promise<void> {
    const rows = await claim(db, worker, 10);
    this.#held.push(...rows);
    this.#starts.push(...rows.map(() => this.#now));
    // Brute force: the stretch that ends with each start.
    for (const start of this.#starts) {
      const inside = this.#starts.filter((each) => each > start - PERIOD_S && each <= start);
      assert.ok(inside.length <= this.#count, `${inside.length} starts by ${start} s`);
    }
    const { rows: left } = await db.query<{ n: number }>(
      "select count(*)::integer as n from absurd.parked",
    );
    const recent = this.#starts.filter((each) => each > this.#now - PERIOD_S);
    if (left[0]!.n > 0) assert.equal(recent.length, this.#count, "a slot is wasted");
  }

  async #pass(seconds: number): Promise<void> {
    await at((this.#now += seconds));
    await beat();
    await round();
  }

  async #die(): Promise<void> {
    await at((this.#now += 31));
    worker = await registerWorker(db);
    await round();
    this.#held = [];
  }
}

function held0(verb: string): number {
  return verb === "complete" || verb === "retryable" || verb === "released" ? 1 : 0;
}

async function spawnMany(tasks: number, count: number): Promise<string[]> {
  const rate = [{ key: "api", count, period_seconds: PERIOD_S }];
  const spawned = await spawn(
    db,
    Array.from({ length: tasks }, () => task({ rate, max_retries: 100 })),
  );
  return spawned.map((each) => each.task_id);
}

async function at(seconds: number): Promise<void> {
  await setClock(db, new Date(Date.parse(T0) + seconds * 1000).toISOString());
  await beat();
}

async function beat(): Promise<void> {
  await db.query("update absurd.worker set beat_at = absurd.clock() where worker_id = $1", [
    worker.id,
  ]);
}

async function isWaiting(session: pg.Client): Promise<boolean> {
  const { rows } = await db.query<{ waits: boolean }>(
    "select cardinality(pg_blocking_pids($1)) > 0 as waits",
    [(session as pg.Client & { processID: number }).processID],
  );
  return rows[0]!.waits;
}

/** The leader's round; returns the seconds until the next one is due. */
async function round(): Promise<number | null> {
  await db.query("update absurd.control set expires_at = '-infinity' where name = 'leader'");
  const { rows } = await db.query<{ due: number | null }>(
    "select next_due_seconds as due from absurd.maintain($1, $2, 5000, 10000)",
    [worker.id, worker.epoch],
  );
  return rows[0]!.due;
}
