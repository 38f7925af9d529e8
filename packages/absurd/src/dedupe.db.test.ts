/** Content that is spawned once in a window, and the text by which it is known. */
import assert from "node:assert/strict";

import fc from "fast-check";
import { describe, test } from "vitest";

import { freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

const { emptyEngine, maintain, spawn, task } = sqlWorker;
const database = freshDatabase();

describe("canonical JSON", () => {
  test("is the same for equal values and differs for others", async () => {
    const db = await database.connect();
    const canonical = async (json: string) => {
      const { rows } = await db.query<{ text: string }>(
        "select absurd.canonical_json($1::jsonb) as text",
        [json],
      );
      return rows[0]!.text;
    };
    assert.equal(await canonical('{"b": [1.0, 10e-1], "a": -0.0}'), '{"a":0,"b":[1,1]}');
    assert.notEqual(await canonical('{"a": "1"}'), await canonical('{"a": 1}'));
    assert.notEqual(await canonical("[1, 2]"), await canonical("[2, 1]"));
    // PostgreSQL's jsonb knows no NUL.
    const value = fc.jsonValue({ maxDepth: 3, noUnicodeString: true });
    await fc.assert(
      fc.asyncProperty(value, async (given) => {
        fc.pre(!JSON.stringify(given).includes("\\u0000"));
        const text = await canonical(JSON.stringify(given));
        assert.equal(await canonical(JSON.stringify(reversed(given))), text);
        assert.equal(await canonical(text), text, "and it is JSON of the same value");
      }),
      { numRuns: 150 },
    );
  });
});

describe("dedupe", () => {
  test("gives the older task for equal content in the window, and for no other", async () => {
    const { db } = await emptyEngine(database, {});
    const of = (params: object, more: object = {}) =>
      task({ params, dedupe: { window_seconds: 60, ...more } });
    const [first, twin, other] = await spawn(db, [
      of({ a: 1, b: { c: 2 } }),
      of({ b: { c: 2.0 }, a: 1 }),
      of({ a: 2, b: { c: 2 } }),
    ]);
    assert.deepEqual(twin, { task_id: first!.task_id, created: false });
    assert.equal(other!.created, true);

    const [byPath] = await spawn(db, [of({ tile: { id: 7 }, at: 1 }, { by: ["tile.id"] })]);
    const [same] = await spawn(db, [of({ tile: { id: 7 }, at: 2 }, { by: ["tile.id"] })]);
    assert.deepEqual(same, { task_id: byPath!.task_id, created: false });

    await setClock(db, "2026-03-01T12:00:59Z");
    assert.equal((await spawn(db, [of({ a: 1, b: { c: 2 } })]))[0]!.created, false);
    await setClock(db, "2026-03-01T12:01:00Z");
    assert.equal((await spawn(db, [of({ a: 1, b: { c: 2 } })]))[0]!.created, true);
    assert.equal((await db.query("select from absurd.task")).rowCount, 4);
  });

  test("keeps versions of a task name apart: each may read content its own way", async () => {
    const { db } = await emptyEngine(database, {});
    await db.query("select absurd.register_kinds($1)", [
      JSON.stringify(["1", "2"].map((version) => ({ task_name: "versioned", version }))),
    ]);
    const of = (version?: string) => ({
      ...task({ params: { a: 1 }, dedupe: { window_seconds: 60 }, version }),
      task_name: "versioned",
    });
    const [one, two, newest, again] = await spawn(db, [of("1"), of("2"), of(), of("1")]);
    assert.deepEqual([one!.created, two!.created], [true, true]);
    assert.deepEqual(newest, { task_id: two!.task_id, created: false });
    assert.deepEqual(again, { task_id: one!.task_id, created: false });
  });

  test("holds for two spawns at the same moment, in any order of keys", async () => {
    const { db } = await emptyEngine(database, {});
    const other = await database.connect();
    await setClock(other, sqlWorker.T0);
    const dedupe = { window_seconds: 60 };
    await db.query("begin");
    const [mine] = await spawn(db, [task({ params: { a: 1, b: 2 }, dedupe })]);
    const theirs = spawn(other, [task({ params: { b: 2, a: 1 }, dedupe })]);
    await sqlWorker.untilBlocked(db, other);
    await db.query("commit");
    assert.deepEqual(await theirs, [{ task_id: mine!.task_id, created: false }]);
    assert.equal((await db.query("select from absurd.ready")).rowCount, 1);
  });

  test("and keys that expire leave nothing behind", async () => {
    const { db, worker } = await emptyEngine(database, {});
    const keyed = task({ idempotency_key: "k", idempotency_key_ttl_seconds: 60 });
    const [first] = await spawn(db, [
      keyed,
      task({ dedupe: { window_seconds: 10 } }),
      task({ idempotency_key: "for good" }),
    ]);
    assert.deepEqual(await spawn(db, [keyed]), [{ task_id: first!.task_id, created: false }]);
    await setClock(db, "2026-03-01T12:01:00Z");
    await db.query("select absurd.beat($1, $2)", [worker.id, worker.epoch]);
    await maintain(db, worker);
    assert.deepEqual((await db.query("select key from absurd.dedup")).rows, [{ key: "for good" }]);
    assert.equal((await spawn(db, [keyed]))[0]!.created, true);
  });
});

/** The same value with the keys of its objects in the other order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, each]) => [key, reversed(each)] as const);
  return Object.fromEntries(entries.reverse());
}
