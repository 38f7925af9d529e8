/** Who goes first: priorities strict and aging, weights of queues, turns of fairness keys. */
import assert from "node:assert/strict";

import type pg from "pg";
import { describe, test } from "vitest";

import { freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

const { cycle, emptyEngine, spawn, task } = sqlWorker;
const database = freshDatabase();

async function configure(db: pg.Client, queue: string, settings: object): Promise<void> {
  await db.query("select absurd.configure_queue($1, $2)", [queue, JSON.stringify(settings)]);
}

function tasks(queue: string, count: number, label: string, fields: object = {}): object[] {
  return Array.from({ length: count }, () =>
    task({ queue_name: queue, params: { label }, ...fields }),
  );
}

/** Claims and completes; the labels of the claimed, in the order of claims. */
async function take(
  db: pg.Client,
  worker: sqlWorker.SqlWorker,
  queues: readonly string[],
  counts: { claims: number; limit: number },
): Promise<string[]> {
  const labels: string[] = [];
  for (let i = 0; i < counts.claims; i++) {
    const rows = await cycle(db, worker, { limit: counts.limit, queues });
    labels.push(...rows.map((row) => (JSON.parse(row.params) as { label: string }).label));
    await cycle(db, worker, { done: rows });
  }
  return labels;
}

function countOf(labels: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}

/** Keys that fall into buckets of their own. */
async function distinctKeys(db: pg.Client, count: number): Promise<string[]> {
  const { rows } = await db.query<{ key: string }>(
    `select key from (
       select distinct on (absurd.fair_bucket(jsonb_build_object('fairness_key', 'tenant-' || i)))
              'tenant-' || i as key
         from generate_series(1, 1000) i
     ) k order by key limit $1`,
    [count],
  );
  assert.equal(rows.length, count);
  return rows.map((row) => row.key);
}

describe("strict priorities", () => {
  test("put the higher first, however old the lower is", async () => {
    const { db, worker } = await emptyEngine(database, {});
    await setClock(db, "2016-03-01T12:00:00Z"); // ten years earlier
    await spawn(db, tasks("strict", 1, "old"));
    await setClock(db, sqlWorker.T0);
    await spawn(db, tasks("strict", 1, "urgent", { priority: 1 }));
    assert.deepEqual(await take(db, worker, ["strict"], { claims: 2, limit: 1 }), [
      "urgent",
      "old",
    ]);
  });
});

describe("aging priorities", () => {
  test("weigh a step of priority against so many seconds of age", async () => {
    const { db, worker } = await emptyEngine(database, {});
    await configure(db, "aging", { priority_mode: "aging", aging_seconds: 60 });
    await spawn(db, tasks("aging", 1, "low at 0 s"));
    await setClock(db, "2026-03-01T12:01:55Z");
    await spawn(db, tasks("aging", 1, "high at 115 s", { priority: 2 }));
    await setClock(db, "2026-03-01T12:02:05Z");
    await spawn(db, tasks("aging", 1, "high at 125 s", { priority: 2 }));

    assert.deepEqual(await take(db, worker, ["aging"], { claims: 3, limit: 1 }), [
      "high at 115 s",
      "low at 0 s",
      "high at 125 s",
    ]);
  });

  test("become strict, and strict ones aging, when the queue's mode changes", async () => {
    const { db, worker } = await emptyEngine(database, {});
    const spawnBoth = async (): Promise<void> => {
      await setClock(db, sqlWorker.T0);
      await spawn(db, tasks("switching", 1, "low"));
      await setClock(db, "2026-03-01T12:10:00Z");
      await spawn(db, tasks("switching", 1, "high", { priority: 1 }));
    };
    await spawnBoth();
    await configure(db, "switching", { priority_mode: "aging", aging_seconds: 10 });
    const aged = await take(db, worker, ["switching"], { claims: 2, limit: 1 });
    await spawnBoth();
    await configure(db, "switching", { priority_mode: "strict" });
    const strict = await take(db, worker, ["switching"], { claims: 2, limit: 1 });

    assert.deepEqual(
      { aged, strict },
      {
        aged: ["low", "high"],
        strict: ["high", "low"],
      },
    );
  });
});

describe("fairness keys", () => {
  test("let a tenant with one task pass a tenant with many", async () => {
    const { db, worker } = await emptyEngine(database, {});
    const [whale, shrimp] = await distinctKeys(db, 2);
    await spawn(db, tasks("fair", 2_000, "whale", { fairness_key: whale }));
    await setClock(db, "2026-03-01T12:30:00Z");
    await spawn(db, tasks("fair", 1, "shrimp", { fairness_key: shrimp }));

    const labels = await take(db, worker, ["fair"], { claims: 8, limit: 1 });
    const place = labels.indexOf("shrimp");
    assert.ok(place >= 0 && place < 4, `its place is ${place} of ${labels.length}`);
  });

  test("share a batch and many single claims alike", async () => {
    const { db, worker } = await emptyEngine(database, {});
    const keys = await distinctKeys(db, 5);
    for (const [i, key] of keys.entries()) {
      await spawn(db, tasks("even", 300 * (i + 1), key, { fairness_key: key }));
    }
    const batch = countOf(await take(db, worker, ["even"], { claims: 1, limit: 100 }));
    assert.deepEqual(batch, Object.fromEntries(keys.map((key) => [key, 20])));

    const singles = countOf(await take(db, worker, ["even"], { claims: 500, limit: 1 }));
    for (const key of keys) {
      assert.ok(Math.abs(singles[key]! - 100) <= 3, JSON.stringify(singles));
    }
  });

  test("starve nobody when two queues take turns of one sequence", async () => {
    const { db, worker } = await emptyEngine(database, {});
    const [a, b] = await distinctKeys(db, 2);
    for (const queue of ["left", "right"]) {
      await spawn(db, tasks(queue, 200, "a", { fairness_key: a }));
      await spawn(db, tasks(queue, 200, "b", { fairness_key: b }));
    }
    const left: string[] = [];
    for (let i = 0; i < 100; i++) {
      left.push(...(await take(db, worker, ["left"], { claims: 1, limit: 1 })));
      await take(db, worker, ["right"], { claims: 1, limit: 1 });
    }
    assert.ok(Math.abs(countOf(left)["a"]! - 50) <= 3, JSON.stringify(countOf(left)));
  });

  test("do not lift a task over a higher priority, and use up what is there", async () => {
    const { db, worker } = await emptyEngine(database, {});
    const [a, b] = await distinctKeys(db, 2);
    await spawn(db, tasks("tiers", 5, "low a", { fairness_key: a }));
    await spawn(db, tasks("tiers", 30, "high b", { fairness_key: b, priority: 2 }));
    await spawn(db, tasks("tiers", 5, "low, no key"));

    const labels = await take(db, worker, ["tiers"], { claims: 2, limit: 30 });

    assert.deepEqual(countOf(labels.slice(0, 30)), { "high b": 30 });
    assert.deepEqual(countOf(labels.slice(30)), { "low a": 5, "low, no key": 5 });
  });

  test("make at most 64 lanes for each priority of a task name", async () => {
    const { db } = await emptyEngine(database, {});
    await spawn(
      db,
      Array.from({ length: 3_000 }, (_, i) =>
        task({ queue_name: "crowd", fairness_key: `tenant-${i}` }),
      ),
    );
    const { rows } = await db.query<{ n: number }>(
      "select count(*)::integer as n from absurd.lane where queue = 'crowd'",
    );
    assert.deepEqual(rows, [{ n: 64 }]);
  });
});

describe("weights", () => {
  test("share 1,000 single claims in proportion, and every batch to a task", async () => {
    const { db, worker } = await emptyEngine(database, {});
    const weights = { heavy: 5, middle: 3, light: 2 };
    const queues = Object.keys(weights);
    for (const [queue, weight] of Object.entries(weights)) {
      await configure(db, queue, { weight });
      await spawn(db, tasks(queue, 1_500, queue));
    }
    const singles = countOf(await take(db, worker, queues, { claims: 1_000, limit: 1 }));
    for (const [queue, weight] of Object.entries(weights)) {
      assert.ok(Math.abs(singles[queue]! - 100 * weight) <= 5, JSON.stringify(singles));
    }
    const batch = countOf(await take(db, worker, queues, { claims: 1, limit: 100 }));
    assert.deepEqual(batch, { heavy: 50, middle: 30, light: 20 });
  });

  test("give the share of an empty queue to the others", async () => {
    const { db, worker } = await emptyEngine(database, {});
    for (const queue of ["busy", "idle"]) await configure(db, queue, { weight: 1 });
    await spawn(db, tasks("busy", 20, "busy"));
    await spawn(db, tasks("idle", 2, "idle"));
    const labels = await take(db, worker, ["busy", "idle"], { claims: 1, limit: 20 });
    assert.deepEqual(countOf(labels), { busy: 18, idle: 2 });
  });

  test("and fairness keys are independent: each key of each queue gets its part", async () => {
    const { db, worker } = await emptyEngine(database, {});
    const [a, b] = await distinctKeys(db, 2);
    for (const queue of ["first", "second"]) {
      await configure(db, queue, { weight: 1 });
      await spawn(db, tasks(queue, 200, `${queue} a`, { fairness_key: a }));
      await spawn(db, tasks(queue, 200, `${queue} b`, { fairness_key: b }));
    }
    const labels = await take(db, worker, ["first", "second"], { claims: 400, limit: 1 });
    for (const count of Object.values(countOf(labels))) {
      assert.ok(Math.abs(count - 100) <= 12, JSON.stringify(countOf(labels)));
    }
  });
});
