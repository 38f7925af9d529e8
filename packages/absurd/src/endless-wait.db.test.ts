/** Tasks that could never go on because of what the tasks that wait for them keep. */
import assert from "node:assert/strict";

import type pg from "pg";
import { beforeEach, describe, test } from "vitest";
import { z } from "zod";

import { auditGates, freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

import { AbsurdClient, defineTask, startWorker } from "./index.ts";

const { claim, cycle, emptyEngine, fence, maintain, spawn, task, uuid } = sqlWorker;
const database = freshDatabase();

const WAITS_FOR_ITSELF = { code: "WF011", message: /would wait for itself/ };

let db: pg.Client;
let worker: sqlWorker.SqlWorker;
let time: number;

beforeEach(async () => {
  ({ db, worker } = await emptyEngine(database, {}));
  time = Date.parse(sqlWorker.T0);
});

function onKey(key: string, limit: number, more: object = {}): Record<string, unknown> {
  return task({ concurrency: [{ key, limit }], ...more });
}

function onLock(name: string, more: object = {}): Record<string, unknown> {
  return task({ locks: [{ name }], ...more });
}

const KEPT = { hold: true };

/** Spawns a task and has it run. */
async function run(fields: Record<string, unknown>): Promise<sqlWorker.ClaimRow> {
  const id = await add(fields);
  const [row, ...rest] = await claim(db, worker, 10);
  assert.ok(row);
  assert.equal(rest.length, 0);
  assert.equal(await uuid(db, row), id);
  return row;
}

async function add(fields: Record<string, unknown>): Promise<string> {
  return (await spawn(db, [fields]))[0]!.task_id;
}

async function awaits(
  held: sqlWorker.ClaimRow,
  ids: readonly string[],
  session = db,
): Promise<string> {
  const { rows } = await session.query<{ what: string }>(
    "select what from absurd.await_tasks($1, $2)",
    [await fence(db, worker, held), ids],
  );
  return rows[0]!.what;
}

async function awaitsEvent(
  held: sqlWorker.ClaimRow,
  name: string,
  timeoutSeconds: number | null = null,
): Promise<void> {
  await db.query("select absurd.await_event($1, $2, 1, $3)", [
    await fence(db, worker, held),
    name,
    timeoutSeconds,
  ]);
}

async function explained(taskId: string, code: string): Promise<string | undefined> {
  const { rows } = await db.query<{ code: string; message: string }>(
    "select code, message from absurd.explain_task($1)",
    [taskId],
  );
  return rows.find((row) => row.code === code)?.message;
}

async function pass(seconds: number): Promise<void> {
  time += seconds * 1000;
  await setClock(db, new Date(time).toISOString());
  await db.query("select absurd.beat($1, $2)", [worker.id, worker.epoch]);
}

/** A leader's round in which it looks for endless waits, too. Returns how many tasks then run. */
async function lead(): Promise<sqlWorker.ClaimRow[]> {
  await pass(11);
  await maintain(db, worker);
  return claim(db, worker, 10);
}

/** Two holders of both slots, each of which waits for a task that needs one: seen by neither wait. */
async function closeCircle(key = "disk"): Promise<{ parents: string[]; children: string[] }> {
  await spawn(db, [onKey(key, 2, KEPT), onKey(key, 2, KEPT)]);
  const held = await claim(db, worker, 10);
  const children = [await add(onKey(key, 2)), await add(onKey(key, 2))];
  const other = await database.connect();
  await setClock(other, sqlWorker.T0);
  await db.query("begin");
  await other.query("begin");
  await awaits(held[0]!, [children[0]!]);
  await awaits(held[1]!, [children[1]!], other);
  await other.query("commit");
  await db.query("commit");
  const parents = [await uuid(db, held[0]!), await uuid(db, held[1]!)];
  return { parents, children };
}

describe("a wait that could not end is refused", () => {
  test("when all slots of a key are kept by tasks that wait for others at it", async () => {
    const one = await run(onKey("disk", 2, KEPT));
    const two = await run(onKey("disk", 2, KEPT));
    const [first, second] = await spawn(db, [onKey("disk", 2), onKey("disk", 2)]);
    assert.equal(await awaits(one, [first!.task_id]), "suspended");
    const [parentOne, parentTwo] = await uuids([one, two]);
    const kept = `needs concurrency key disk, kept by noop ${parentOne}, noop ${parentTwo}`;
    const message =
      `task ${parentTwo} would wait for itself: noop ${second!.task_id} ${kept}; ` +
      `noop ${second!.task_id} is behind noop ${first!.task_id} at key disk; ` +
      `noop ${first!.task_id} ${kept}; ` +
      `noop ${parentOne} has waited for noop ${first!.task_id} since 2026-03-01T12:00:00Z`;
    await assert.rejects(awaits(two, [second!.task_id]), { code: "WF011", message });
  });

  test("when a child, spawned later, needs what its waiting parent keeps", async () => {
    const parent = await run(onKey("disk", 1, KEPT));
    const child = await run(task({}));
    await awaits(parent, [await uuid(db, child)]);
    const grandchild = await add(onKey("disk", 1));
    await assert.rejects(awaits(child, [grandchild]), WAITS_FOR_ITSELF);
  });

  test("when what is awaited is in line behind a task that never goes in", async () => {
    const parent = await run(onLock("set", KEPT));
    const holder = await run(onLock("table"));
    // Needs both: first in line at the table, and never let in at the set.
    await add(task({ locks: [{ name: "set" }, { name: "table" }] }));
    const child = await add(onLock("table"));
    await cycle(db, worker, { done: [holder] });
    await assert.rejects(awaits(parent, [child]), {
      code: "WF011",
      message: /is behind noop \S+ at lock table; noop \S+ needs lock set, kept by/,
    });
  });

  for (const what of ["runs", "sleeps", "waits for what can go on"]) {
    test(`but not when another holder of the key ${what}`, async () => {
      const one = await run(onKey("disk", 2, KEPT));
      const two = await run(onKey("disk", 2, KEPT));
      const free = await add(task({}));
      if (what.startsWith("waits")) await awaits(one, [free]);
      if (what === "sleeps") {
        await db.query("select absurd.sleep_task($1, 60)", [await fence(db, worker, one)]);
      }
      const child = await add(onKey("disk", 2));
      assert.equal(await awaits(two, [child]), "suspended");
      assert.equal(await explained(child, "endless-wait"), undefined);
      assert.deepEqual(await uuids(await lead()), [free]);
    });
  }

  test("but not when one of two alternatives can come", async () => {
    const parent = await run(onLock("set", KEPT));
    const stuck = await add(onLock("set"));
    const free = await add(task({}));
    const either = await add(task({ depends_on: [{ any_of: [stuck, free] }] }));
    assert.equal(await awaits(parent, [either]), "suspended");
  });

  test("nor when the awaited task may be cancelled by the end of another", async () => {
    const parent = await run(onLock("set", KEPT));
    const stuck = await add(onLock("set"));
    const free = await add(task({}));
    const both = await add(task({ depends_on: [stuck, free] }));
    assert.equal(await awaits(parent, [both]), "suspended");
    assert.equal(await explained(both, "endless-wait"), undefined);

    const [running] = await claim(db, worker, 10);
    await cycle(db, worker, { done: [running!] });
    assert.match((await explained(both, "endless-wait"))!, /kept by noop/);
  });
});

describe("a circle that closes without a wait that could be refused", () => {
  test("is explained to each who is in it, with tasks, key and time", async () => {
    const { parents, children } = await closeCircle();
    assert.equal(
      await explained(parents[0]!, "endless-wait"),
      `It can never go on as things are: ` +
        `noop ${parents[0]} has waited for noop ${children[0]} since 2026-03-01T12:00:00Z; ` +
        `noop ${children[0]} needs concurrency key disk, kept by noop ${parents[0]}, ` +
        `noop ${parents[1]}; ` +
        `noop ${parents[1]} has waited for noop ${children[1]} since 2026-03-01T12:00:00Z; ` +
        `noop ${children[1]} needs concurrency key disk, kept by noop ${parents[0]}, ` +
        `noop ${parents[1]}; ` +
        `noop ${children[1]} is behind noop ${children[0]} at key disk.`,
    );
    for (const id of [...parents, ...children]) {
      assert.match((await explained(id, "endless-wait"))!, /needs concurrency key disk/);
    }
    const outside = await add(task({}));
    assert.equal(await explained(outside, "endless-wait"), undefined);
  });

  test("is broken by the leader: one goes on, its wait is refused, and all complete", async () => {
    const { parents, children } = await closeCircle();
    const [victim, ...others] = await lead();
    assert.equal(others.length, 0);
    assert.ok(parents.includes(await uuid(db, victim!)));
    assert.equal(await explained(children[0]!, "endless-wait"), undefined);
    assert.deepEqual(await lead(), []);

    const own = children[parents.indexOf(await uuid(db, victim!))]!;
    await assert.rejects(awaits(victim!, [own]), WAITS_FOR_ITSELF);
    let running = await cycle(db, worker, { failed: [[victim!, "retryable"]], limit: 10 });
    for (let round = 0; round < 20 && running.length > 0; round++) {
      const done: sqlWorker.ClaimRow[] = [];
      for (const row of running) {
        const index = parents.indexOf(await uuid(db, row));
        if (index < 0 || (await awaits(row, [children[index]!])) === "ended") done.push(row);
      }
      await cycle(db, worker, { done });
      await auditGates(db);
      await pass(300);
      running = await lead();
    }
    const { rows } = await db.query(
      "select status, count(*)::integer as n from absurd.tasks group by status",
    );
    assert.deepEqual(rows, [{ status: "completed", n: 4 }]);
  });

  test("is found when a limit is lowered later", async () => {
    const parent = await run(onKey("disk", 2, KEPT));
    const other = await run(onKey("disk", 2));
    await awaits(parent, [await add(onKey("disk", 2))]);
    assert.deepEqual(await lead(), []);
    await db.query("select absurd.set_limit('key', 'disk', 1)");
    assert.deepEqual(await uuids(await lead()), [await uuid(db, parent)]);
    await cycle(db, worker, { done: [other] });
  });

  test("is found in the elements of a fan-out, which are spawned later", async () => {
    const parent = await run(onLock("set", KEPT));
    await db.query("select absurd.spawn_workflow('each', $1)", [
      JSON.stringify([
        { node: "list", task_name: "noop" },
        { node: "all", task_name: "noop", for_each: { of: "list" }, locks: [{ name: "set" }] },
      ]),
    ]);
    const { rows } = await db.query<{ id: string }>(
      "select absurd.task_uuid(task_id) as id from absurd.workflow_node where name = 'all'",
    );
    const all = rows[0]!.id;
    await awaits(parent, [all]);
    const list = await lead();
    assert.equal(list.length, 1);
    await cycle(db, worker, { done: list, results: ["[1, 2]"] });
    assert.deepEqual(await uuids(await lead()), [await uuid(db, parent)]);
  });

  test("is not broken at who only waits for those in it", async () => {
    const grandparent = await run(onLock("site", KEPT));
    const { parents } = await closeCircle("disk");
    // It began to wait last.
    await pass(5);
    await awaits(grandparent, [parents[0]!]);
    const about = await explained(await uuid(db, grandparent), "endless-wait");
    assert.match(about!, /needs concurrency key disk/);
    const woken = await uuids(await lead());
    assert.ok(woken.length === 1 && parents.includes(woken[0]!));
  });

  test("is one of several, each of which loses one task", async () => {
    const circles = [await closeCircle("disk"), await closeCircle("tape")];
    const woken = await uuids(await lead());
    assert.equal(woken.length, 2);
    for (const { parents } of circles) {
      assert.equal(parents.filter((id) => woken.includes(id)).length, 1);
    }
  });

  test("lets its task wait for something else, and no longer for the same", async () => {
    const { parents, children } = await closeCircle("disk");
    const [victim] = await lead();
    const free = await add(task({}));
    assert.equal(await awaits(victim!, [free]), "suspended");
    const [running] = await claim(db, worker, 10);
    assert.equal(await uuid(db, running!), free);
    assert.deepEqual(await uuids(await cycle(db, worker, { done: [running!], limit: 10 })), [
      await uuid(db, victim!),
    ]);
    assert.equal(children.length, parents.length);
  });
});

describe("a wait for an event is suspected", () => {
  const SUSPECTED = "endless-wait-suspected";

  test("when who waits keeps what others wait for, of each of them", async () => {
    const parent = await run(onLock("set", KEPT));
    const parentId = await uuid(db, parent);
    await pass(60);
    await awaitsEvent(parent, "calibrated");
    const child = await add(onLock("set"));
    const waits = `noop ${parentId} has waited for event "calibrated" since 2026-03-01T12:01:00Z`;
    const needs = `noop ${child} needs lock set, kept by noop ${parentId}`;
    const may = "It may never go on, unless the event comes from elsewhere";
    assert.equal(await explained(child, SUSPECTED), `${may}: ${needs}; ${waits}.`);
    assert.equal(await explained(parentId, SUSPECTED), `${may}: ${waits}; ${needs}.`);
    assert.equal(await explained(child, "endless-wait"), undefined);
    assert.deepEqual(await lead(), []);

    await db.query("select absurd.emit_event('calibrated')");
    assert.equal(await explained(child, SUSPECTED), undefined);
  });

  test("but not when it has a timeout, nobody needs what it keeps, or it keeps nothing", async () => {
    const timed = await run(onLock("timed", KEPT));
    await awaitsEvent(timed, "late", 60);
    const alone = await run(onLock("alone", KEPT));
    await awaitsEvent(alone, "calm");
    const free = await run(onLock("free"));
    await awaitsEvent(free, "calm");
    const above = await run(task({}));
    await awaits(above, [await uuid(db, free)]);
    const behind = await add(onLock("timed"));
    for (const id of [behind, ...(await uuids([timed, alone, free, above]))]) {
      assert.equal(await explained(id, SUSPECTED), undefined);
    }
  });
});

describe("a worker's tasks", () => {
  test("get over a circle: one fails with AwaitCycle, lets the others go, and tries again", async () => {
    const own = freshPair();
    const child = defineTask({ name: "child", params: z.strictObject({}), handler: () => 1 });
    const key = [{ key: "disk", limit: 2 }];
    const parent = defineTask({
      name: "parent",
      params: z.strictObject({ side: z.number() }),
      concurrency: key,
      hold: true,
      maxRetries: 5,
      retry: { default: { backoffSeconds: 0.1 } },
      handler: async (_, context) => {
        await own.bothHere();
        const spawned = await context.spawn({ task: child, params: {}, concurrency: key });
        return context.awaitTask<number>(spawned.taskId);
      },
    });
    const connectionString = database.url;
    const client = new AbsurdClient(database.pool(), { tasks: [parent, child] });
    const running = await startWorker({ connectionString, tasks: [parent, child], concurrency: 4 });
    try {
      const ids = await Promise.all(
        [1, 2].map(async (side) => (await client.spawn(parent, { side })).taskId),
      );
      const tasks = await client.awaitTasks(ids);
      assert.deepEqual(
        tasks.map((each) => each.result),
        [1, 1],
      );
      const { rows } = await db.query<{ tag: string }>(
        "select distinct error ->> 'tag' as tag from absurd.attempt",
      );
      assert.deepEqual(rows, [{ tag: "AwaitCycle" }]);
    } finally {
      await running.stop();
    }
  });
});

/** Two attempts that go on when both have come; who comes later goes on at once. */
function freshPair(): { bothHere(): Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  let count = 0;
  return {
    bothHere: () => {
      if (++count === 2) resolve(undefined);
      return promise;
    },
  };
}

async function uuids(rows: readonly sqlWorker.ClaimRow[]): Promise<string[]> {
  const ids: string[] = [];
  for (const row of rows) ids.push(await uuid(db, row));
  return ids;
}
