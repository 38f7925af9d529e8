/** The ways of spawning many: together in one round trip, as lines, by COPY. */
import assert from "node:assert/strict";

import type pg from "pg";
import { describe, test } from "vitest";
import { z } from "zod";

import { freshDatabase } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { InvalidParams, UnknownTaskName } from "./errors.ts";
import { defineTask } from "./task.ts";

const database = freshDatabase();
const odd = defineTask({
  name: "odd",
  params: z.strictObject({ text: z.string(), i: z.number().optional() }),
});
// What JSON, COPY and line-wise reading each treat in a way of their own.
const NASTY = 'a "quote", a \\ backslash, a\ttab, a\nline break, \u2028, \\N, \\., é, 😀';

/** A client that counts its statements. */
async function setup(): Promise<{ client: AbsurdClient; db: pg.Client; texts: string[] }> {
  const db = await database.connect();
  const pool = database.pool();
  const texts: string[] = [];
  const counting = {
    query: async (text: string, values?: unknown[]) => {
      texts.push(text);
      return pool.query(text, values);
    },
  } as Pick<pg.Pool, "query">; // One overload of pg's, which is the one that the client uses.
  const client = new AbsurdClient(counting, { tasks: [odd] });
  await client.registerTasks();
  texts.length = 0;
  await db.query("truncate absurd.task, absurd.ready");
  return { client, db, texts };
}

async function storedTexts(db: pg.Client): Promise<string[]> {
  const { rows } = await db.query<{ text: string }>(
    `select t.params ->> 'text' as text from absurd.ready r join absurd.task t on t.id = r.task_id
      order by r.seq`,
  );
  return rows.map((row) => row.text);
}

describe("spawns of one moment", () => {
  test("share statements, and each is answered with its own task", async () => {
    const { client, db, texts } = await setup();
    const spawned = await Promise.all(
      Array.from({ length: 100 }, (_, i) => client.spawn(odd, { text: `t${i}` })),
    );
    await client.close();

    assert.ok(texts.filter((text) => text.includes("spawn")).length <= 3, texts.join("\n"));
    for (const i of [0, 42, 99]) {
      const { params } = await client.show(spawned[i]!.taskId);
      assert.deepEqual(params, { text: `t${i}` });
    }
    assert.equal((await storedTexts(db)).length, 100);
  });

  test("do not fail for another's mistake", async () => {
    const { client, db } = await setup();
    const results = await Promise.allSettled([
      client.spawn("odd", { text: "a" }),
      client.spawn("no-such-name", {}),
      client.spawn("odd", { text: "b" }),
      client.spawn(odd, { text: 7 } as never),
    ]);

    assert.deepEqual(
      results.map((each) => each.status),
      ["fulfilled", "rejected", "fulfilled", "rejected"],
    );
    assert.ok((results[1] as PromiseRejectedResult).reason instanceof UnknownTaskName);
    assert.ok((results[3] as PromiseRejectedResult).reason instanceof InvalidParams);
    assert.deepEqual((await storedTexts(db)).sort(), ["a", "b"]);
  });
});

describe("tasks that differ in their params only", () => {
  test("keep every character on their way", async () => {
    const { client, db, texts } = await setup();
    await client.spawnMany([
      { task: odd, params: { text: NASTY } },
      { task: odd, params: { text: "" } },
    ]);

    assert.ok(texts.some((text) => text.includes("spawn_lines")));
    assert.deepEqual(await storedTexts(db), [NASTY, ""]);
  });

  test("go into a lane of their own by queue and priority", async () => {
    const { client, db } = await setup();
    const { taskId } = await client.spawn(odd, { text: "x" }, { queue: "q2", priority: -3 });
    const { rows } = await db.query(
      "select queue_name, priority, status from absurd.tasks where task_id = $1",
      [taskId],
    );
    assert.deepEqual(rows, [{ queue_name: "q2", priority: -3, status: "pending" }]);
  });
});

describe("a stream of tasks", () => {
  test("keeps every character and its order through COPY", async () => {
    const { client, db } = await setup();
    const texts = Array.from({ length: 12_345 }, (_, i) => `${i} ${NASTY}`);
    const count = await client.spawnStream(
      odd,
      texts.map((text) => ({ text })),
      { on: db },
    );

    assert.equal(count, 12_345);
    assert.deepEqual(await storedTexts(db), texts);
  });

  test("is all or nothing, also in a transaction that goes on", async () => {
    const { client, db } = await setup();
    const bad = Array.from({ length: 7_000 }, (_, i) => ({ text: i === 6_000 ? i : `${i}` }));
    await assert.rejects(client.spawnStream(odd, bad as never, { on: db }), InvalidParams);
    assert.deepEqual(await storedTexts(db), []);

    await db.query("begin");
    await client.spawnStream(odd, [{ text: "kept" }], { on: db });
    await assert.rejects(client.spawnStream(odd, bad as never, { on: db }), InvalidParams);
    await db.query("commit");
    assert.deepEqual(await storedTexts(db), ["kept"]);
  });
});
