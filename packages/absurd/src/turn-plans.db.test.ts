/**
 * The cost of a worker's turn grows with its tasks and no faster. Worker sessions plan no hash
 * joins, so a join of two sets of a batch that no index serves compares each with each.
 */
import assert from "node:assert/strict";

import type pg from "pg";
import { beforeAll, beforeEach, describe, test } from "vitest";

import { freshDatabase, plansOf, sqlWorker } from "@contimg/testkit";

import { settleSession } from "./transaction-pooling.ts";

const { claim, cycle, emptyEngine, spawn, task } = sqlWorker;

const BATCH = 400;
/** Rows that one node of a plan may look at, for each task of the batch. */
const LOOKED_AT_MAX = 6;

const database = freshDatabase();
let db: pg.Client;
let worker: sqlWorker.SqlWorker;

beforeAll(() => {
  assert.ok(BATCH > 10 * LOOKED_AT_MAX, "else a comparison of each with each would pass");
});

beforeEach(async () => {
  ({ db, worker } = await emptyEngine(database, {}));
  await settleSession(db, database.url);
});

/** The most rows that one node of the plans looked at. */
async function mostLookedAt(work: () => Promise<unknown>): Promise<number> {
  const plans = await plansOf(db, work);
  const counts = [
    ...plans
      .join("\n")
      .matchAll(/actual .*?rows=([\d.]+) loops=(\d+)|Rows Removed by [^:]+: (\d+)/g),
  ].map(([, rows, loops, removed]) => Number(removed ?? Number(rows) * Number(loops)));
  assert.ok(counts.length > 0, "no plan was seen");
  return Math.max(...counts);
}

async function assertGrowsWithBatch(work: () => Promise<unknown>): Promise<void> {
  const most = await mostLookedAt(work);
  assert.ok(most <= LOOKED_AT_MAX * BATCH, `a node looked at ${most} rows of ${BATCH} tasks`);
}

function many(fields: (i: number) => Record<string, unknown>): Record<string, unknown>[] {
  return Array.from({ length: BATCH }, (_, i) => task(fields(i)));
}

describe("a turn looks at each of its tasks a few times", () => {
  test("when they complete and are the parents of others", async () => {
    await spawn(db, [
      ...many(() => ({})),
      ...many((i) => ({ depends_on: [i, (i + 1) % BATCH, (i + 2) % BATCH] })),
    ]);
    const parents = await claim(db, worker, BATCH);
    assert.equal(parents.length, BATCH);
    await assertGrowsWithBatch(() => cycle(db, worker, { done: parents, limit: 0 }));
    assert.equal((await claim(db, worker, BATCH)).length, BATCH);
  });

  test("when any of several parents will do", async () => {
    await spawn(db, [
      ...many(() => ({})),
      ...many((i) => ({ depends_on: [{ any_of: [i, (i + 1) % BATCH] }] })),
    ]);
    const parents = await claim(db, worker, BATCH);
    await assertGrowsWithBatch(() => cycle(db, worker, { done: parents, limit: 0 }));
  });

  for (const ending of ["retryable", "fatal", "released", "recoverable"]) {
    test(`when they end as ${ending}`, async () => {
      await spawn(db, [...many(() => ({})), ...many((i) => ({ depends_on: [i] }))]);
      const claimed = await claim(db, worker, BATCH);
      await assertGrowsWithBatch(() =>
        cycle(db, worker, { failed: claimed.map((row) => [row, ending] as const), limit: 0 }),
      );
    });
  }

  test("when they come from many lanes", async () => {
    await spawn(
      db,
      many((i) => ({ priority: i % 100 })),
    );
    await assertGrowsWithBatch(() => claim(db, worker, BATCH));
  });
});
