/** Contract tests of schedules. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import type { SCHEDULE_ROUTES } from "@contimg/contract";

import type { CasesOf } from "./contract-cases.ts";
import { type Stage, UNSERVED } from "./contract-stage.ts";

const SOON = "2100-01-01T00:00:00.000Z";
const LATER = "2101-01-01T00:00:00.000Z";
const noSchedule = { params: { name: "no-such" } };
const HOUR_MS = 3_600_000;

/** Far from any firing of its own. */
async function newSchedule(stage: Stage): Promise<string> {
  const name = `schedule/${randomUUID()}`;
  await stage.engine.schedules.create({
    name,
    spec: { cron: "0 3 1 1 *", timeZone: "UTC" },
    spawn: { task: "contract-add", params: { a: 1 }, queue: UNSERVED, priority: 2 },
  });
  return name;
}

export const SCHEDULE_CASES: CasesOf<typeof SCHEDULE_ROUTES> = {
  listSchedules: {
    async answers(stage) {
      const name = await newSchedule(stage);
      const { schedules } = await stage.call("listSchedules", { query: { queue_name: UNSERVED } });
      assert.ok(schedules.some((each) => each.name === name));
      const ended = await stage.call("listSchedules", { query: { state: "ended" } });
      assert.ok(!ended.schedules.some((each) => each.name === name));
    },
    problems: {},
  },
  createSchedule: {
    async answers(stage) {
      const body = {
        ...{ name: `schedule/${randomUUID()}`, description: "a look at the sky" },
        ...{ cron_expression: "0 3 * * 1-5", timezone: "America/Los_Angeles" },
        ...{ task_name: "contract-add", params: { a: 1 }, queue_name: UNSERVED, paused: true },
      };
      const schedule = await stage.call("createSchedule", { body });
      assert.equal(schedule.in_words, "weekdays at 03:00 (America/Los_Angeles)");
      assert.deepEqual([schedule.state, schedule.next_run_at], ["paused", null]);
      assert.deepEqual([schedule.task_name, schedule.params], ["contract-add", { a: 1 }]);
    },
    problems: {
      ALREADY_EXISTS: async (stage) => {
        const name = await newSchedule(stage);
        const body = { name, every_seconds: 60, task_name: "contract-add", params: { a: 1 } };
        return stage.call("createSchedule", { body });
      },
      UNKNOWN_TASK_NAME: (stage) => {
        const body = { name: randomUUID(), every_seconds: 60, task_name: "no-such" };
        return stage.call("createSchedule", { body });
      },
      NOT_FOUND: (stage) => {
        const body = { name: randomUUID(), every_seconds: 60, template_name: "no-such" };
        return stage.call("createSchedule", { body });
      },
    },
  },
  previewSchedule: {
    async answers(stage) {
      const body = { every_seconds: 3600, anchor: "2026-01-01T00:15:00Z", count: 3 };
      const { instants, in_words: words } = await stage.call("previewSchedule", { body });
      assert.deepEqual(
        instants.map((each) => each.slice(14)),
        Array(3).fill("15:00.000Z"),
      );
      assert.match(words, /^every hour/);
    },
    problems: {},
  },
  getSchedule: {
    async answers(stage) {
      const params = { name: await newSchedule(stage) };
      const schedule = await stage.call("getSchedule", { params });
      assert.equal(schedule.in_words, "every year on January 1 at 03:00 (UTC)");
      assert.deepEqual([schedule.priority, schedule.last_run_at], [2, null]);
      assert.match(schedule.next_run_at ?? "", /-01-01T03:00:00/);
    },
    problems: { NOT_FOUND: (stage) => stage.call("getSchedule", noSchedule) },
  },
  updateSchedule: {
    async answers(stage) {
      const params = { name: await newSchedule(stage) };
      const timing = { timezone: "Europe/Berlin", params: { a: 2 }, remaining: 5 };
      const changed = await stage.call("updateSchedule", { params, body: timing });
      assert.equal(changed.in_words, "every year on January 1 at 03:00 (Europe/Berlin)");
      assert.deepEqual([changed.params, changed.remaining], [{ a: 2 }, 5]);
      assert.deepEqual([changed.priority, changed.task_name], [2, "contract-add"]);
      const pause = { state: "paused" as const, description: "no dish", reason: "repair" };
      const paused = await stage.call("updateSchedule", { params, body: pause });
      assert.deepEqual([paused.state, paused.description], ["paused", "no dish"]);
      const active = await stage.call("updateSchedule", { params, body: { state: "active" } });
      assert.deepEqual([active.state, active.remaining], ["active", 5]);
      const every = await stage.call("updateSchedule", { params, body: { every_seconds: 1e6 } });
      assert.deepEqual([every.cron_expression, every.every_seconds], [null, 1e6]);
      const settings = { description: "a", timeout_sec: 9, max_retries: 2, starts_at: SOON };
      const set = { ...settings, ends_at: LATER, remaining: 5, queue_name: UNSERVED };
      const none = Object.fromEntries(Object.keys(set).map((key) => [key, null]));
      const full = await stage.call("updateSchedule", { params, body: set });
      assert.deepEqual({ ...full, ...set }, full);
      const cleared = await stage.call("updateSchedule", { params, body: none });
      assert.deepEqual({ ...cleared, ...none }, cleared);
    },
    problems: {
      NOT_FOUND: (stage) => stage.call("updateSchedule", { ...noSchedule, body: {} }),
      UNKNOWN_TASK_NAME: async (stage) => {
        const params = { name: await newSchedule(stage) };
        return stage.call("updateSchedule", { params, body: { task_name: "no-such" } });
      },
    },
  },
  deleteSchedule: {
    async answers(stage) {
      const params = { name: await newSchedule(stage) };
      await stage.call("deleteSchedule", { params });
      await assert.rejects(stage.engine.schedules.show(params.name));
    },
    problems: { NOT_FOUND: (stage) => stage.call("deleteSchedule", noSchedule) },
  },
  triggerSchedule: {
    async answers(stage) {
      const params = { name: await newSchedule(stage) };
      const firing = await stage.call("triggerSchedule", { params });
      assert.deepEqual([firing.origin, firing.state], ["trigger", "spawned"]);
      const task = await stage.engine.show(firing.task_id ?? "");
      assert.deepEqual([task.queue, task.params], [UNSERVED, { a: 1 }]);
      assert.ok((await stage.call("getSchedule", { params })).last_run_at);
    },
    problems: { NOT_FOUND: (stage) => stage.call("triggerSchedule", noSchedule) },
  },
  listNextFirings: {
    async answers(stage) {
      const params = { name: await newSchedule(stage) };
      const { instants } = await stage.call("listNextFirings", { params, query: { count: 2 } });
      const years = instants.map((each) => Number(each.slice(0, 4)));
      assert.equal((years[1] ?? 0) - (years[0] ?? 0), 1);
    },
    problems: { NOT_FOUND: (stage) => stage.call("listNextFirings", noSchedule) },
  },
  listFirings: {
    async answers(stage) {
      const params = { name: await newSchedule(stage) };
      await stage.engine.schedules.trigger(params.name);
      const { firings } = await stage.call("listFirings", { params });
      assert.deepEqual(
        firings.map((each) => each.origin),
        ["trigger"],
      );
    },
    problems: { NOT_FOUND: (stage) => stage.call("listFirings", noSchedule) },
  },
  backfillSchedule: {
    async answers(stage) {
      const name = await newSchedule(stage);
      const params = { name };
      await stage.engine.schedules.update(name, { spec: { everySeconds: 3600 } });
      const to = Math.floor(Date.now() / HOUR_MS - 1) * HOUR_MS;
      const body = {
        from: new Date(to - 2 * HOUR_MS).toISOString(),
        to: new Date(to).toISOString(),
        overlap: "allow" as const,
      };
      const dry = { params, body, query: { dry_run: "true" as const } };
      const plan = await stage.call("backfillSchedule", dry);
      assert.deepEqual([plan.instants.length, plan.firings.length], [3, 0]);
      assert.deepEqual(await stage.engine.schedules.fires(name), []);
      const done = await stage.call("backfillSchedule", { params, body });
      assert.deepEqual(
        done.firings.map((each) => each.fire_at),
        plan.instants,
      );
      assert.deepEqual((await stage.call("backfillSchedule", dry)).instants, []);
    },
    problems: {
      NOT_FOUND: (stage) => {
        const body = { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" };
        return stage.call("backfillSchedule", { ...noSchedule, body });
      },
    },
  },
};
