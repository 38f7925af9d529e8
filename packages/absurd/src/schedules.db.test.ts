/** Promises of schedules: the leader's rounds are called by hand, and the test moves the clock. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";
import { z } from "zod";

import { freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

import { InvalidParams, InvalidSchedule, ScheduleNotFound, UnknownTaskName } from "./errors.ts";
import { fireDueSchedules } from "./schedule-firing.ts";
import { FIRE_AT } from "./scheduled-spawn.ts";
import type { Overlap } from "./schedule-view.ts";
import { defineTask } from "./task.ts";
import {
  type Stage,
  currentTerm,
  endOne,
  rethrow,
  setUpSchedules,
  statuses,
} from "./testing/schedule-stage.ts";

const { claim, cycle, maintain } = sqlWorker;
const database = freshDatabase();

describe("a schedule", () => {
  test("spawns one task an instant and tells it the instant", async () => {
    const stage = await setUpSchedules(database);
    await stage.create({
      overlap: "allow",
      spawn: { task: "noop", params: { at: FIRE_AT, field: "3C48" }, tags: ["nightly"] },
    });
    await stage.tick("12:00:30");
    assert.deepEqual(await stage.fires(), []);
    await stage.tick("12:01:00");
    await stage.tick("12:01:00");
    await stage.tick("12:02:10");

    assert.deepEqual(await stage.fires(), ["12:01:00 spawned", "12:02:00 spawned"]);
    const { rows } = await stage.db.query(
      "select params, correlation_id, tags from absurd.tasks order by task_number",
    );
    const at = (minute: number): object => ({
      params: { at: `2026-03-01T12:0${minute}:00.000Z`, field: "3C48" },
      correlation_id: `s@2026-03-01T12:0${minute}:00.000Z`,
      tags: ["nightly"],
    });
    assert.deepEqual(rows, [at(1), at(2)]);
    assert.equal((await stage.schedules.show("s")).nextAt?.toISOString().slice(11, 16), "12:03");
  });

  test("of a zone fires by its clock, through a gap and a fold", async () => {
    const stage = await setUpSchedules(database);
    await setClock(stage.db, "2026-03-07T12:00:00Z");
    await stage.create({
      spec: { cron: "30 2 * * *", timeZone: "America/New_York" },
      overlap: "allow",
    });
    const preview = await stage.schedules.preview("s", 3);
    assert.deepEqual(
      preview.map((each) => each.toISOString()),
      ["2026-03-08T07:00:00.000Z", "2026-03-09T06:30:00.000Z", "2026-03-10T06:30:00.000Z"],
    );
    await setClock(stage.db, "2026-03-08T07:00:00Z");
    await maintain(stage.db, stage.worker);
    await fireDueSchedules(stage.db, await currentTerm(stage.db), rethrow);
    assert.deepEqual(await stage.fires(), ["07:00:00 spawned"]);
  });

  test("catches up with what an outage left inside its window and notes the rest", async () => {
    const stage = await setUpSchedules(database);
    await stage.create({ overlap: "allow", catchUpSeconds: 120 });
    await stage.tick("12:10:30");

    assert.deepEqual(await stage.fires(), [
      "12:01:00 missed",
      "12:09:00 spawned",
      "12:10:00 spawned",
    ]);
    const [missed] = (await stage.schedules.fires("s")).reverse();
    assert.equal(missed!.missedBefore?.toISOString(), "2026-03-01T12:09:00.000Z");
  });

  test("fires only the last missed instant when so asked", async () => {
    const stage = await setUpSchedules(database);
    await stage.create({ overlap: "allow", catchUp: "last" });
    await stage.tick("12:10:30");
    assert.deepEqual(await stage.fires(), ["12:01:00 missed", "12:10:00 spawned"]);
  });

  test("does not fire while paused, and what passed meanwhile never was", async () => {
    const stage = await setUpSchedules(database);
    await stage.create();
    await stage.schedules.pause("s", "dish under repair");
    await stage.tick("12:05:00");
    assert.equal((await stage.schedules.show("s")).note, "dish under repair");
    await stage.schedules.resume("s", "repaired");
    await stage.tick("12:05:30");
    await stage.tick("12:06:00");
    assert.deepEqual(await stage.fires(), ["12:06:00 spawned"]);
  });

  test("keeps to its start, its end and its number of firings", async () => {
    const stage = await setUpSchedules(database);
    const at = (time: string): Date => new Date(`2026-03-01T${time}Z`);
    await stage.create({ overlap: "allow", startsAt: at("12:02:00"), endsAt: at("12:04:00") });
    await stage.tick("12:09:00");
    assert.deepEqual(await stage.fires(), [
      "12:02:00 spawned",
      "12:03:00 spawned",
      "12:04:00 spawned",
    ]);
    assert.equal((await stage.schedules.show("s")).nextAt, null);

    await stage.schedules.create(
      {
        name: "s",
        spec: { everySeconds: 30 },
        spawn: { task: "noop" },
        overlap: "allow",
        remaining: 2,
      },
      { replace: true },
    );
    await stage.tick("12:12:00");
    assert.equal((await stage.fires()).length, 5);
    assert.equal((await stage.schedules.show("s")).nextAt, null);
  });

  test("spreads its tasks by jitter, the same for the same instant", async () => {
    const stage = await setUpSchedules(database);
    await stage.create({ overlap: "allow", jitterSeconds: 30 });
    await stage.tick("12:03:00");
    const { rows } = await stage.db.query<{ late: number }>(
      `select extract(epoch from t.available_at - f.fire_at)::float8 as late
         from absurd.fire f join absurd.task t on t.id = f.task_id order by f.fire_at`,
    );
    const lates = rows.map((row) => row.late);
    assert.equal(lates.length, 3);
    assert.equal(new Set(lates).size, 3);
    assert.ok(lates.every((late) => late >= 0 && late < 30));
    const { rows: again } = await stage.db.query<{ late: number }>(
      `select round(absurd.schedule_jitter(schedule_id, fire_at, 30)::numeric, 6)::float8 as late
         from absurd.fire order by fire_at`,
    );
    assert.deepEqual(
      again.map((row) => row.late),
      lates,
    );
  });
});

describe("when a firing comes before the last one's task has ended, a schedule", () => {
  async function during(overlap: Overlap): Promise<Stage> {
    const stage = await setUpSchedules(database);
    await stage.create({ overlap });
    await stage.tick("12:01:00");
    assert.equal((await claim(stage.db, stage.worker, 1)).length, 1);
    await stage.tick("12:02:00");
    await stage.tick("12:03:00");
    return stage;
  }

  async function endAllOpen({ db, worker }: Stage): Promise<void> {
    const { rows } = await db.query<sqlWorker.ClaimRow>(
      "select task_id, claim_no, lane_id, '0' as seq from absurd.lease",
    );
    await cycle(db, worker, { done: rows });
  }

  test("that skips leaves it out", async () => {
    const stage = await during("skip");
    await endAllOpen(stage);
    await stage.tick("12:04:00");
    assert.deepEqual(await stage.fires(), [
      "12:01:00 spawned",
      "12:02:00 skipped",
      "12:03:00 skipped",
      "12:04:00 spawned",
    ]);
  });

  test("that buffers one keeps the first and spawns it when the task ended", async () => {
    const stage = await during("bufferOne");
    assert.deepEqual((await stage.fires()).slice(1), ["12:02:00 buffered", "12:03:00 skipped"]);
    await endAllOpen(stage);
    await stage.tick("12:03:10");
    assert.deepEqual((await stage.fires()).slice(1), ["12:02:00 spawned", "12:03:00 skipped"]);
  });

  test("that buffers all spawns one after the other", async () => {
    const stage = await during("bufferAll");
    assert.deepEqual((await stage.fires()).slice(1), ["12:02:00 buffered", "12:03:00 buffered"]);
    await endAllOpen(stage);
    await stage.tick("12:03:10");
    await stage.tick("12:03:11");
    assert.deepEqual((await stage.fires()).slice(1), ["12:02:00 spawned", "12:03:00 buffered"]);
    await endOne(stage);
    await stage.tick("12:03:20");
    assert.deepEqual((await stage.fires()).slice(1), ["12:02:00 spawned", "12:03:00 spawned"]);
  });

  test("that cancels others stops the running task and spawns the latest firing", async () => {
    const stage = await setUpSchedules(database);
    await stage.create({ overlap: "cancelOther" });
    await stage.tick("12:01:00");
    await claim(stage.db, stage.worker, 1);
    await stage.tick("12:02:00");
    await setClock(stage.db, "2026-03-01T12:02:01Z");
    await stage.schedules.trigger("s");
    assert.deepEqual((await stage.fires()).slice(1), ["12:02:00 skipped", "12:02:01 buffered"]);
    const { rows } = await stage.db.query<{ kind: string }>("select kind from absurd.signal");
    assert.deepEqual(rows, [{ kind: "cancel" }]);
    await stage.tick("12:02:11"); // past the worker's grace
    await stage.tick("12:02:12");
    assert.deepEqual(await statuses(stage.db), ["cancelled", "pending"]);
    await stage.tick("12:03:00"); // the pending one did not begin: replaced at once
    assert.deepEqual(await statuses(stage.db), ["cancelled", "cancelled", "pending"]);
  });

  test("that allows overlaps spawns it", async () => {
    const stage = await during("allow");
    assert.equal((await statuses(stage.db)).length, 3);
  });
});

describe("by hand, a schedule", () => {
  test("is triggered, also when it is paused, by its overlap policy or another", async () => {
    const stage = await setUpSchedules(database);
    await stage.create({ paused: true });
    const first = await stage.schedules.trigger("s");
    const second = await stage.schedules.trigger("s");
    const third = await stage.schedules.trigger("s", "allow");
    assert.deepEqual([first.state, second.state, third.state], ["spawned", "skipped", "spawned"]);
    assert.equal((await statuses(stage.db)).length, 2);
  });

  test("is backfilled over a range, leaving out what has its task", async () => {
    const stage = await setUpSchedules(database);
    await stage.create({ overlap: "allow", catchUpSeconds: 60 });
    await stage.tick("12:05:30");
    assert.deepEqual(await stage.fires(), ["12:01:00 missed", "12:05:00 spawned"]);
    const range = { from: new Date("2026-03-01T12:01Z"), to: new Date("2026-03-01T12:05Z") };
    assert.equal((await stage.schedules.backfill("s", range, "allow")).length, 4);
    assert.equal((await stage.schedules.backfill("s", range, "allow")).length, 0);
    assert.equal((await statuses(stage.db)).length, 5);
    await assert.rejects(
      stage.schedules.backfill("s", { from: range.from, to: new Date("2026-03-01T13:00Z") }),
      InvalidSchedule,
    );
  });

  test("is deleted, its tasks stay", async () => {
    const stage = await setUpSchedules(database);
    await stage.create();
    await stage.schedules.trigger("s");
    await stage.schedules.delete("s");
    assert.deepEqual(await stage.schedules.list(), []);
    assert.equal((await statuses(stage.db)).length, 1);
    for (const act of [
      () => stage.schedules.show("s"),
      () => stage.schedules.pause("s"),
      () => stage.schedules.trigger("s"),
      () => stage.schedules.delete("s"),
    ]) {
      await assert.rejects(act(), ScheduleNotFound);
    }
  });

  test("is refused with what is wrong with it", async () => {
    const stage = await setUpSchedules(database);
    const strict = defineTask({ name: "strict", params: z.strictObject({ at: z.iso.datetime() }) });
    await stage.create();
    await assert.rejects(stage.create(), InvalidSchedule);
    await assert.rejects(
      stage.create({ name: "t", spawn: { task: "no-such-task" } }),
      UnknownTaskName,
    );
    await assert.rejects(
      stage.create({ name: "t", spawn: { task: strict, params: { at: 3 } } }),
      InvalidParams,
    );
    await assert.rejects(stage.create({ name: "t", catchUpSeconds: 1 }), /catchUpSeconds is 1/);
    await stage.create({ name: "t", spawn: { task: strict, params: { at: FIRE_AT } } });
  });
});

describe("a change of a schedule", () => {
  test("leaves what it does not name, and null gives a field its default", async () => {
    const stage = await setUpSchedules(database);
    await stage.create({
      overlap: "allow",
      note: "look at 3C48",
      jitterSeconds: 5,
      spawn: { task: "noop", params: { field: "3C48" }, priority: 3, maxRetries: 1 },
    });
    const changed = await stage.schedules.update("s", {
      jitterSeconds: null,
      remaining: 7,
      spawn: { params: { field: "3C147" }, maxRetries: null },
    });
    assert.deepEqual(
      [changed.overlap, changed.note, changed.jitterSeconds, changed.remaining],
      ["allow", "look at 3C48", 0, 7],
    );
    const { params, priority, max_retries: maxRetries } = changed.spawn;
    assert.deepEqual([params, priority, maxRetries], [{ field: "3C147" }, 3, undefined]);
    await assert.rejects(stage.schedules.update("nothing", {}), ScheduleNotFound);
    await assert.rejects(
      stage.schedules.update("s", { spawn: { task: "no-such" } }),
      UnknownTaskName,
    );
  });

  test("of other things than the spec keeps instants that are due", async () => {
    const stage = await setUpSchedules(database);
    await stage.create({ overlap: "allow" });
    await setClock(stage.db, "2026-03-01T12:01:30Z");
    await stage.schedules.update("s", { note: "later" });
    await stage.tick("12:01:30");
    assert.deepEqual(await stage.fires(), ["12:01:00 spawned"]);
    assert.equal((await stage.schedules.show("s")).lastAt?.toISOString().slice(11, 16), "12:01");
  });
});

test("the plan of a backfill names the instants that it would fire", async () => {
  const stage = await setUpSchedules(database);
  await stage.create({ overlap: "allow" });
  await stage.tick("12:01:00");
  await setClock(stage.db, "2026-03-01T12:05:00Z");
  const range = { from: new Date("2026-03-01T12:00:00Z"), to: new Date("2026-03-01T12:03:00Z") };
  const minutes = (instants: readonly Date[]): string[] =>
    instants.map((each) => each.toISOString().slice(11, 16));
  assert.deepEqual(minutes(await stage.schedules.planBackfill("s", range)), [
    "12:00",
    "12:02",
    "12:03",
  ]);
  const later = { ...range, to: new Date("2026-03-01T12:09:00Z") };
  await assert.rejects(stage.schedules.planBackfill("s", later), /still to come/);
});
