/** Tasks that could never go on because of what the tasks that wait for them keep. */
import assert from "node:assert/strict";

import { beforeEach, describe, test } from "vitest";

import { auditGates, freshDatabase, sqlWorker } from "@contimg/testkit";

import { KEPT, KeeperStage, onKey, onLock } from "./testing/keeper-stage.ts";

const { claim, cycle, fence, spawn, task, uuid } = sqlWorker;
const WAITS_FOR_ITSELF = { code: "WF011", message: /would wait for itself/ };

const database = freshDatabase();

let stage: KeeperStage;

beforeEach(async () => {
  stage = await KeeperStage.set(database);
});

describe("a wait that could not end is refused", () => {
  test("when all slots of a key are kept by tasks that wait for others at it", async () => {
    const one = await stage.run(onKey("disk", 2, KEPT));
    const two = await stage.run(onKey("disk", 2, KEPT));
    const [first, second] = await spawn(stage.db, [onKey("disk", 2), onKey("disk", 2)]);
    assert.equal(await stage.awaits(one, [first!.task_id]), "suspended");
    const [parentOne, parentTwo] = await stage.uuids([one, two]);
    const kept = `needs concurrency key disk, kept by noop ${parentOne}, noop ${parentTwo}`;
    const message =
      `task ${parentTwo} would wait for itself: noop ${second!.task_id} ${kept}; ` +
      `noop ${second!.task_id} is behind noop ${first!.task_id} at key disk; ` +
      `noop ${first!.task_id} ${kept}; ` +
      `noop ${parentOne} has waited for noop ${first!.task_id} since 2026-03-01T12:00:00Z`;
    await assert.rejects(stage.awaits(two, [second!.task_id]), { code: "WF011", message });
  });

  test("when a child, spawned later, needs what its waiting parent keeps", async () => {
    const parent = await stage.run(onKey("disk", 1, KEPT));
    const child = await stage.run(task({}));
    await stage.awaits(parent, [await uuid(stage.db, child)]);
    const grandchild = await stage.add(onKey("disk", 1));
    await assert.rejects(stage.awaits(child, [grandchild]), WAITS_FOR_ITSELF);
  });

  test("when what is awaited is in line behind a task that never goes in", async () => {
    const parent = await stage.run(onLock("set", KEPT));
    const holder = await stage.run(onLock("table"));
    // Needs both: first in line at the table, and never let in at the set.
    await stage.add(task({ locks: [{ name: "set" }, { name: "table" }] }));
    const child = await stage.add(onLock("table"));
    await cycle(stage.db, stage.worker, { done: [holder] });
    await assert.rejects(stage.awaits(parent, [child]), {
      code: "WF011",
      message: /is behind noop \S+ at lock table; noop \S+ needs lock set, kept by/,
    });
  });

  for (const what of ["runs", "sleeps", "waits for what can go on"]) {
    test(`but not when another holder of the key ${what}`, async () => {
      const one = await stage.run(onKey("disk", 2, KEPT));
      const two = await stage.run(onKey("disk", 2, KEPT));
      const free = await stage.add(task({}));
      if (what.startsWith("waits")) await stage.awaits(one, [free]);
      if (what === "sleeps") {
        await stage.db.query("select absurd.sleep_task($1, 60)", [
          await fence(stage.db, stage.worker, one),
        ]);
      }
      const child = await stage.add(onKey("disk", 2));
      assert.equal(await stage.awaits(two, [child]), "suspended");
      assert.equal(await stage.explained(child, "endless-wait"), undefined);
      assert.deepEqual(await stage.uuids(await stage.lead()), [free]);
    });
  }

  test("but not when one of two alternatives can come", async () => {
    const parent = await stage.run(onLock("set", KEPT));
    const stuck = await stage.add(onLock("set"));
    const free = await stage.add(task({}));
    const either = await stage.add(task({ depends_on: [{ any_of: [stuck, free] }] }));
    assert.equal(await stage.awaits(parent, [either]), "suspended");
  });

  test("nor when the awaited task may be cancelled by the end of another", async () => {
    const parent = await stage.run(onLock("set", KEPT));
    const stuck = await stage.add(onLock("set"));
    const free = await stage.add(task({}));
    const both = await stage.add(task({ depends_on: [stuck, free] }));
    assert.equal(await stage.awaits(parent, [both]), "suspended");
    assert.equal(await stage.explained(both, "endless-wait"), undefined);

    const [running] = await claim(stage.db, stage.worker, 10);
    await cycle(stage.db, stage.worker, { done: [running!] });
    assert.match((await stage.explained(both, "endless-wait"))!, /kept by noop/);
  });
});

describe("a circle that closes without a wait that could be refused", () => {
  test("is explained to each who is in it, with tasks, key and time", async () => {
    const { parents, children } = await stage.closeCircle();
    assert.equal(
      await stage.explained(parents[0]!, "endless-wait"),
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
      assert.match((await stage.explained(id, "endless-wait"))!, /needs concurrency key disk/);
    }
    const outside = await stage.add(task({}));
    assert.equal(await stage.explained(outside, "endless-wait"), undefined);
  });

  test("is broken by the leader: one goes on, its wait is refused, and all complete", async () => {
    const { parents, children } = await stage.closeCircle();
    const [victim, ...others] = await stage.lead();
    assert.equal(others.length, 0);
    assert.ok(parents.includes(await uuid(stage.db, victim!)));
    assert.equal(await stage.explained(children[0]!, "endless-wait"), undefined);
    assert.deepEqual(await stage.lead(), []);

    const own = children[parents.indexOf(await uuid(stage.db, victim!))]!;
    await assert.rejects(stage.awaits(victim!, [own]), WAITS_FOR_ITSELF);
    let running = await cycle(stage.db, stage.worker, {
      failed: [[victim!, "retryable"]],
      limit: 10,
    });
    for (let round = 0; round < 20 && running.length > 0; round++) {
      const done: sqlWorker.ClaimRow[] = [];
      for (const row of running) {
        const index = parents.indexOf(await uuid(stage.db, row));
        if (index < 0 || (await stage.awaits(row, [children[index]!])) === "ended") done.push(row);
      }
      await cycle(stage.db, stage.worker, { done });
      await auditGates(stage.db);
      await stage.pass(300);
      running = await stage.lead();
    }
    const { rows } = await stage.db.query(
      "select status, count(*)::integer as n from absurd.tasks group by status",
    );
    assert.deepEqual(rows, [{ status: "completed", n: 4 }]);
  });

  test("is found when a limit is lowered later", async () => {
    const parent = await stage.run(onKey("disk", 2, KEPT));
    const other = await stage.run(onKey("disk", 2));
    await stage.awaits(parent, [await stage.add(onKey("disk", 2))]);
    assert.deepEqual(await stage.lead(), []);
    await stage.db.query("select absurd.set_limit('key', 'disk', 1)");
    assert.deepEqual(await stage.uuids(await stage.lead()), [await uuid(stage.db, parent)]);
    await cycle(stage.db, stage.worker, { done: [other] });
  });

  test("is found in the elements of a fan-out, which are spawned later", async () => {
    const parent = await stage.run(onLock("set", KEPT));
    await stage.db.query("select absurd.spawn_workflow('each', $1)", [
      JSON.stringify([
        { node: "list", task_name: "noop" },
        { node: "all", task_name: "noop", for_each: { of: "list" }, locks: [{ name: "set" }] },
      ]),
    ]);
    const { rows } = await stage.db.query<{ id: string }>(
      "select absurd.task_uuid(task_id) as id from absurd.workflow_node where name = 'all'",
    );
    const all = rows[0]!.id;
    await stage.awaits(parent, [all]);
    const list = await stage.lead();
    assert.equal(list.length, 1);
    await cycle(stage.db, stage.worker, { done: list, results: ["[1, 2]"] });
    assert.deepEqual(await stage.uuids(await stage.lead()), [await uuid(stage.db, parent)]);
  });

  test("is not broken at who only waits for those in it", async () => {
    const grandparent = await stage.run(onLock("site", KEPT));
    const { parents } = await stage.closeCircle("disk");
    // It began to wait last.
    await stage.pass(5);
    await stage.awaits(grandparent, [parents[0]!]);
    const about = await stage.explained(await uuid(stage.db, grandparent), "endless-wait");
    assert.match(about!, /needs concurrency key disk/);
    const woken = await stage.uuids(await stage.lead());
    assert.ok(woken.length === 1 && parents.includes(woken[0]!));
  });

  test("is one of several, each of which loses one task", async () => {
    const circles = [await stage.closeCircle("disk"), await stage.closeCircle("tape")];
    const woken = await stage.uuids(await stage.lead());
    assert.equal(woken.length, 2);
    for (const { parents } of circles) {
      assert.equal(parents.filter((id) => woken.includes(id)).length, 1);
    }
  });

  test("lets its task wait for something else, and no longer for the same", async () => {
    const { parents, children } = await stage.closeCircle("disk");
    const [victim] = await stage.lead();
    const free = await stage.add(task({}));
    assert.equal(await stage.awaits(victim!, [free]), "suspended");
    const [running] = await claim(stage.db, stage.worker, 10);
    assert.equal(await uuid(stage.db, running!), free);
    assert.deepEqual(
      await stage.uuids(await cycle(stage.db, stage.worker, { done: [running!], limit: 10 })),
      [await uuid(stage.db, victim!)],
    );
    assert.equal(children.length, parents.length);
  });
});
