/** The reasons that gates, resources and labels give for a task that does not start. */
import assert from "node:assert/strict";

import type pg from "pg";
import { beforeEach, describe, test } from "vitest";

import { freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

const { claim, cycle, describeWorker, emptyEngine, maintain, registerWorker, spawnAlike } =
  sqlWorker;
const database = freshDatabase();

let db: pg.Client;
let worker: sqlWorker.SqlWorker;

beforeEach(async () => {
  ({ db, worker } = await emptyEngine(database, {}));
});

describe("a parked task is explained", () => {
  test("by the lock that others hold and by who is before it", async () => {
    const [holder] = await spawnAlike(db, 1, { locks: [{ name: "set" }] });
    await claim(db, worker, 1);
    const [, last] = await spawnAlike(db, 2, { locks: [{ name: "set" }] });
    assert.deepEqual(await reasons("gates", last!), [
      ["lock", `It waits for lock set, held by ${holder}; 1 tasks are before it.`],
    ]);
  });

  test("by a key that is full and by its place at another", async () => {
    const both = {
      concurrency: [
        { key: "a", limit: 1 },
        { key: "b", limit: 2 },
      ],
    };
    const [holder] = await spawnAlike(db, 1, both);
    await claim(db, worker, 1);
    const [, last] = await spawnAlike(db, 2, both);
    assert.deepEqual(await reasons("gates", last!), [
      ["concurrency", `Concurrency key a is at 1 of 1, held by ${holder}; 1 tasks are before it.`],
      ["line", "Key b is open; 1 tasks are before it in line."],
    ]);
  });

  test("by a rate and when its next slot is free", async () => {
    const [, last] = await spawnAlike(db, 2, {
      rate: [{ key: "api", count: 1, period_seconds: 90 }],
    });
    await cycle(db, worker, { done: await claim(db, worker, 1) });
    assert.deepEqual(await reasons("gates", last!), [
      [
        "rate",
        "Rate api is at 1 of 1 starts in 90 s; the next slot is free at 2026-03-01T12:01:30Z.",
      ],
    ]);
  });
});

describe("a ready task is explained", () => {
  test("by labels that nobody has, then by more than anybody has", async () => {
    const [id] = await spawnAlike(db, 1, {
      labels: { required: { site: "ovro" } },
      resources: { cpu: 4 },
    });
    assert.deepEqual(await reasons("demand", id!), [
      [
        "labels",
        'It requires the labels {"site": "ovro"}, which no living worker of queue default has.',
      ],
    ]);
    await describeWorker(db, worker, { cpu: 2 }, { site: "ovro" });
    assert.deepEqual(await reasons("demand", id!), [
      ["resources", "It needs 4 of cpu; the most that one worker has is 2."],
    ]);
  });

  test("by workers that are busy, and by the one that keeps room for it", async () => {
    await describeWorker(db, worker, { cpu: 2 }, {});
    await spawnAlike(db, 1, { resources: { cpu: 1 } });
    await claim(db, worker, 1);
    const [big] = await spawnAlike(db, 1, { resources: { cpu: 2 } });
    assert.deepEqual(
      (await reasons("demand", big!)).map(([code]) => code),
      ["busy"],
    );

    await setClock(db, "2026-03-01T12:00:11Z");
    await spawnAlike(db, 1, { resources: { cpu: 1 } });
    await db.query("select absurd.beat($1, $2)", [worker.id, worker.epoch]);
    await claim(db, worker, 1);
    assert.deepEqual((await reasons("demand", big!))[1], [
      "reserved",
      "Worker w keeps what it has free for it since 2026-03-01T12:00:11Z.",
    ]);
  });

  test("by the workers that it is left to", async () => {
    await describeWorker(db, worker, {}, { disk: "ssd" });
    await registerWorker(db);
    const [id] = await spawnAlike(db, 1, { labels: { preferred: { disk: "ssd" } } });
    assert.deepEqual(await reasons("demand", id!), [
      [
        "preferred",
        'It is left to workers with the labels {"disk": "ssd"} until 2026-03-01T12:00:05Z.',
      ],
    ]);
  });

  test("by nothing when nothing is in its way", async () => {
    await describeWorker(db, worker, { cpu: 2 }, {});
    const [id] = await spawnAlike(db, 1, { resources: { cpu: 2 }, locks: [{ name: "set" }] });
    await maintain(db, worker);
    assert.deepEqual(await reasons("demand", id!), []);
    assert.deepEqual(await reasons("gates", id!), []);
  });
});

async function reasons(what: "gates" | "demand", taskId: string): Promise<[string, string][]> {
  const { rows } = await db.query<{ code: string; message: string }>(
    `select code, message from absurd.explain_${what}(absurd.task_number($1))`,
    [taskId],
  );
  return rows.map((row) => [row.code, row.message]);
}
