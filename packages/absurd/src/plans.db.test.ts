/**
 * What operators ask of a long history is answered from indexes: no question reads a partition
 * whole. ABSURD_HISTORY_ROWS=10000000 runs the same at the size for which it is meant.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import type pg from "pg";
import { beforeAll, describe, test } from "vitest";

import { freshDatabase, plansOf, until } from "@contimg/testkit";

import { ChangeReader } from "./changes.ts";
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
    `insert into absurd.outcome (task_id, claim_no, kind, claimed_at, finished_at, fingerprint,
                                 error)
     select t.id, 1, d.kind, t.created_at, t.created_at + interval '1 second',
            case d.kind when 'd' then 'print-' || (t.id & 1048575) / $1 % 5 end,
            case d.kind when 'd'
                 then '{"tag": "Disk", "class": "fatal", "message": "full"}'::jsonb end
       from absurd.task t
       cross join lateral (
         select case when (t.id & 1048575) % $1 = 0 then 'd' else 'c' end::"char" as kind
       ) d
      where not exists (select from absurd.ready r where r.task_id = t.id)`,
    [FAILED_EVERY],
  );
  await db.query(
    `insert into absurd.attempt (task_id, claim_no, worker_id, claimed_at, finished_at, class,
                                 fingerprint, error)
     select o.task_id, 1, 1, o.claimed_at, o.finished_at, 'fatal', o.fingerprint, o.error
       from absurd.outcome o where o.kind = 'd'`,
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

interface Looked {
  /** The most rows that one node of the plans looked at. */
  readonly most: number;
  /** The most pages that one statement looked at. */
  readonly pages: number;
  /** Partitions of history, and planes of tasks that have not ended, that were read whole. */
  readonly whole: string[];
  readonly planes: string[];
}

async function look(work: () => Promise<unknown>): Promise<Looked> {
  const plans = await plansOf(db, work);
  assert.ok(plans.length > 0, "no plan was seen");
  const lines = plans.join("\n").split("\n");
  const counts = lines.flatMap((line) =>
    [...line.matchAll(/actual .*?rows=([\d.]+) loops=(\d+)|Rows Removed by [^:]+: (\d+)/g)].map(
      ([, rows, loops, removed]) => (removed ? Number(removed) : Number(rows) * Number(loops)),
    ),
  );
  const whole = lines.filter((line) => /Seq Scan on (task|outcome)_\d+ .*\(actual/.test(line));
  const planes = lines.filter((line) =>
    /Scan .*on (ready|deferred|waiting|parked) .*\(actual/.test(line),
  );
  // The first is of the whole statement, those below are of its parts.
  const pages = plans.map((plan) => {
    const [, hit = 0, read = 0] = /Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?/.exec(plan) ?? [];
    return Number(hit) + Number(read);
  });
  return { most: Math.max(...counts), pages: Math.max(...pages), whole, planes };
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

describe("what pages ask again and again", () => {
  /** Once before, so that what is kept is planned. */
  async function lookTwice(work: () => Promise<unknown>): Promise<Looked> {
    await work();
    return look(work);
  }

  test("changes are found by transaction", async () => {
    const reader = new ChangeReader(db);
    await reader.read();
    const { most, pages, whole } = await lookTwice(() => reader.read());
    assert.deepEqual(whole, []);
    // Of each day, at most the last pages, which are in no summary yet.
    assert.ok(most <= 3_000 && pages <= 300, `a node looked at ${most} rows, ${pages} pages`);
    await db.query('select absurd.spawn_tasks(\'[{"task_name": "rare"}]\')');
    assert.equal((await reader.read()).changes.length, 1);
  });

  test("groups of errors are counted from their index", async () => {
    let groups = 0;
    const { most, pages, whole } = await lookTwice(async () => {
      groups = (await client.deadLetters.groups()).length;
    });
    assert.equal(groups, 5);
    assert.deepEqual(whole, []);
    const dead = Math.ceil(ROWS / FAILED_EVERY);
    assert.ok(most <= dead && pages <= 200 + dead / 50, `${most} rows, ${pages} pages`);
  });

  test("a page of dead letters is read in the order of its index, wherever it begins", async () => {
    const { deadLetters } = client;
    const { cursor } = await deadLetters.page({}, { limit: 500 });
    for (const page of [{ limit: 20 }, { limit: 20, cursor: cursor! }]) {
      let read = 0;
      const { most, pages, whole } = await lookTwice(async () => {
        read = (await deadLetters.page({}, page)).deadLetters.length;
      });
      assert.equal(read, 20);
      assert.deepEqual(whole, []);
      assert.ok(most <= 100 && pages <= 500, `a node looked at ${most} rows, ${pages} pages`);
    }
  });

  test("who discards dead letters looks at those alone", async () => {
    const dead = await client.deadLetters.list({}, { limit: 20 });
    const ids = dead.map((each) => each.taskId);
    const change = async (from: number): Promise<void> => {
      const batch = randomUUID();
      for await (const done of client.changeMany(ids.slice(from, from + 10), {
        action: "discard",
        batch,
      })) {
        assert.equal(done.filter(({ what }) => what === "done").length, 10);
      }
    };
    await change(0);
    const { most, whole } = await look(() => change(10));
    assert.deepEqual(whole, []);
    assert.ok(most <= 100, `a node looked at ${most} rows`);
  });

  test("lineage is looked up by keys", async () => {
    const { tasks } = await client.list({ conditions: [] });
    const { most, pages, whole } = await lookTwice(() => client.lineage(tasks[0]!.taskId));
    assert.deepEqual(whole, []);
    assert.ok(most <= 10 && pages <= 100, `${most} rows, ${pages} pages`);
  });

  test("an explanation looks at the task and its line", async () => {
    const { tasks } = await client.list({ conditions: [fieldIs("status", "pending")] });
    const { most, pages, whole } = await lookTwice(() => client.explain(tasks[0]!.taskId));
    assert.deepEqual(whole, []);
    assert.ok(most <= 200 && pages <= 200, `${most} rows, ${pages} pages`);
  });

  test("counts of a filter end at their limit", async () => {
    const filter = { conditions: [fieldIs("name", "common")] };
    const { most, whole } = await lookTwice(() => client.count(filter, 20));
    assert.deepEqual(whole, []);
    assert.ok(most <= 500, `a node looked at ${most} rows`);
  });

  test("statistics of a backlog are those that the leader counted", async () => {
    const exact = [await client.stats(), await client.queues.list()];
    await db.query("select absurd.note_depths(0)");
    let noted: unknown;
    const { most, whole, planes } = await lookTwice(async () => {
      noted = [await client.stats(), await client.queues.list()];
    });
    assert.deepEqual(noted, exact);
    assert.deepEqual([whole, planes], [[], []]);
    assert.ok(most <= 3_000, `a node looked at ${most} rows`);
    // A leader that stopped counting is not believed for long.
    await db.query("update absurd.depth_noted set at = at - interval '1 minute'");
    await db.query('select absurd.spawn_tasks(\'[{"task_name": "rare"}]\')');
    assert.equal(
      (await client.stats())[0]!.pending,
      (exact[0] as { pending: number }[])[0]!.pending + 1,
    );
    await db.query("select absurd.note_depths()");
    const { rows } = await db.query("select from absurd.lane_depth");
    assert.deepEqual(rows, [], "of little nothing is kept");
  });
});
