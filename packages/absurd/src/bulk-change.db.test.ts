/** A change of many tasks is taken back for those that have not run since, and for no other. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import type pg from "pg";
import { describe, test } from "vitest";

import { freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

import type { BulkChange, ChangedTask, UndoneTask } from "./bulk-change.ts";
import { AbsurdClient } from "./client.ts";

const { claim, cycle, emptyEngine, maintain, spawn, spawnAlike, uuid } = sqlWorker;
const database = freshDatabase();

async function change(
  db: pg.Client,
  ids: readonly string[],
  how: Omit<BulkChange, "batch">,
): Promise<{ batch: string; what: ChangedTask["what"][] }> {
  const batch = randomUUID();
  const what: ChangedTask["what"][] = [];
  for await (const part of new AbsurdClient(db).changeMany(ids, { ...how, batch })) {
    what.push(...part.map((each) => each.what));
  }
  return { batch, what };
}

/** Looks at it first. */
async function undo(db: pg.Client, batch: string): Promise<Record<string, UndoneTask["what"]>> {
  const all: Record<string, UndoneTask["what"]> = {};
  const outlook = new Map<string, string>();
  for await (const part of new AbsurdClient(db).undoOutlook(batch)) {
    for (const { taskId, what } of part) outlook.set(taskId, what);
  }
  for await (const part of new AbsurdClient(db).undoMany(batch)) {
    for (const { taskId, what } of part) all[taskId] = what;
  }
  assert.deepEqual(Object.fromEntries(outlook), all, "it is said before what comes");
  return all;
}

/** What must be as it was before: all but where the body's row lies. */
async function picture(db: pg.Client): Promise<unknown[]> {
  const { rows } = await db.query<Record<string, unknown>>(
    `select t.task_id, t.status, t.attempt, t.priority, t.queue_name, t.error_detail, t.worker_id,
            t.completed_at, p.place, p.run_at, p.unmet, o.fingerprint
       from absurd.tasks t
       cross join lateral absurd.locate_task(t.task_number) p
       left join absurd.outcome o on o.task_id = t.task_number
      order by t.task_number`,
  );
  return rows;
}

describe("a change of many tasks", () => {
  test("that cancelled is taken back: each is where it was, with its attempts", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 2 });
    const [tried] = await claim(db, worker, 1);
    await cycle(db, worker, { failed: [[tried!, "retryable"]] });
    const [parent] = await spawnAlike(db, 1, { priority: 3 });
    await spawn(db, [
      { task_name: "noop", delay_seconds: 500 },
      { task_name: "noop", depends_on: [parent] },
    ]);
    const before = await picture(db);
    const ids = (before as { task_id: string }[]).map((each) => each.task_id);
    const { batch, what } = await change(db, ids, { action: "cancel", reason: "clouds" });
    assert.deepEqual(new Set(what), new Set(["done"]));
    assert.notDeepEqual(await picture(db), before);

    const undone = await undo(db, batch);
    assert.deepEqual(new Set(Object.values(undone)), new Set(["undone"]));
    assert.deepEqual(await picture(db), before);
    assert.deepEqual(await undo(db, batch), {}, "a second undo finds nothing");
  });

  test("that retried is taken back for what nobody claimed since", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 3 });
    const held = await claim(db, worker, 3);
    await cycle(db, worker, { failed: held.map((each) => [each, "fatal"] as const) });
    const ids: string[] = [];
    for (const each of held) ids.push(await uuid(db, each));
    await spawn(db, [{ task_name: "noop", depends_on: [] }]);
    const before = await picture(db);
    const { batch, what } = await change(db, ids, { action: "retry" });
    assert.deepEqual(what, ["done", "done", "done"]);
    await setClock(db, "2026-03-01T12:01:00Z");
    const claimed = await claim(db, worker, 2);
    const ran = new Set<string>();
    for (const each of claimed) ran.add(await uuid(db, each));
    // One of them comes back to a plane: it is unclaimed, and has run since.
    await cycle(db, worker, { failed: [[claimed[0]!, "retryable"]] });

    const undone = await undo(db, batch);
    for (const id of ids) assert.equal(undone[id], ran.has(id) ? "kept" : "undone");
    const of = (all: unknown[], id: string): unknown =>
      (all as { task_id: string }[]).find((each) => each.task_id === id);
    const after = await picture(db);
    for (const id of ids.filter((each) => !ran.has(each))) {
      assert.deepEqual(of(after, id), of(before, id));
    }
  });

  test("that moved or discarded is taken back; what it cannot change it refuses", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 3 });
    const [dead] = await claim(db, worker, 1);
    await cycle(db, worker, { failed: [[dead!, "fatal"]] });
    const deadId = await uuid(db, dead!);
    const before = await picture(db);
    const ids = (before as { task_id: string }[]).map((each) => each.task_id);
    const nobody = "018f0000-0000-7000-8000-000000000000";

    const moved = await change(db, [...ids, nobody], { action: "move", priority: 7, queue: "q" });
    assert.deepEqual(moved.what, [
      ...ids.map((id) => (id === deadId ? "refused" : "done")),
      "unknown",
    ]);
    const discarded = await change(db, ids, { action: "discard", reason: "known" });
    assert.deepEqual(
      discarded.what,
      ids.map((id) => (id === deadId ? "done" : "refused")),
    );
    assert.notDeepEqual(await picture(db), before);
    await undo(db, moved.batch);
    await undo(db, discarded.batch);
    assert.deepEqual(await picture(db), before);
  });

  test("with the same batch again changes nothing more", async () => {
    const { db } = await emptyEngine(database, { spawn: 2 });
    const { rows } = await db.query<{ task_id: string }>("select task_id from absurd.tasks");
    const ids = rows.map((row) => row.task_id);
    const { batch } = await change(db, ids, { action: "cancel" });
    await undo(db, batch);
    const client = new AbsurdClient(db);
    const again: string[] = [];
    for (const round of ["done", "refused"]) {
      for await (const part of client.changeMany(ids, { action: "cancel", batch })) {
        again.push(...part.map((each) => `${round} ${each.what}`));
      }
    }
    assert.deepEqual(again, ["done done", "done done", "refused refused", "refused refused"]);
  });

  test("beside claims leaves each task with one owner", async () => {
    const { db, worker } = await emptyEngine(database, { spawn: 60 });
    const other = await database.connect();
    await setClock(other, sqlWorker.T0);
    const { rows } = await db.query<{ task_id: string }>("select task_id from absurd.tasks");
    const ids = rows.map((row) => row.task_id);
    const held: Awaited<ReturnType<typeof claim>> = [];
    const claiming = (async () => {
      for (let i = 0; i < 12; i++) held.push(...(await claim(other, worker, 2)));
    })();
    const undone: Record<string, string> = {};
    for (let round = 0; round < 6; round++) {
      const { batch } = await change(db, ids.slice(10 * round, 10 * round + 10), {
        action: "cancel",
      });
      Object.assign(undone, await undo(db, batch));
    }
    await claiming;
    await maintain(db, worker);
    const { rows: places } = await db.query<{ n: number; leases: number }>(
      `select (select count(*)::integer from absurd.ready) as n,
              (select count(*)::integer from absurd.lease) as leases`,
    );
    assert.deepEqual(places[0], { n: 60 - held.length, leases: held.length });
    assert.equal(new Set(held.map((each) => each.task_id)).size, held.length);
  });
});
