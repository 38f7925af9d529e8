/** Schedules that fire a workflow of a template. */
import assert from "node:assert/strict";

import type pg from "pg";
import { describe, test } from "vitest";

import { freshDatabase, sqlWorker } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { InvalidSchedule, InvalidWorkflow, TemplateNotFound } from "./errors.ts";
import { FIRE_AT, type TemplateRequest } from "./scheduled-spawn.ts";
import type { Overlap } from "./schedule-view.ts";
import {
  type Stage,
  endOne,
  fireAfterDeath,
  fireAsRivals,
  setUpSchedules,
} from "./testing/schedule-stage.ts";

const { maintain } = sqlWorker;
const database = freshDatabase();

const NIGHT: TemplateRequest = { template: "night", params: { at: FIRE_AT, field: "3C48" } };

/** A stage with the template "night": observe, then reduce. */
async function setUp(overlap: Overlap = "allow"): Promise<Stage> {
  const stage = await setUpSchedules(database);
  await new AbsurdClient(stage.db).workflows.defineTemplate({
    name: "night",
    params: [
      { name: "at", type: "string" },
      { name: "field", type: "string", default: "3C286" },
    ],
    tasks: {
      observe: { task: "noop", params: { at: { $param: "at" }, field: { $param: "field" } } },
      reduce: { task: "noop", dependsOn: ["observe"] },
    },
  });
  await stage.create({ spawn: NIGHT, overlap });
  return stage;
}

async function workflows(db: pg.Client): Promise<{ status: string }[]> {
  const { rows } = await db.query<{ status: string }>(
    `select name, template, version, status from absurd.list_workflows() order by workflow_id`,
  );
  return rows;
}

describe("a schedule with a template", () => {
  test("spawns one workflow an instant, with typed params and the instant", async () => {
    const stage = await setUp();
    await stage.tick("12:01:00");
    await stage.tick("12:01:00");
    await stage.tick("12:02:00");

    assert.deepEqual(await stage.fires(), ["12:01:00 spawned", "12:02:00 spawned"]);
    const night = { name: "night", template: "night", version: 1, status: "running" };
    assert.deepEqual(await workflows(stage.db), [night, night]);
    const { rows } = await stage.db.query(
      `select n.name, t.params, t.correlation_id from absurd.fire f
         join absurd.workflow_node n on n.workflow_id = f.workflow_id
         join absurd.tasks t on t.task_number = n.task_id
        where f.fire_at = '2026-03-01T12:01:00Z' order by n.name`,
    );
    const correlation_id = "s@2026-03-01T12:01:00.000Z";
    assert.deepEqual(rows, [
      {
        name: "observe",
        params: { at: "2026-03-01T12:01:00.000Z", field: "3C48" },
        correlation_id,
      },
      { name: "reduce", params: {}, correlation_id },
    ]);
    const [fire] = await stage.schedules.fires("s", 1);
    assert.equal(fire!.taskId, null);
    assert.match(fire!.workflowId!, /^[0-9a-f-]{36}$/);
  });

  test("takes the newest version at each firing, or the one that it names", async () => {
    const stage = await setUp();
    await stage.create({
      name: "pinned",
      spawn: { ...NIGHT, version: 1, name: "first", tags: ["a"] },
      overlap: "allow",
    });
    await new AbsurdClient(stage.db).workflows.defineTemplate({
      name: "night",
      params: [
        { name: "at", type: "string" },
        { name: "field", type: "string" },
      ],
      tasks: { all: { task: "noop" } },
    });
    await stage.tick("12:01:00");
    const { rows } = await stage.db.query(
      "select name, version, tags from absurd.list_workflows() order by name",
    );
    assert.deepEqual(rows, [
      { name: "first", version: 1, tags: ["a"] },
      { name: "night", version: 2, tags: null },
    ]);
  });

  test("fires an instant once: of two leaders one waits and then finds it done", async () => {
    const stage = await setUp();
    assert.equal(await fireAsRivals(stage, database), 0);
    assert.equal((await workflows(stage.db)).length, 1);
  });

  test("fires an instant once, when the first leader died before its commit", async () => {
    const stage = await setUp();
    await fireAfterDeath(stage, database);
    assert.deepEqual(await stage.fires(), ["12:01:00 spawned"]);
    assert.equal((await workflows(stage.db)).length, 1);
  });

  test("buffers until the last node of the workflow before has ended", async () => {
    const stage = await setUp("bufferAll");
    await stage.tick("12:01:00");
    await stage.tick("12:02:00");
    await endOne(stage);
    await maintain(stage.db, stage.worker);
    assert.deepEqual(await stage.fires(), ["12:01:00 spawned", "12:02:00 buffered"]);
    await endOne(stage);
    await maintain(stage.db, stage.worker);
    assert.deepEqual(await stage.fires(), ["12:01:00 spawned", "12:02:00 spawned"]);
  });

  test("cancels the workflow before when it is to", async () => {
    const stage = await setUp("cancelOther");
    await stage.tick("12:01:00");
    await stage.tick("12:02:00");
    assert.deepEqual(await stage.fires(), ["12:01:00 spawned", "12:02:00 spawned"]);
    assert.deepEqual(
      (await workflows(stage.db)).map((each) => each.status),
      ["cancelled", "running"],
    );
  });

  test("spreads the start by jitter: the nodes that wait for no other come later", async () => {
    const stage = await setUp();
    await stage.create({ name: "late", spawn: NIGHT, jitterSeconds: 30, overlap: "allow" });
    await stage.tick("12:01:00");
    const { rows } = await stage.db.query<{ name: string; late: number }>(
      `select n.name, extract(epoch from t.available_at - f.fire_at)::float8 as late
         from absurd.schedule s join absurd.fire f on f.schedule_id = s.schedule_id
         join absurd.workflow_node n on n.workflow_id = f.workflow_id
         join absurd.tasks t on t.task_number = n.task_id
        where s.name = 'late' order by n.name`,
    );
    const { rows: expected } = await stage.db.query<{ late: number }>(
      `select absurd.schedule_jitter(f.schedule_id, f.fire_at, 30) as late
         from absurd.schedule s join absurd.fire f on f.schedule_id = s.schedule_id
        where s.name = 'late'`,
    );
    assert.ok(expected[0]!.late > 0);
    assert.ok(Math.abs(rows[0]!.late - expected[0]!.late) < 1e-5, JSON.stringify(rows));
  });

  test("is triggered and backfilled like any other", async () => {
    const stage = await setUp();
    await stage.schedules.pause("s");
    assert.match((await stage.schedules.trigger("s")).workflowId!, /-/);
    const range = { from: new Date("2026-03-01T11:58:00Z"), to: new Date("2026-03-01T11:59:00Z") };
    assert.equal((await stage.schedules.backfill("s", range, "allow")).length, 2);
    assert.equal((await stage.schedules.backfill("s", range, "allow")).length, 0);
    assert.equal((await workflows(stage.db)).length, 3);
  });

  test("is refused when the template is unknown or its params do not fit", async () => {
    const stage = await setUp();
    const cases: readonly [object, new (...args: never[]) => Error, RegExp][] = [
      [{ template: "day" }, TemplateNotFound, /no template "day"/],
      [{ ...NIGHT, version: 7 }, TemplateNotFound, /of version 7/],
      [{ ...NIGHT, params: {} }, InvalidWorkflow, /parameter "at" is missing/],
      [{ ...NIGHT, params: { at: 7 } }, InvalidWorkflow, /parameter "at" is 7, expected string/],
      [{ ...NIGHT, task: "noop" }, InvalidSchedule, /nrecognized key.*task/],
      [{ ...NIGHT, version: 0 }, InvalidSchedule, /^spawn\.version/],
    ];
    for (const [spawn, Refusal, message] of cases) {
      await assert.rejects(
        stage.create({ name: "refused", spawn: spawn as TemplateRequest }),
        (error: Error) => {
          assert.match(error.message, message);
          return error instanceof Refusal;
        },
      );
    }
    await assert.rejects(
      stage.db.query(
        `select absurd.create_schedule('{"name": "both", "spec": {"every_seconds": 60},
           "spawn": {"task_name": "noop", "template": "night"}}')`,
      ),
      { code: "WF031", message: /names task "noop" and template "night"/ },
    );
  });
});
