/** What only some spawned tasks ask for, from the check of its form to what the handler sees. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import fc from "fast-check";
import { afterEach, describe, test } from "vitest";
import { z } from "zod";

import { freshDatabase, setClock, sqlWorker, until } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { DeadlineExceeded, InvalidPolicy, InvalidSpawn } from "./errors.ts";
import { fileParams } from "./params-ref.ts";
import { type AnyTask, type SpawnOptions, type TraceContext, defineTask } from "./task.ts";
import { type WorkerHandle, startWorker } from "./worker.ts";

const { claim, emptyEngine, maintain, spawn, task } = sqlWorker;
const database = freshDatabase();
const workers: WorkerHandle[] = [];
const TRACE = { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, tracestate: "v=1" };

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop({ graceSeconds: 0 })));
});

describe("a bad option", () => {
  test("is refused by SQL with the index and the field, before anything is written", async () => {
    const { db } = await emptyEngine(database, {});
    const cases: readonly [Record<string, unknown>, RegExp][] = [
      [{ priority: 40_000 }, /priority is 40000, expected a whole number from -32768 to 32767/],
      [{ priority: 1.5 }, /priority is 1\.5/],
      [{ priority: "high" }, /priority is "high"/],
      [{ delay_seconds: -1 }, /delay_seconds is -1, expected seconds from 0/],
      [{ timeout_seconds: 0 }, /timeout_seconds is 0/],
      [{ max_retries: -1 }, /max_retries is -1/],
      [{ tags: ["a", ""] }, /tags is \["a", ""\]/],
      [{ tags: ["a", 7, null] }, /tags is \["a", 7, null\]/],
      [{ tags: "a" }, /tags is "a", expected a list/],
      [{ available_at: "soon" }, /available_at is "soon", expected a time/],
      [{ workflow_id: "17" }, /workflow_id is "17", expected a UUID/],
      [{ idempotency_key: "" }, /idempotency_key is ""/],
      [{ idempotency_key_ttl_seconds: 60 }, /expected an idempotency_key with it/],
      [{ deadline_at: "never" }, /deadline_at is "never", expected a time/],
      [{ expires_in_seconds: 0 }, /expires_in_seconds is 0/],
      [{ expires_in_seconds: 1, expires_at: "2026-03-01" }, /expected one of them/],
      [{ dedupe: { window_seconds: 0 } }, /dedupe\.window_seconds is 0/],
      [{ dedupe: 60 }, /dedupe is 60, expected \{ window_seconds, by \}/],
      [{ dedupe: { window_seconds: 60, by: [] } }, /dedupe\.by is \[\]/],
      [{ dedupe: { window_seconds: 60 }, idempotency_key: "k" }, /expected one of them/],
      [{ trace_context: { tracestate: "x".repeat(513) } }, /tracestate is longer than 512/],
      [
        { trace_context: { traceparent: "00-1-2-3" } },
        /trace_context\.traceparent is "00-1-2-3", expected a W3C/,
      ],
      [{ trace_context: 3 }, /trace_context is 3/],
    ];
    for (const [fields, message] of cases) {
      await assert.rejects(spawn(db, [task({}), task(fields)]), (error: Error) => {
        assert.equal("code" in error && error.code, "WF035", error.message);
        assert.match(error.message, /^task 1 of the batch: /);
        assert.match(error.message, message);
        return true;
      });
    }
    assert.equal((await db.query("select from absurd.task")).rowCount, 0);
  });

  test("is refused by the client before it asks the database", async () => {
    const nowhere = new AbsurdClient({ query: () => assert.fail("it asked") });
    const cases: readonly [SpawnOptions, string][] = [
      [{ priority: 40_000 }, "priority"],
      [{ delaySeconds: -1 }, "delaySeconds"],
      [{ tags: [""] }, "tags.0"],
      [{ deadline: new Date("x") }, "deadline"],
      [{ dedupe: { windowSeconds: 0 } }, "dedupe.windowSeconds"],
      [{ idempotencyKeyTtlSeconds: 5 }, "idempotencyKeyTtlSeconds"],
      [{ traceContext: { traceparent: "00" } }, "traceContext.traceparent"],
      [{ paramsRef: { uri: "file:///x", sha256: "00", bytes: 1 } }, "paramsRef.sha256"],
      [{ retry: { byTag: { X: { factor: 0 } } } }, "retry.byTag.X.factor"],
    ];
    for (const [options, field] of cases) {
      const spawned = nowhere.spawnMany([{ task: "noop" }, { task: "noop", ...options }]);
      await assert.rejects(spawned, (error) => {
        assert.ok(error instanceof InvalidSpawn);
        assert.deepEqual([error.issues[0]!.index, error.issues[0]!.field], [1, field]);
        return true;
      });
    }
  });

  test("of a definition is refused when it is registered", async () => {
    const broken = defineTask({
      name: "broken",
      params: z.strictObject({}),
      retry: { timeout: { jitter: 2 } },
    });
    const client = new AbsurdClient(database.pool(), { tasks: [broken] });
    await assert.rejects(client.registerTasks(), InvalidPolicy);
  });
});

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

describe("a child", () => {
  test("inherits correlation id and trace context unless it has its own", async () => {
    const { db, worker } = await emptyEngine(database, {});
    await spawn(db, [task({ correlation_id: "night-7", trace_context: TRACE })]);
    const [held] = await claim(db, worker, 1);
    const fence = await sqlWorker.fence(db, worker, held!);
    await db.query("select absurd.spawn_tasks($1, $2)", [
      JSON.stringify([task({}), task({ correlation_id: "own", trace_context: { own: 1 } })]),
      fence,
    ]);
    const { rows } = await db.query(
      `select correlation_id, trace_context from absurd.task
        where parent_id is not null order by id`,
    );
    assert.deepEqual(rows, [
      { correlation_id: "night-7", trace_context: TRACE },
      { correlation_id: "own", trace_context: { own: 1 } },
    ]);
  });
});

describe("a handler", () => {
  test("sees the trace context, and its children's handlers do, too", async () => {
    const seen: (TraceContext | undefined)[] = [];
    const leaf = defineTask({
      name: "leaf",
      params: z.strictObject({}),
      handler: (_, context) => {
        seen.push(context.traceContext);
      },
    });
    const root = defineTask({
      name: "root",
      params: z.strictObject({}),
      handler: (_, context) => context.spawn({ task: leaf }),
    });
    const client = await setup([root, leaf]);
    await client.spawn(root, {}, { traceContext: TRACE });
    await until(() => seen.length > 0, { what: "the leaf ran" });
    const { taskId } = await client.spawn(leaf, {});
    await client.awaitTasks([taskId]);
    assert.deepEqual(seen, [TRACE, undefined]);
  });

  test("gets params that are elsewhere, verified, or does not run", async () => {
    const folder = await mkdtemp(join(tmpdir(), "absurd-params-"));
    const path = join(folder, "params.json");
    const text = JSON.stringify({ numbers: Array.from({ length: 200_000 }, (_, i) => i) });
    await writeFile(path, text);
    const sum = defineTask({
      name: "sum",
      params: z.strictObject({ numbers: z.array(z.number()) }),
      handler: ({ numbers }) => numbers.reduce((a, b) => a + b, 0),
    });
    const client = await setup([sum]);
    const ref = {
      uri: pathToFileURL(path).href,
      bytes: Buffer.byteLength(text),
      sha256: createHash("sha256").update(text).digest("hex"),
    };
    const spawned = [
      await client.spawn(sum, undefined, { paramsRef: ref }),
      await client.spawn(sum, undefined, { paramsRef: { ...ref, sha256: "0".repeat(64) } }),
      await client.spawn(sum, undefined, { paramsRef: { ...ref, bytes: 1 } }),
    ];
    const ended = await client.awaitTasks(spawned.map((each) => each.taskId));
    assert.equal(ended[0]!.result, 19_999_900_000);
    assert.deepEqual(
      ended.slice(1).map((each) => [each.status, each.attempt, each.error!.tag]),
      [
        ["failed", 1, "ParamsRefBroken"],
        ["failed", 1, "ParamsRefBroken"],
      ],
    );
    await assert.rejects(client.spawn(sum, { numbers: [] }, { paramsRef: ref }), InvalidSpawn);
    await rm(folder, { recursive: true });
  });

  test("is stopped at the deadline of its task", async () => {
    let reason: unknown;
    const slow = defineTask({
      name: "slow",
      params: z.strictObject({}),
      handler: (_, { signal }) =>
        new Promise<void>((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            reason = signal.reason;
            reject(signal.reason as Error);
          });
        }),
    });
    const client = await setup([slow]);
    const { taskId } = await client.spawn(slow, {}, { deadline: new Date(Date.now() + 1500) });
    const [ended] = await client.awaitTasks([taskId]);
    assert.equal(ended!.error!.tag, "DeadlineExceeded");
    assert.ok(
      ended!.status === "failed" && (ended!.attempt === 0 || reason instanceof DeadlineExceeded),
    );
  });
});

async function setup(tasks: readonly AnyTask[]): Promise<AbsurdClient> {
  workers.push(
    await startWorker({
      connectionString: database.url,
      tasks,
      concurrency: 4,
      pollSeconds: 0.1,
      beatSeconds: 0.2,
      resolveParams: fileParams,
    }),
  );
  return new AbsurdClient(database.pool());
}

/** The same value with the keys of its objects in the other order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, each]) => [key, reversed(each)] as const);
  return Object.fromEntries(entries.reverse());
}
