/** What follows from a failure: rules by class and tag, back-off. */
import assert from "node:assert/strict";

import fc from "fast-check";
import type pg from "pg";
import { describe, test } from "vitest";

import { freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

import { type Engine, fail } from "./testing/fail-attempt.ts";

const { claim, emptyEngine, maintain, spawn, status, task } = sqlWorker;
const database = freshDatabase();

/** Claims the one task that is due after `minutes` more, by the engine's clock. */
async function claimAt(engine: Engine, clock: string): Promise<sqlWorker.ClaimRow | undefined> {
  await setClock(engine.db, clock);
  await engine.db.query("select absurd.beat($1, $2)", [engine.worker.id, engine.worker.epoch]);
  await maintain(engine.db, engine.worker);
  const [held] = await claim(engine.db, engine.worker, 1);
  return held;
}

async function dueIn(db: pg.Client): Promise<number> {
  const { rows } = await db.query<{ seconds: number }>(
    `select extract(epoch from run_at - absurd.clock())::double precision as seconds
       from absurd.deferred`,
  );
  return rows[0]!.seconds;
}

describe("a retry rule", () => {
  test("with a limit of its own counts its errors apart from all others", async () => {
    const engine = await emptyEngine(database, {});
    const policy = { retry: { by_tag: { OutOfMemory: { max_retries: 2 } } } };
    await spawn(engine.db, [task({ max_retries: 1, policy })]);

    const tags = ["OutOfMemory", "Error", "OutOfMemory", "OutOfMemory"];
    for (const [hour, tag] of tags.entries()) {
      const held = await claimAt(engine, `2026-03-01T1${3 + hour}:00:00Z`);
      await fail(engine, held!, { tag });
      const isLast = hour === tags.length - 1;
      assert.equal(await status(engine.db, held!), isLast ? "failed" : "retrying", `${hour}`);
    }
  });

  test("of a class leaves fatal errors fatal and other classes alone", async () => {
    const engine = await emptyEngine(database, {});
    const policy = { retry: { retryable: { max_retries: 9 } } };
    await spawn(engine.db, [task({ max_retries: 0, policy }), task({ max_retries: 9, policy })]);
    const [first, second] = await claim(engine.db, engine.worker, 2);

    await fail(engine, first!, {});
    assert.equal(await status(engine.db, first!), "retrying");
    await fail(engine, second!, { class: "fatal" });
    assert.equal(await status(engine.db, second!), "failed");
  });

  test("of the task wins over its kind's, field by field", async () => {
    const engine = await emptyEngine(database, {});
    await engine.db.query("select absurd.set_kind_policies($1)", [
      JSON.stringify([
        {
          task_name: "noop",
          policy: { retry: { default: { backoff_seconds: 7, jitter: 0, factor: 3 } } },
        },
      ]),
    ]);
    await spawn(engine.db, [task({})]);
    const [plain] = await claim(engine.db, engine.worker, 1);
    await fail(engine, plain!, {});
    assert.equal(await dueIn(engine.db), 7);
    const again = await claimAt(engine, "2026-03-01T13:00:00Z");
    await fail(engine, again!, {});
    assert.equal(await dueIn(engine.db), 21);

    await engine.db.query("truncate absurd.deferred");
    await spawn(engine.db, [
      task({ policy: { retry: { by_tag: { Busy: { backoff_seconds: 100 } } } } }),
    ]);
    const [busy] = await claim(engine.db, engine.worker, 1);
    await fail(engine, busy!, { tag: "Busy" });
    assert.equal(await dueIn(engine.db), 100);
    await engine.db.query(`select absurd.set_kind_policies('[{"task_name": "noop"}]')`);
  });

  test("gives way to an error that says when to come again", async () => {
    const engine = await emptyEngine(database, { spawn: 1 });
    const [held] = await claim(engine.db, engine.worker, 1);
    await fail(engine, held!, { retryAfterSeconds: 1234 });
    assert.equal(await dueIn(engine.db), 1234);
  });

  test("that is none is refused with its path, for a task and for a kind", async () => {
    const { db } = await emptyEngine(database, {});
    const cases: readonly [object, RegExp][] = [
      [{ retryable: { factor: 0.5 } }, /retry\.retryable: factor is 0\.5, expected/],
      [{ fatal: { max_retries: 1 } }, /retry\.fatal is unknown/],
      [{ default: { max_retries: 1 } }, /retry\.default has max_retries/],
      [{ by_tag: { X: { wait: 1 } } }, /retry\.by_tag\.X: wait is unknown/],
      [{ timeout: { repair: { task: "noop" } } }, /retry\.timeout has a repair/],
      [
        { recoverable: { repair: { task: "nobody" } } },
        /repair by "nobody", expected a registered/,
      ],
    ];
    for (const [retry, message] of cases) {
      await assert.rejects(spawn(db, [task({}), task({ policy: { retry } })]), (error) => {
        assert.match(String(error), /task 1 of the batch: policy\./);
        assert.match(String(error), message);
        return true;
      });
      await assert.rejects(
        db.query("select absurd.set_kind_policies($1)", [
          JSON.stringify([{ task_name: "noop", policy: { retry } }]),
        ]),
        { code: "WF037", message },
      );
    }
    assert.equal((await db.query("select from absurd.task")).rowCount, 0);
  });
});

describe("back-off", () => {
  test("stays within its bounds for every rule", async () => {
    const db = await database.connect();
    const seconds = fc.nat({ max: 1e9 }).map((ms) => ms / 1000);
    const rule = fc.record({
      backoff_seconds: seconds,
      factor: fc.double({ min: 1, max: 100, noNaN: true }),
      backoff_seconds_max: seconds,
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    const random = fc.double({ min: 0, max: 1, noNaN: true });
    await fc.assert(
      fc.asyncProperty(rule, fc.integer({ min: 1, max: 10_000 }), random, async (r, n, u) => {
        const { rows } = await db.query<{ seconds: number }>(
          `select extract(epoch from absurd.backoff($1, $2, $3))::double precision as seconds`,
          [n, JSON.stringify(r), u],
        );
        const grown = r.backoff_seconds === 0 ? 0 : r.backoff_seconds * r.factor ** (n - 1);
        const longest = Math.min(grown, r.backoff_seconds_max);
        const slack = 1e-5 + 1e-6 * longest;
        assert.ok(rows[0]!.seconds <= longest + slack, `${rows[0]!.seconds} > ${longest}`);
        assert.ok(rows[0]!.seconds >= longest * (1 - r.jitter) - slack, `${rows[0]!.seconds}`);
      }),
      { numRuns: 200 },
    );
  });

  test("is a wait, whatever the numbers", async () => {
    const db = await database.connect();
    const tiny = {
      backoff_seconds: 5e-324,
      jitter: 5e-324,
      backoff_seconds_max: 5e-324,
      factor: 1,
    };
    const huge = { backoff_seconds: 1e9, jitter: 1, backoff_seconds_max: 1e9, factor: 100 };
    for (const rule of [tiny, huge, {}]) {
      for (const [n, u] of [
        [0, 0],
        [2_147_483_647, 5e-324],
        [1, null],
      ]) {
        const { rows } = await db.query<{ ok: boolean }>(
          `select absurd.backoff($1, $2, $3)
                  between interval '0' and interval '1000000001 seconds' as ok`,
          [n, JSON.stringify(rule), u],
        );
        assert.deepEqual(rows, [{ ok: true }]);
      }
    }
  });
});
