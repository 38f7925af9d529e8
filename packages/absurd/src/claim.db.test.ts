/** Promises of claims: order, exclusion, and cost. */
import assert from "node:assert/strict";

import type pg from "pg";
import { describe, test } from "vitest";

import { freshDatabase, plansOf, sqlWorker } from "@contimg/testkit";

const { claim, emptyEngine, registerWorker, spawn, task } = sqlWorker;
const database = freshDatabase();
type ClaimRow = sqlWorker.ClaimRow;
type SqlWorker = sqlWorker.SqlWorker;

describe("a claim", () => {
  test("is given to one of two workers that ask at the same moment", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 200 });
    const rivalDb = await database.connect();
    const rival = await registerWorker(rivalDb);

    const drain = async (client: pg.Client, who: SqlWorker): Promise<ClaimRow[]> => {
      const all: ClaimRow[] = [];
      for (let i = 0; i < 40; i++) all.push(...(await claim(client, who, 10)));
      return all;
    };
    const claims = await Promise.all([drain(db, worker), drain(rivalDb, rival)]);

    const ids = claims.flat().map((each) => each.task_id);
    assert.equal(ids.length, 200);
    assert.equal(new Set(ids).size, 200);
  });

  test("takes higher priorities first and the oldest within one", async () => {
    const { db, worker } = await emptyEngine(database, {});
    await spawn(
      db,
      [1, 3, 2, 3].map((priority, i) => task({ priority, params: { i } })),
    );

    const claims = await claim(db, worker, 3);

    const order = claims.map((each) => each.task_id);
    const { rows } = await db.query<{ i: number }>(
      `select (t.params ->> 'i')::integer as i from unnest($1::bigint[]) with ordinality o(id, n)
         join absurd.task t on t.id = o.id order by t.params ->> 'i'`,
      [order],
    );
    assert.deepEqual(
      rows.map((row) => row.i),
      [1, 2, 3],
    );
  });

  test("leaves out task names the worker does not know", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 1 });
    assert.deepEqual(await claim(db, { ...worker, kinds: [] }, 10), []);
    assert.equal((await claim(db, worker, 10)).length, 1);
  });

  test("reads, locks and deletes ready rows by their key and sorts no lane", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 5_000 });
    await db.query(
      `set enable_seqscan = off; set enable_bitmapscan = off; set enable_hashjoin = off;
       set enable_mergejoin = off`,
    );
    const plans = await plansOf(db, () => claim(db, worker, 10));

    const lines = plans.flatMap((plan) => plan.split("\n"));
    const readers = lines.filter((line) => / on ready\b/.test(line) && line.includes("Scan"));
    assert.ok(readers.length >= 3, lines.join("\n"));
    for (const line of readers) assert.match(line, /Index.* Scan using ready_pkey|Tid Scan/);
    assert.ok(!lines.some((line) => line.includes("Seq Scan on task")), lines.join("\n"));
  });

  test("keeps its speed under dead rows when it is given a hint", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 30_000 });
    await db.query("alter table absurd.ready set (autovacuum_enabled = off)");
    const pin = await database.connect();
    await pin.query("begin isolation level repeatable read");
    await pin.query("select count(*) from absurd.ready");
    const seen = await claim(db, worker, 29_000);
    const hint = seen.reduce((top, each) => (BigInt(each.seq) > top ? BigInt(each.seq) : top), 0n);
    const lane = seen[0]!.lane_id;

    const touched = async (hints: [number[], string[]]): Promise<number> => {
      const plan = await db.query<{ "QUERY PLAN": [{ Plan: PlanNode }] }>(
        `explain (analyze, buffers, format json)
         select r.seq from absurd.ready r where r.lane_id = $1 and r.seq >= $2 order by r.seq limit 1`,
        [hints[0][0], hints[1][0]],
      );
      return plan.rows[0]!["QUERY PLAN"][0].Plan["Shared Hit Blocks"];
    };
    const unhinted = await touched([[lane], ["0"]]);
    const hinted = await touched([[lane], [String(hint + 1n)]]);
    await pin.query("rollback");
    await db.query("alter table absurd.ready reset (autovacuum_enabled)");

    assert.ok(hinted <= 8, `a hinted probe touched ${hinted} pages`);
    assert.ok(unhinted > 20 * hinted, `an unhinted probe touched ${unhinted} pages`);
  });

  test("finds where its lanes begin: the first live row, else the last number given out", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 3 });
    await spawn(db, [task({ queue_name: "elsewhere" }), task({ priority: 9 })]);
    const claims = await claim(db, worker, 2);
    const [first, urgent] = claims.toSorted((a, b) => Number(a.seq) - Number(b.seq));
    await db.query("update absurd.lane set paused = true where lane_id = $1", [first!.lane_id]);

    const { rows } = await db.query(
      `select * from absurd.lane_starts(array['default'], $1)
        where lane_id = any($2) order by is_live`,
      [worker.kinds, claims.map((each) => each.lane_id)],
    );
    const { rows: given } = await db.query<{ last_value: string }>(
      "select last_value from absurd.ready_seq",
    );
    assert.deepEqual(rows, [
      { lane_id: urgent!.lane_id, seq: given[0]!.last_value, is_live: false },
      { lane_id: first!.lane_id, seq: String(BigInt(first!.seq) + 1n), is_live: true },
    ]);
  });
});

interface PlanNode {
  "Shared Hit Blocks": number;
}
