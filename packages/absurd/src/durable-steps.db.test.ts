/** What handlers keep and say, with real workers. */
import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { freshDatabase } from "@contimg/testkit";

import { StepNotFound } from "./errors.ts";
import { type Json } from "./task.ts";
import { named, workerStage } from "./testing/worker-stage.ts";

const database = freshDatabase();
const { setup } = workerStage(database, { concurrency: 10, leaseSeconds: 20, pollSeconds: 0.1 });

describe("a step", () => {
  test("runs once: a later attempt gets what it gave", async () => {
    const calls: string[] = [];
    const task = named("replay", async (context) => {
      const a = await context.step("a", () => {
        calls.push("a");
        return { at: context.attempt, quoted: 'say "\\"' };
      });
      const nothing = await context.step("nothing", (): Json | undefined => {
        calls.push("nothing");
        return undefined;
      });
      if (context.attempt === 1) throw new Error("after the steps");
      return [a, nothing ?? "undefined"];
    });
    const { client } = await setup([task]);

    const { taskId } = await client.spawn(task, {}, { backoffSeconds: 0.02 });
    const [done] = await client.awaitTasks([taskId]);

    assert.deepEqual(done!.result, [{ at: 1, quoted: 'say "\\"' }, "undefined"]);
    assert.deepEqual(calls, ["a", "nothing"]);
    const steps = await client.steps.list(taskId);
    assert.deepEqual(
      steps.map((each) => [each.step, each.attempt, each.value]),
      [
        ["a", 1, { at: 1, quoted: 'say "\\"' }],
        ["nothing", 1, null],
      ],
    );
  });

  test("used again under its name is another step, numbered", async () => {
    const task = named("loop", async (context) => {
      const values: number[] = [];
      for (let i = 0; i < 3; i++)
        values.push(await context.step("next", () => i + context.attempt));
      if (context.attempt === 1) throw new Error("again");
      return values;
    });
    const { client } = await setup([task]);

    const { taskId } = await client.spawn(task, {}, { backoffSeconds: 0.02 });
    const [done] = await client.awaitTasks([taskId]);

    assert.deepEqual(done!.result, [1, 2, 3]);
    const steps = await client.steps.list(taskId);
    assert.deepEqual(
      steps.map((each) => each.step),
      ["next", "next#2", "next#3"],
    );
  });

  test("that throws is tried again in place when it says so, and is not kept", async () => {
    let tries = 0;
    const task = named("stubborn", (context) =>
      context.step(
        "flaky",
        () => {
          tries += 1;
          if (tries < 3) throw new Error("not yet");
          return tries;
        },
        { retry: { maxRetries: 2, backoffSeconds: 0.001 } },
      ),
    );
    const { client } = await setup([task]);

    const { taskId } = await client.spawn(task, {});
    const [done] = await client.awaitTasks([taskId]);

    assert.deepEqual([done!.result, done!.attempt], [3, 1]);
  });

  test("whose value PostgreSQL refuses fails alone, not with those kept beside it", async () => {
    const task = named("poison", async (context) => {
      const settled = await Promise.allSettled([
        context.step("good", () => "good"),
        context.step("bad", () => "\u0000"),
        context.step("also good", () => "fine"),
      ]);
      return settled.map((each) => each.status);
    });
    const { client } = await setup([task]);

    const { taskId } = await client.spawn(task, {});
    const [done] = await client.awaitTasks([taskId]);

    assert.deepEqual(done!.result, ["fulfilled", "rejected", "fulfilled"]);
    assert.equal((await client.steps.list(taskId)).length, 2);
  });

  test("may be begun and completed apart", async () => {
    const task = named("apart", async (context) => {
      const step = await context.beginStep<number>("apart");
      const value = step.isDone ? step.value! : await context.completeStep(step, context.attempt);
      if (context.attempt === 1) throw new Error("again");
      return value;
    });
    const { client } = await setup([task]);

    const { taskId } = await client.spawn(task, {}, { backoffSeconds: 0.02 });
    const [done] = await client.awaitTasks([taskId]);

    assert.deepEqual([done!.result, done!.attempt], [1, 2]);
  });

  test("has a name that is neither empty nor the engine's nor numbered", async () => {
    const task = named("misnamed", async (context) => {
      const settled = await Promise.allSettled(
        ["", "$sleep", "a#2", "x".repeat(501)].map((name) => context.step(name, () => 1)),
      );
      return settled.map((each) => each.status);
    });
    const { client } = await setup([task]);

    const { taskId } = await client.spawn(task, {});
    const [done] = await client.awaitTasks([taskId]);

    assert.deepEqual(done!.result, Array(4).fill("rejected"));
  });

  test("of many tasks at once is kept together: few statements for many steps", async () => {
    const task = named("many", async (context) => {
      for (let i = 0; i < 5; i++) await context.step(`step ${i}`, () => i);
    });
    const { client } = await setup([task], { concurrency: 200 });
    const db = await database.connect();
    const before = await commits();

    const spawned = await client.spawnMany(Array.from({ length: 200 }, () => ({ task })));
    await client.awaitTasks(spawned.map((each) => each.taskId));

    const { rows } = await db.query<{ steps: number; instants: number }>(
      `select count(*)::integer as steps, count(distinct at)::integer as instants
         from absurd.checkpoint where name like 'step %'`,
    );
    // One statement writes at one instant.
    assert.equal(rows[0]!.steps, 1000);
    assert.ok(rows[0]!.instants < 100, `${rows[0]!.instants} statements for 1000 steps`);
    assert.ok((await commits()) - before < 1000);

    async function commits(): Promise<number> {
      const result = await db.query<{ n: string }>(
        "select xact_commit as n from pg_stat_database where datname = current_database()",
      );
      return Number(result.rows[0]!.n);
    }
  });
});

describe("a task started anew from a step", () => {
  test("keeps what came before and does the rest again", async () => {
    let isRepaired = false;
    const done: string[] = [];
    const task = named("rerun", async (context) => {
      for (const name of ["one", "two", "three"]) {
        await context.step(name, () => void done.push(name));
      }
      if (!isRepaired) throw new Error("broken");
    });
    const { client } = await setup([task]);
    const { taskId } = await client.spawn(task, {}, { maxRetries: 0 });
    await client.awaitTasks([taskId]);
    await assert.rejects(client.steps.rerunFrom(taskId, "four"), StepNotFound);

    isRepaired = true;
    await client.steps.rerunFrom(taskId, "two");
    const [ended] = await client.awaitTasks([taskId]);

    assert.equal(ended!.status, "completed");
    assert.deepEqual(done, ["one", "two", "three", "two", "three"]);
  });
});

describe("a task's log", () => {
  test("is kept with the task, attempt by attempt, to its last line", async () => {
    const task = named("talker", (context) => {
      context.log.debug({}, "not kept");
      context.log.info({ dish: 7, nul: "\u0000" }, "looking");
      context.log.warn({}, `attempt ${context.attempt} ends`);
      if (context.attempt === 1) throw new Error("again");
    });
    const { client } = await setup([task]);

    const { taskId } = await client.spawn(task, {}, { backoffSeconds: 0.02 });
    await client.awaitTasks([taskId]);
    const lines = [];
    for await (const line of client.steps.followLog(taskId)) lines.push(line);

    assert.deepEqual(
      lines.map((each) => [each.attempt, each.level, each.message]),
      [
        [1, "info", "looking"],
        [1, "warn", "attempt 1 ends"],
        [2, "info", "looking"],
        [2, "warn", "attempt 2 ends"],
      ],
    );
    assert.deepEqual(lines[0]!.fields, { dish: 7, nul: "\u0000" });
    assert.equal(lines[1]!.fields, null);
    assert.equal((await client.steps.readLog(taskId, { after: lines[1]!.line })).length, 2);
  });
});
