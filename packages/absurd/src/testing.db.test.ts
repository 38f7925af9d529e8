/** The testing kit, on the server of this run. */
import assert from "node:assert/strict";

import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, test } from "vitest";
import { z } from "zod";

import { TaskError, TimedOut, defineTask } from "./index.ts";
import { TasksFailed, type TestEngine, createTestEngine } from "./testing.ts";

const NOON = new Date("2026-03-01T12:00:00Z");

const runs: { name: string; attempt: number; fence: string }[] = [];

const echo = defineTask({
  name: "echo",
  params: z.strictObject({ text: z.string() }),
  handler({ text }, context) {
    runs.push({ name: "echo", attempt: context.attempt, fence: context.fence });
    return { text };
  },
});

const parent = defineTask({
  name: "parent",
  params: z.strictObject({ queue: z.string() }),
  async handler({ queue }, context) {
    await context.spawn({ task: echo, params: { text: "child" }, queue });
  },
});

const flaky = defineTask({
  name: "flaky",
  params: z.strictObject({ class: z.enum(["retryable", "fatal"]) }),
  handler(params, context) {
    if (context.attempt === 1) throw new TaskError(params.class, "not today");
    return { attempt: context.attempt };
  },
});

const endless = defineTask({
  name: "endless",
  params: z.strictObject({}),
  timeoutSeconds: 0.1,
  handler: (_, context) =>
    new Promise<never>((_resolve, reject) => {
      context.signal.addEventListener("abort", () => {
        reject(context.signal.reason as Error);
      });
    }),
});

let engine: TestEngine;

beforeAll(async () => {
  engine = await createTestEngine({
    tasks: [echo, parent, flaky, endless],
    connectionString: process.env["ABSURD_TEST_ADMIN_URL"]!,
  });
});
afterAll(() => engine.close());

beforeEach(() => {
  engine.setTime(NOON);
  runs.length = 0;
});

describe("the clock of a test engine", () => {
  test("stands where it was set, in every session, until it is moved or given back", async () => {
    assert.deepEqual(await engine.now(), NOON);

    await engine.advance({ seconds: 90 });
    const session = new pg.Client(engine.connectionString);
    await session.connect();
    const { rows } = await session.query<{ now: Date }>("select absurd.clock() as now");
    await session.end();
    assert.equal(rows[0]!.now.toISOString(), "2026-03-01T12:01:30.000Z");

    engine.setTime(null);
    assert.ok(Math.abs((await engine.now()).getTime() - Date.now()) < 60_000);
  });

  test("brings a delayed task to its hour and a failed one to its second attempt", async () => {
    const late = await engine.client.spawn(echo, { text: "late" }, { delaySeconds: 3600 });
    const again = await engine.client.spawn(flaky, { class: "retryable" });

    const first = await engine.drain();
    assert.deepEqual([first.completedCount, first.deferredCount], [0, 2]);
    assert.deepEqual(runs, []);

    await engine.advance({ seconds: 3599 });
    assert.equal((await engine.drain()).completedCount, 1);
    assert.deepEqual((await engine.client.show(again.taskId)).result, { attempt: 2 });

    await engine.advance({ seconds: 1 });
    await engine.drain();
    const task = await engine.client.show(late.taskId);
    assert.equal(task.status, "completed");
    assert.equal(task.completedAt!.toISOString(), "2026-03-01T13:00:00.000Z");
  });

  test("fires the schedules that it passes", async () => {
    await engine.client.schedules.create({
      name: "hourly",
      spec: { everySeconds: 3600 },
      spawn: { task: echo, params: { text: "tick" } },
    });
    await engine.drain();
    runs.length = 0;

    await engine.advance({ seconds: 3600 });
    await engine.drain();

    await engine.client.schedules.delete("hourly");
    assert.equal(runs.length, 1);
  });
});

describe("draining", () => {
  test("runs what is ready, what that spawns elsewhere, and what depended on it", async () => {
    await engine.client.spawnMany([
      { task: parent, params: { queue: "elsewhere" } },
      { task: echo, params: { text: "after" }, dependsOn: [0] },
    ]);

    const report = await engine.drain();

    assert.equal(report.completedCount, 3);
    assert.equal(report.waitingCount, 0);
    assert.equal(runs.length, 2);
  });

  test("returns at once when there is nothing to do", async () => {
    assert.deepEqual(await engine.drain(), {
      completedCount: 0,
      failed: [],
      deferredCount: 0,
      waitingCount: 0,
    });
  });

  test("throws what failed for good, or returns it on request, and each only once", async () => {
    const { taskId } = await engine.client.spawn(flaky, { class: "fatal" });
    await assert.rejects(
      engine.drain(),
      (error) => error instanceof TasksFailed && /flaky .*: not today/.test(error.message),
    );
    await engine.drain();

    await engine.client.spawn(flaky, { class: "fatal" });
    const { failed } = await engine.drain({ onFailure: "return" });
    assert.equal(failed.length, 1);
    assert.notEqual(failed[0]!.taskId, taskId);
  });

  test("says what was left when its deadline passes", async () => {
    const stuck = defineTask({
      name: "stuck",
      params: z.strictObject({}),
      handler: () => new Promise<never>(() => undefined),
    });
    const other = await createTestEngine({
      tasks: [stuck],
      connectionString: process.env["ABSURD_TEST_ADMIN_URL"]!,
    });
    await other.client.spawn(stuck, {});
    await assert.rejects(
      other.drain({ deadlineSeconds: 1 }),
      /not drained within 1 s: [01] tasks ready, [01] running/,
    );
    await other.close();
  });
});

describe("waiting for a task", () => {
  test("runs it to the status asked for", async () => {
    const { taskId } = await engine.client.spawn(flaky, { class: "retryable" });
    const task = await engine.waitFor(taskId, "retrying");
    assert.equal(task.error!.message, "not today");
    await engine.client.cancel(taskId);
    await engine.waitFor(taskId, "cancelled");
  });

  test("names the place of a task that does not come by the deadline", async () => {
    const { taskId } = await engine.client.spawn(echo, { text: "" }, { delaySeconds: 60 });
    await assert.rejects(engine.waitFor(taskId, "completed", { deadlineSeconds: 0.1 }), (error) => {
      const { message } = error as Error;
      return (
        message.startsWith(`not completed within 0.1 s: task echo ${taskId} is pending`) &&
        message.includes('"place":"deferred","runAt":"2026-03-01T12:01:00.000Z"') &&
        message.endsWith("the engine's time is 2026-03-01T12:00:00.000Z")
      );
    });
    await engine.client.cancel(taskId);
  });

  test("gives up as soon as the task ended otherwise", async () => {
    const { taskId } = await engine.client.spawn(flaky, { class: "fatal" });
    await assert.rejects(
      engine.waitFor(taskId),
      /not completed, and it will not be: .* is failed after 1 attempts, last error: not today/,
    );
  });
});

describe("running a task inline", () => {
  test("gives its handler a real claim and returns the stored result", async () => {
    const bystander = await engine.client.spawn(echo, { text: "bystander" });

    assert.deepEqual(await engine.runInline(echo, { text: "hello" }), { text: "hello" });

    assert.equal(runs.length, 1);
    assert.match(runs[0]!.fence, /^[0-9a-f]+-1-\d+-[0-9a-f]+$/);
    assert.equal((await engine.client.show(bystander.taskId)).status, "pending");
    await engine.drain();
  });

  test("throws the very error of the handler, a timeout, and params that do not fit", async () => {
    await assert.rejects(engine.runInline(flaky, { class: "retryable" }), TaskError);
    await assert.rejects(engine.runInline(endless, {}), TimedOut);
    // @ts-expect-error -- on purpose: a number is no text
    await assert.rejects(engine.runInline(echo, { text: 1 }), /text/);
    await assert.rejects(
      engine.runInline({ name: "bare", params: z.strictObject({}) }, {}),
      /task bare has no handler/,
    );
  });
});
