/** Who follows changes is told of every end, however late it commits, and of none twice. */
import assert from "node:assert/strict";

import * as fc from "fast-check";
import type pg from "pg";
import { describe, test } from "vitest";

import { freshDatabase, sqlWorker } from "@contimg/testkit";

import { ChangeReader, type Changes, type TaskChange, readProgress } from "./changes.ts";
import { AbsurdClient } from "./client.ts";
import { InvalidCursor } from "./errors.ts";

const { claim, cycle, emptyEngine, registerWorker, spawnAlike, uuid } = sqlWorker;
const database = freshDatabase();

const shortOf = (changes: readonly TaskChange[]): string[] =>
  changes.map((each) => `${each.taskId} ${each.status} ${each.attempt}`);

/** Reads until nothing is left. Transactions of other tests on this server hold nothing up. */
async function readAll(reader: ChangeReader, limit = 1_000): Promise<TaskChange[]> {
  const all: TaskChange[] = [];
  // Spawns of a transaction that has just ended are told by the read after the next.
  for (let quiet = 0; quiet < 3;) {
    const read: Changes = await reader.read(limit);
    assert.ok(read.cursor.length <= 200, read.cursor);
    all.push(...read.changes);
    quiet = read.changes.length > 0 || read.more ? 0 : quiet + 1;
  }
  return all;
}

describe("a reader of changes", () => {
  test("is told of spawns, claims, failed attempts, ends and new starts, once each", async () => {
    const { db, worker } = await emptyEngine(database, {});
    const reader = new ChangeReader(db);
    assert.deepEqual((await reader.read()).changes, []);
    const ids = await spawnAlike(db, 3, {});
    assert.deepEqual(
      shortOf(await readAll(reader)),
      ids.map((id) => `${id} pending 0`),
    );
    const held = await claim(db, worker, 3);
    assert.deepEqual(
      new Set(shortOf(await readAll(reader))),
      new Set(ids.map((id) => `${id} claimed 1`)),
    );
    await cycle(db, worker, {
      done: [held[0]!],
      failed: [
        [held[1]!, "fatal"],
        [held[2]!, "retryable"],
      ],
    });
    const ended = await readAll(reader);
    const done = await uuid(db, held[0]!);
    const dead = await uuid(db, held[1]!);
    const again = await uuid(db, held[2]!);
    assert.deepEqual(
      new Set(shortOf(ended)),
      new Set([`${done} completed 1`, `${dead} failed 1`, `${again} retrying 1`]),
    );
    assert.deepEqual(
      [...new Set(ended.map((each) => `${each.queue} ${each.taskName} ${each.workerName}`))],
      ["default noop w"],
    );
    assert.equal(ended.find((each) => each.status === "failed")!.error, "as asked");
    await new AbsurdClient(db).retry(dead);
    await new AbsurdClient(db).cancel(again);
    assert.deepEqual(
      new Set(shortOf(await readAll(reader))),
      new Set([`${dead} pending 1`, `${again} cancelled 1`]),
    );
  });

  test("is told what a transaction did that was open across reads, when it commits", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 2 });
    const reader = new ChangeReader(db);
    await readAll(reader);
    const [early, late] = await claim(db, worker, 2);
    const slow = await database.connect();
    await slow.query("begin");
    await cycle(slow, worker, { done: [late!] });
    const [spawned] = await spawnAlike(slow, 1, {});
    await cycle(db, worker, { done: [early!] });
    const before = shortOf(await readAll(reader)).filter((each) => !each.includes("claimed"));
    assert.deepEqual(before, [`${await uuid(db, early!)} completed 1`]);
    await spawnAlike(db, 5, {});
    assert.equal((await readAll(reader)).length, 5);

    await slow.query("commit");
    assert.deepEqual(
      new Set(shortOf(await readAll(reader))),
      new Set([`${await uuid(db, late!)} completed 1`, `${spawned} pending 0`]),
    );
  });

  test("tells ends in pieces of the limit, also those of one transaction", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 50 });
    const reader = new ChangeReader(db);
    await readAll(reader);
    const held = await claim(db, worker, 50);
    await readAll(reader);
    await cycle(db, worker, { done: held });
    const first = await reader.read(7);
    assert.deepEqual([first.changes.length, first.more], [7, true]);
    // Another reader goes on where this one is.
    const rest = await readAll(new ChangeReader(db, first.cursor), 7);
    const told = [...first.changes, ...rest].filter((each) => each.status === "completed");
    assert.equal(new Set(told.map((each) => each.taskId)).size, 50);
    assert.equal(told.length, 50);
  });

  test("is told of progress by those who run", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 2 });
    const [one, other] = await claim(db, worker, 2);
    await db.query("select * from absurd.report_progress($1, $2, $3, $4, $5, $6)", [
      ...[worker.id, worker.epoch, [one!.task_id, other!.task_id], [1, 1]],
      ...[
        [0.25, 0.5],
        ["cleaning", "fitting"],
      ],
    ]);
    await cycle(db, worker, { done: [other!] });
    const progress = await readProgress(db, new Date(0));
    assert.deepEqual(
      progress.map(({ taskId, fraction, note }) => [taskId, fraction, note]),
      [[await uuid(db, one!), 0.25, "cleaning"]],
    );
    assert.deepEqual(await readProgress(db, progress[0]!.at), []);
  });

  test("refuses a cursor that is none, or of another database", async () => {
    const db = await database.connect();
    for (const cursor of ["", "x", "c1.1.2"]) {
      assert.throws(() => new ChangeReader(db, cursor), InvalidCursor);
    }
    const { cursor } = await new ChangeReader(db).read();
    const [form, , ...rest] = cursor.split(".");
    const future = [form, "zzzzzzzzzz", ...rest].join(".");
    await assert.rejects(new ChangeReader(db, future).read(), InvalidCursor);
  });

  test(
    "loses no end in any interleaving of transactions, reads and new readers",
    {
      timeout: 240_000,
    },
    async () => {
      const { db } = await emptyEngine(database, {});
      const sessions = await Promise.all([1, 2, 3].map(() => database.connect()));
      const op = fc.oneof(
        {
          weight: 6,
          arbitrary: fc.record({
            what: fc.constant("act"),
            on: fc.nat(2),
            count: fc.integer({ min: 1, max: 4 }),
          }),
        },
        {
          weight: 2,
          arbitrary: fc.record({
            what: fc.constantFrom("commit", "rollback"),
            on: fc.nat(2),
            count: fc.constant(0),
          }),
        },
        {
          weight: 4,
          arbitrary: fc.record({
            what: fc.constantFrom("read", "kill"),
            on: fc.constant(0),
            count: fc.constantFrom(1, 2, 100),
          }),
        },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(op, { minLength: 5, maxLength: 40 }), async (ops) => {
          await runStory(db, sessions, ops);
        }),
        { numRuns: Number(process.env["PROPERTY_RUNS"] ?? 25) },
      );
    },
  );
});

interface Op {
  readonly what: "act" | "commit" | "rollback" | "read" | "kill";
  readonly on: number;
  readonly count: number;
}

async function runStory(db: pg.Client, sessions: pg.Client[], ops: readonly Op[]): Promise<void> {
  const worker = await registerWorker(db);
  const begun = new Set<number>();
  let reader = new ChangeReader(db);
  let { cursor } = await reader.read();
  const { rows: before } = await db.query<{ task_id: string }>("select task_id from absurd.tasks");
  const old = new Set(before.map((each) => each.task_id));
  const told: TaskChange[] = [];
  let readers = 1;
  const end = async (on: number, how: string): Promise<void> => {
    if (begun.delete(on)) await sessions[on]!.query(how);
  };
  for (const { what, on, count } of ops) {
    if (what === "act") {
      const session = sessions[on]!;
      if (!begun.has(on)) await session.query("begin");
      begun.add(on);
      await spawnAlike(session, count, {});
      const held = await claim(session, worker, count);
      const [first, second, ...others] = held;
      await cycle(session, worker, {
        done: others,
        failed: [
          ...(first ? [[first, "fatal"] as const] : []),
          ...(second ? [[second, "retryable"] as const] : []),
        ],
      });
    } else if (what === "commit" || what === "rollback") {
      await end(on, what);
    } else {
      const read = await reader.read(count);
      // Killed before it told anybody: who comes after it begins at the cursor before.
      if (what === "read") {
        told.push(...read.changes);
        cursor = read.cursor;
      } else {
        readers++;
        reader = new ChangeReader(db, cursor);
      }
    }
  }
  for (const on of [0, 1, 2]) await end(on, "commit");
  told.push(...(await readAll(reader)));
  await checkTold(db, told, old, readers);
}

async function checkTold(
  db: pg.Client,
  told: readonly TaskChange[],
  old: ReadonlySet<string>,
  readers: number,
): Promise<void> {
  const { rows } = await db.query<{ task_id: string; status: string; attempt: number }>(
    "select task_id, status, attempt from absurd.tasks where status <> 'pending'",
  );
  const short = shortOf(told);
  const known = new Set(short);
  for (const row of rows.filter((each) => !old.has(each.task_id))) {
    assert.ok(known.has(`${row.task_id} ${row.status} ${row.attempt}`), JSON.stringify(row));
  }
  if (readers > 1) return;
  assert.equal(known.size, short.length, "one reader is told nothing twice");
}
