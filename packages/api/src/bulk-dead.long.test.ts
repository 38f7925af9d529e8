/** Of 100,000 dead letters 10,000 are discarded, taken back and replayed: each to its end. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import { AbsurdClient } from "@contimg/absurd";
import { freshDatabase } from "@contimg/testkit";
import type pg from "pg";
import { beforeAll, test } from "vitest";

import { BulkRunner } from "./bulk-runner.ts";
import { askUndo, findBulk, insertBulk } from "./bulk-store.ts";
import { migrateApi } from "./migrate.ts";

const DEAD = 100_000;
const ACTED_ON = 10_000;

const database = freshDatabase();
let pool: pg.Pool;
let client: AbsurdClient;
let runner: BulkRunner;

beforeAll(async () => {
  pool = database.pool();
  await migrateApi(pool);
  client = new AbsurdClient(pool);
  runner = new BulkRunner({ client, pool, lifetime: new AbortController().signal });
  await pool.query(`select absurd.register_kinds('[{"task_name": "imaging"}]')`);
  await client.spawn("imaging", {}, {});
  await pool.query(
    `insert into absurd.task (id, lane_id, attempts_max, params, tags)
     select t.id + i, t.lane_id, 2, '{}', case when i % ($1 / $2) = 0 then array['acted-on'] end
       from absurd.task t cross join generate_series(1, $1) i`,
    [DEAD, ACTED_ON],
  );
  await pool.query(
    `insert into absurd.outcome (task_id, claim_no, finished_at, kind, error, fingerprint)
     select t.id, 2, now() - interval '10 min' + (t.id - f.task_id) * interval '1 ms', 'd',
            '{"tag": "OutOfMemory", "class": "retryable", "message": "full", "fields": {}}',
            'print-' || t.id % 4
       from absurd.task t, absurd.ready f where t.id > f.task_id`,
  );
  await pool.query("analyze absurd.task, absurd.outcome");
}, 240_000);

async function finish(): Promise<void> {
  while (await runner.turn());
}

async function act(action: "discard" | "retry"): Promise<string> {
  const { bulk_id: bulkId } = await insertBulk(pool, {
    ...{
      bulkId: randomUUID(),
      action,
      q: "tag:acted-on",
      taskIds: [],

      priority: null,
    },
    ...{ queue: null, reason: "a test", actor: "ada" },
  });
  await finish();
  const bulk = (await findBulk(pool, bulkId))!;
  assert.deepEqual([bulk.state, bulk.total, bulk.done], ["completed", ACTED_ON, ACTED_ON]);
  return bulkId;
}

async function deadCount(): Promise<number> {
  const [stats] = await client.stats();
  return stats!.failed;
}

test("a discard ends, is taken back, and so does a replay", { timeout: 300_000 }, async () => {
  const discard = await act("discard");
  assert.equal(await deadCount(), DEAD - ACTED_ON);
  await askUndo(pool, discard);
  await finish();
  assert.equal((await findBulk(pool, discard))!.undone, ACTED_ON);
  assert.equal(await deadCount(), DEAD);
  await act("retry");
  assert.equal(await deadCount(), DEAD - ACTED_ON);
});

test("in one call they end, too", { timeout: 300_000 }, async () => {
  const { deadLetters } = client;
  const before = await deadCount();
  const replayed = await deadLetters.replay({ fingerprint: "print-1" }, { limit: ACTED_ON });
  const discarded = await deadLetters.discard({ fingerprint: "print-2" }, { limit: ACTED_ON });
  assert.deepEqual([replayed.length, discarded.length], [ACTED_ON, ACTED_ON]);
  assert.equal(await deadCount(), before - 2 * ACTED_ON);
});
