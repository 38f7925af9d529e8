/**
 * What operators ask of a long history is answered from indexes: no question reads a partition
 * whole. ABSURD_HISTORY_ROWS=10000000 runs the same at the size for which it is meant.
 */
import assert from "node:assert/strict";

import type pg from "pg";
import { beforeAll, describe, test } from "vitest";

import { freshDatabase, plansOf, until } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { type TaskCondition, fieldIs } from "./task-filter.ts";

const ROWS = Number(process.env["ABSURD_HISTORY_ROWS"] ?? 200_000);
/** Failed ones among them; of the rare name there are 40, in one place. */
const FAILED_EVERY = 200;
/** Rows that a question may look at. */
const LOOKED_AT_MAX = 12_000;

const database = freshDatabase();
let db: pg.Client;
let client: AbsurdClient;

/** Ended tasks over the eight days for which there are partitions, and 100 that wait. */
async function fill(): Promise<void> {
  await db.query(
    `select absurd.register_kinds('[{"task_name": "common"}, {"task_name": "rare"}]');
     select absurd.spawn_tasks('[{"task_name": "common"}, {"task_name": "rare"}]');
     create temp table lanes as
       select k.name, l.lane_id from absurd.lane l join absurd.kind k on k.kind_id = l.kind_id`,
  );
  await db.query(
    `insert into absurd.task (id, lane_id, attempts_max, created_at, params, correlation_id, tags)
     select absurd.first_task_number(d.first + interval '8 days' * i / $1) + i,
            case when i between $1 / 2 and $1 / 2 + 39 then rare.lane_id else common.lane_id end, 4,
            d.first + interval '8 days' * i / $1, '{"a": 1}',
            case when i % 1000 = 0 then 'c' || i % 10000 end,
            case when i % 5000 = 0 then array['t', 'u'] end
       from generate_series(1, $1 - 1) i
       cross join (select date_trunc('day', now(), 'UTC') as first) d
       cross join (select lane_id from lanes where name = 'common') common
       cross join (select lane_id from lanes where name = 'rare') rare`,
    [ROWS],
  );
  await db.query(
    `insert into absurd.outcome (task_id, claim_no, kind, claimed_at, finished_at)
     select t.id, 1, case when (t.id & 1048575) % $1 = 0 then 'd' else 'c' end::"char",
            t.created_at, t.created_at + interval '1 second'
       from absurd.task t where not exists (select from absurd.ready r where r.task_id = t.id)`,
    [FAILED_EVERY],
  );
  // Transactions of other tests on this server hold it up.
  await until(
    async () => {
      const { rows } = await db.query<{ n: string }>("select absurd.roll_up() as n");
      return Number(rows[0]!.n) > 0;
    },
    { what: "history was rolled up", deadlineMs: 300_000 },
  );
  await db.query(
    `select absurd.spawn_tasks((select jsonb_agg('{"task_name": "common"}'::jsonb)
                                  from generate_series(1, 100)))`,
  );
  await db.query("vacuum analyze");
}

beforeAll(async () => {
  db = await database.connect();
  client = new AbsurdClient(db);
  await fill();
}, 600_000);

/** The most rows that one node of the plans looked at, and the partitions that were read whole. */
async function look(work: () => Promise<unknown>): Promise<{ most: number; whole: string[] }> {
  const plans = await plansOf(db, work);
  assert.ok(plans.length > 0, "no plan was seen");
  const lines = plans.join("\n").split("\n");
  const counts = lines.flatMap((line) =>
    [...line.matchAll(/actual .*?rows=([\d.]+) loops=(\d+)|Rows Removed by [^:]+: (\d+)/g)].map(
      ([, rows, loops, removed]) => (removed ? Number(removed) : Number(rows) * Number(loops)),
    ),
  );
  const whole = lines.filter((line) => /Seq Scan on (task|outcome)_\d+ .*\(actual/.test(line));
  return { most: Math.max(...counts), whole };
}

describe("a question about a long history", () => {
  const questions: readonly (readonly [string, readonly TaskCondition[], number])[] = [
    ["the newest", [], 50],
    ["the newest that failed", [fieldIs("status", "failed")], 50],
    ["the newest that completed", [fieldIs("status", "completed")], 50],
    ["what waits", [fieldIs("status", "pending")], 50],
    ["what runs", [fieldIs("status", "claimed")], 0],
    ["a common name", [fieldIs("name", "common")], 50],
    ["a rare name", [fieldIs("name", "rare")], 41],
    ["a queue", [fieldIs("queue", "default")], 50],
    ["a correlation id", [fieldIs("correlation", "c1000")], Math.ceil(ROWS / 10_000)],
    ["a tag", [fieldIs("tag", "t")], Math.floor((ROWS - 1) / 5_000)],
    ["a name that failed", [fieldIs("name", "common"), fieldIs("status", "failed")], 50],
  ];
  for (const [name, conditions, expected] of questions) {
    test(`for ${name} is answered from an index`, async () => {
      let found = 0;
      const { most, whole } = await look(async () => {
        found = (await client.list({ conditions })).tasks.length;
      });
      assert.equal(found, Math.min(expected, 50));
      assert.deepEqual(whole, []);
      assert.ok(most <= LOOKED_AT_MAX, `a node looked at ${most} rows`);
    });
  }

  test("for one task by its id reads it alone, in the view, too", async () => {
    const [task] = (
      await client.list({ conditions: [fieldIs("name", "rare"), fieldIs("status", "completed")] })
    ).tasks;
    const shown = await look(() => client.awaitTasks([task!.taskId]));
    assert.deepEqual([shown.whole, shown.most <= 100], [[], true]);
    const viewed = await look(() =>
      db.query("select status from absurd.tasks where task_id = $1", [task!.taskId]),
    );
    assert.deepEqual(viewed.whole, []);
    assert.ok(viewed.most <= LOOKED_AT_MAX * 2, `a node looked at ${viewed.most} rows`);
  });

  test("for a queue's counts reads what has not ended and the roll-ups", async () => {
    let stats: unknown;
    const { most, whole } = await look(async () => {
      stats = await client.stats("default");
    });
    const { rows } = await db.query<{ n: number }>(
      "select count(*)::integer as n from absurd.task",
    );
    assert.equal((stats as { total: number }[])[0]!.total, rows[0]!.n);
    assert.deepEqual(whole, []);
    assert.ok(most <= LOOKED_AT_MAX, `a node looked at ${most} rows`);
  });
});
