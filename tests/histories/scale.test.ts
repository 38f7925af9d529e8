/**
 * The hot statements at size: their plans read no big table whole. PLAN_ROWS=10000000 runs the same
 * with that many ended and that many ready tasks.
 */
import assert from "node:assert/strict";

import { AbsurdClient } from "@contimg/absurd";
import { freshDatabase, plansOf, setClock, sqlWorker } from "@contimg/testkit";
import type pg from "pg";
import { beforeAll, describe, test } from "vitest";

const { claim, cycle, emptyEngine, fence, maintain } = sqlWorker;

const ROWS = Number(process.env["PLAN_ROWS"] ?? 200_000);
/** What a worker's session sets. */
const WORKER_SETTINGS = `
  set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set enable_bitmapscan = off;
  set enable_hashjoin = off; set enable_mergejoin = off; set jit = off`;
/** Even one row of it costs all the dead ones before it. */
const READY_WHOLE = /Seq Scan on ready\b.*\(actual/;
/** A node that looks at more rows of a table than this does not look for those it wants. */
const LOOKED_AT_MAX = 12_000;
/** And if it reads the table from its beginning, than this. */
const READ_WHOLE_MAX = 500;

const database = freshDatabase();
let db: pg.Client;
let worker: sqlWorker.SqlWorker;

/** Ended tasks, each the parent of the next, and as many ready ones, deferred ones among them. */
async function fill(): Promise<void> {
  await db.query(
    `insert into absurd.task (id, lane_id, attempts_max, created_at, params)
     select absurd.first_task_number(date_trunc('day', now(), 'UTC')) + i, l.lane_id, 4, now(), '{}'
       from generate_series(1, $1::integer * 2) i
       cross join (select min(lane_id) as lane_id from absurd.lane) l`,
    [ROWS],
  );
  await db.query(
    `with numbered as (select id, row_number() over (order by id) as n from absurd.task),
     ended as (
       insert into absurd.outcome (task_id, claim_no, kind, claimed_at, finished_at)
       select id, 1, 'c', now(), now() from numbered where n <= $1
     ),
     edges as (
       insert into absurd.dep (parent, child)
       select a.id, a.id + 1 from numbered a where a.n < $1
     ),
     later as (
       insert into absurd.deferred (run_at, task_id, lane_id)
       select absurd.clock() + interval '1 s' * (n % 5000 - 10), t.id, t.lane_id
         from numbered x join absurd.task t using (id) where n > $1 and n % 10 = 0
     )
     insert into absurd.ready (lane_id, task_id, at)
     select t.lane_id, t.id, absurd.clock()
       from numbered x join absurd.task t using (id) where n > $1 and n % 10 <> 0 order by t.id`,
    [ROWS],
  );
  await db.query("vacuum analyze");
}

beforeAll(async () => {
  ({ db, worker } = await emptyEngine(database, { spawn: 1 }));
  await db.query("delete from absurd.ready; delete from absurd.task");
  await fill();
}, 3_600_000);

/** The nodes of `work` that read a big table whole or look at too many rows. */
async function lookedAt(work: () => Promise<unknown>): Promise<string[]> {
  const plans = await plansOf(db, work);
  const lines = plans.flatMap((plan) => plan.split("\n"));
  assert.ok(
    lines.some((line) => /Scan.*\(actual/.test(line)),
    "no plan was seen",
  );
  return lines.filter((line) => {
    const removed = Number(/Rows Removed by [^:]+: (\d+)/.exec(line)?.[1] ?? 0);
    const [, rows, loops] = /Scan.* rows=([\d.]+) loops=(\d+)/.exec(line) ?? [];
    const looked = Math.max(removed, Number(rows ?? 0) * Number(loops ?? 0));
    const max = line.includes("Seq Scan on") ? READ_WHOLE_MAX : LOOKED_AT_MAX;
    return READY_WHOLE.test(line) || looked > max;
  });
}

describe(`with ${ROWS} ended tasks and as many ready ones, no big table is read whole by`, () => {
  const wishes = (count: number): { task: string; params: { n: number } }[] =>
    Array.from({ length: count }, (_, n) => ({ task: "noop", params: { n } }));

  test("a spawn of many plain tasks", async () => {
    const client = new AbsurdClient(db);
    assert.deepEqual(await lookedAt(() => client.spawnMany(wishes(1000))), []);
  });

  test("a spawn with keys and dependencies on what ended long ago", async () => {
    const client = new AbsurdClient(db);
    const { rows } = await db.query<{ id: string }>(
      "select absurd.task_uuid(task_id) as id from absurd.outcome order by task_id limit 3",
    );
    const dependsOn = [0, ...rows.map((row) => row.id)];
    const batch = wishes(50).map((wish, index) => ({
      ...wish,
      idempotencyKey: `key-${index}`,
      ...(index > 0 ? { dependsOn } : {}),
    }));
    assert.deepEqual(await lookedAt(() => client.spawnMany(batch)), []);
  });

  test("a worker's cycles: claims, ends with dependents, failures, fenced ends", async () => {
    await db.query(WORKER_SETTINGS);
    try {
      let claims: sqlWorker.ClaimRow[] = [];
      const found = await lookedAt(async () => {
        claims = await claim(db, worker, 500);
      });
      assert.equal(claims.length, 500);
      const [done, failed] = [claims.slice(0, 400), claims.slice(400, 490)];
      const ends = await lookedAt(() =>
        cycle(db, worker, {
          done,
          failed: failed.map((each, index) => [each, index % 2 ? "retryable" : "fatal"] as const),
          limit: 200,
        }),
      );
      const text = await fence(db, worker, claims.at(-1)!);
      const fenced = await lookedAt(() => db.query("select absurd.complete_task($1)", [text]));
      assert.deepEqual([found, ends, fenced], [[], [], []]);
    } finally {
      await db.query("reset all");
      await setClock(db, sqlWorker.T0);
    }
  });

  test("a beat", async () => {
    const beat = (): Promise<unknown> =>
      db.query("select * from absurd.beat($1, $2)", [worker.id, worker.epoch]);
    assert.deepEqual(await lookedAt(beat), []);
  });

  test("a round of maintenance that promotes what is due", async () => {
    const before = await deferredCount();
    assert.deepEqual(await lookedAt(() => maintain(db, worker)), []);
    assert.ok((await deferredCount()) < before, "nothing was promoted");
  });
});

async function deferredCount(): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    "select count(*)::integer as n from absurd.deferred",
  );
  return rows[0]!.n;
}
