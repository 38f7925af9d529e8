/** What only some spawned tasks ask for, from the check of its form to what the handler sees. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { afterEach, describe, test } from "vitest";
import { z } from "zod";

import { freshDatabase, sqlWorker, until } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { DeadlineExceeded, InvalidPolicy, InvalidSpawn } from "./errors.ts";
import { fileParams } from "./params-ref.ts";
import { type AnyTask, type SpawnOptions, type TraceContext, defineTask } from "./task.ts";
import { type WorkerHandle, startWorker } from "./worker.ts";

const { claim, emptyEngine, spawn, task } = sqlWorker;
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
