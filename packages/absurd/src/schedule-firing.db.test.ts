/** Schedules under rivals, deaths and refusals. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";
import { z } from "zod";

import { freshDatabase, setClock, sqlWorker, until } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { LeaderDeposed } from "./errors.ts";
import { fireDueSchedules } from "./schedule-firing.ts";
import { FIRE_AT } from "./scheduled-spawn.ts";
import { defineTask } from "./task.ts";
import {
  currentTerm,
  fireAfterDeath,
  fireAsRivals,
  rethrow,
  setUpSchedules,
  statuses,
} from "./testing/schedule-stage.ts";
import { startWorker } from "./worker.ts";
import { fieldIs } from "./task-filter.ts";

const { claim, cycle, maintain, spawn, task } = sqlWorker;
const database = freshDatabase();

describe("when several would fire, an instant", () => {
  test("is fired once: of two leaders one waits and then finds it done", async () => {
    const stage = await setUpSchedules(database);
    await stage.create({ overlap: "allow" });
    assert.equal(await fireAsRivals(stage, database), 0);
    assert.deepEqual(await statuses(stage.db), ["pending"]);
  });

  test("is fired by the next leader when the first died before its commit", async () => {
    const stage = await setUpSchedules(database);
    await stage.create({ overlap: "allow" });
    await fireAfterDeath(stage, database);
    assert.deepEqual(await stage.fires(), ["12:01:00 spawned"]);
    assert.deepEqual(await statuses(stage.db), ["pending"]);
  });

  test("is not fired under a term that is over, nor from a schedule that changed", async () => {
    const stage = await setUpSchedules(database);
    await stage.create({ overlap: "allow" });
    await setClock(stage.db, "2026-03-01T12:01:00Z");
    await maintain(stage.db, stage.worker);
    const old = String(Number(await currentTerm(stage.db)) - 1);
    await assert.rejects(fireDueSchedules(stage.db, old, rethrow), LeaderDeposed);

    const { rows } = await stage.db.query<{ fired: number | null }>(
      `select absurd.fire_schedule($1, schedule_id, revision - 1, array[absurd.clock()], null, null,
                                   absurd.clock(), null) as fired from absurd.schedule`,
      [await currentTerm(stage.db)],
    );
    assert.deepEqual(rows, [{ fired: null }]);
    assert.deepEqual(await statuses(stage.db), []);
  });

  test("still to come is refused, whatever the clock of the leader's machine says", async () => {
    const stage = await setUpSchedules(database);
    await stage.create();
    await maintain(stage.db, stage.worker);
    await assert.rejects(
      stage.db.query(
        `select absurd.fire_schedule($1, schedule_id, revision,
                  array[absurd.clock() + interval '1 s'], null, null, absurd.clock(), null)
           from absurd.schedule`,
        [await currentTerm(stage.db)],
      ),
      { code: "WF033" },
    );
  });
});

describe("a worker that leads", () => {
  test("fires schedules as they come, to their number", async () => {
    const stage = await setUpSchedules(database);
    await setClock(stage.db, null);
    await stage.db.query("update absurd.control set expires_at = '-infinity'");
    const ticking = defineTask({
      name: "ticking",
      params: z.strictObject({ at: z.iso.datetime() }),
      handler: ({ at }) => ({ at }),
    });
    const worker = await startWorker({ connectionString: database.url, tasks: [ticking] });
    try {
      await stage.create({
        spec: { everySeconds: 0.3 },
        spawn: { task: ticking, params: { at: FIRE_AT } },
        overlap: "allow",
        remaining: 3,
      });
      const client = new AbsurdClient(stage.db);
      const done = await until(
        async () => {
          const { tasks } = await client.list({
            conditions: [fieldIs("name", "ticking"), fieldIs("status", "completed")],
          });
          return tasks.length === 3
            ? client.awaitTasks(tasks.map((each) => each.taskId))
            : undefined;
        },
        { what: "three firings completed" },
      );
      assert.equal(new Set(done.map((each) => JSON.stringify(each.result))).size, 3);
      assert.equal((await stage.schedules.show("s")).remaining, 0);
    } finally {
      await worker.stop({ graceSeconds: 0 });
    }
  });
});

describe("a schedule that cannot be fired", () => {
  test("keeps its error, is tried again a minute later, and holds up no other", async () => {
    const stage = await setUpSchedules(database);
    await stage.create({ name: "a", spawn: { task: "noop", dependsOn: [] } });
    await stage.create();
    await stage.db.query(
      `update absurd.schedule set spawn = '{"task_name": "gone"}' where name = 'a'`,
    );
    const errors: unknown[] = [];
    await setClock(stage.db, "2026-03-01T12:01:00Z");
    await maintain(stage.db, stage.worker);
    const term = await currentTerm(stage.db);
    await fireDueSchedules(stage.db, term, (error) => errors.push(error));
    assert.equal(errors.length, 1);
    assert.match((await stage.schedules.show("a")).error!, /"gone" is not registered/);
    assert.deepEqual(await stage.fires(), ["12:01:00 spawned"]);

    await stage.db.query(
      `update absurd.schedule set spawn = '{"task_name": "noop"}', overlap = 'allow'
        where name = 'a'`,
    );
    await stage.tick("12:02:00");
    const fires = await stage.schedules.fires("a");
    assert.deepEqual(
      fires.map((each) => each.state),
      ["spawned", "spawned"],
    );
    assert.equal((await stage.schedules.show("a")).error, null);
  });

  test("because it was written in SQL and is none is listed with its error", async () => {
    const stage = await setUpSchedules(database);
    await stage.db.query(
      `select absurd.create_schedule('{"name": "s", "spec": {"cron": "what"},
                                       "spawn": {"task_name": "noop"}}')`,
    );
    const errors: unknown[] = [];
    await fireDueSchedules(stage.db, "0", (error) => errors.push(error));
    assert.equal(errors.length, 1);
    const [listed] = await stage.schedules.list();
    assert.equal(listed!.spec, null);
    assert.match(listed!.error!, /cron is "what"/);
  });
});

describe("the buffer", () => {
  test("goes past a firing whose spawn is refused", async () => {
    const stage = await setUpSchedules(database);
    await stage.create({ overlap: "bufferAll" });
    await spawn(stage.db, [task({})]);
    await stage.tick("12:01:00");
    await stage.tick("12:02:00");
    await stage.db.query(`update absurd.schedule set spawn = '{"task_name": "gone"}'`);
    const held = await claim(stage.db, stage.worker, 10);
    await cycle(stage.db, stage.worker, { done: held });
    await setClock(stage.db, "2026-03-01T12:02:30Z");
    await maintain(stage.db, stage.worker);
    assert.deepEqual(await stage.fires(), ["12:01:00 spawned", "12:02:00 failed"]);
    assert.match((await stage.schedules.fires("s"))[0]!.reason!, /not registered/);
  });
});
