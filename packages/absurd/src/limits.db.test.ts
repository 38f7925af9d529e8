/** Limits as a program meets them: definitions, real workers, client.limits. */
import assert from "node:assert/strict";

import { afterEach, describe, test } from "vitest";
import { z } from "zod";

import { auditGates, freshDatabase, until } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { InvalidDemand, LimitNotFound } from "./errors.ts";
import { type AnyTask, defineTask } from "./task.ts";
import type { WorkerOptions } from "./worker-options.ts";
import { type WorkerHandle, startWorker } from "./worker.ts";

const database = freshDatabase();
const workers: WorkerHandle[] = [];

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop({ graceSeconds: 0 })));
});

describe("workers", () => {
  test("never run more of a key at once than its limit, and all in the end", async () => {
    const counted = counter("counted", { concurrency: [{ key: "counted", limit: 2 }] });
    const client = await setup([counted.task], { concurrency: 5 }, { concurrency: 5 });

    const spawned = await client.spawnMany(
      Array.from({ length: 30 }, () => ({ task: counted.task, params: {} })),
    );
    const tasks = await client.awaitTasks(spawned.map((each) => each.taskId));

    assert.ok(tasks.every((each) => each.status === "completed"));
    assert.equal(counted.most(), 2);
    assert.deepEqual(
      (await client.limits.list()).map(({ name, inUse, waiting }) => [name, inUse, waiting]),
      [["counted", 0, 0]],
    );
    await auditGates(await database.connect());
  });

  test("run together only what fits their capacity", async () => {
    const heavy = counter("heavy", { resources: { cpu: 2 } });
    const client = await setup([heavy.task], { concurrency: 10, capacity: { cpu: 5 } });

    const spawned = await client.spawnMany(
      Array.from({ length: 12 }, () => ({ task: heavy.task, params: {} })),
    );
    await client.awaitTasks(spawned.map((each) => each.taskId));

    assert.equal(heavy.most(), 2);
  });

  test("that are declared dead while they register do so again", async () => {
    const db = await database.connect();
    await db.query(`
      create sequence public.registration;
      create function public.too_slow() returns trigger language plpgsql as $$
      begin
        if nextval('public.registration') < 3 then new.gone_at := absurd.clock(); end if;
        return new;
      end $$;
      create trigger too_slow before insert on absurd.worker
        for each row execute function public.too_slow()`);

    const client = await setup([counter("plain", {}).task], { capacity: { cpu: 4 } });
    await db.query("drop function public.too_slow() cascade; drop sequence public.registration");

    const { taskId } = await client.spawn("plain", {});
    const [task] = await client.awaitTasks([taskId]);
    assert.equal(task!.status, "completed");
  });

  test("that were declared dead have no room for others until their handlers end", async () => {
    const starts: number[] = [];
    let runningCount = 0;
    let most = 0;
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const deaf = defineTask({
      name: "deaf",
      params: z.strictObject({}),
      resources: { cpu: 4 },
      async handler(_params, { attempt }) {
        starts.push(attempt);
        most = Math.max(most, ++runningCount);
        // It does not heed its signal: what it uses is in use.
        if (attempt === 1) await released;
        runningCount -= 1;
      },
    });
    const client = await setup([deaf], { concurrency: 10, capacity: { cpu: 4 } });
    const { taskId } = await client.spawn(deaf, {});
    await until(() => starts.length === 1, { what: "it runs" });

    const db = await database.connect();
    const first = workers[0]!.id;
    await db.query("update absurd.worker set epoch = epoch # 1, gone_at = absurd.clock()");
    await db.query("select absurd.recover_dead_workers(100)");
    await until(() => workers[0]!.id !== first, { what: "the worker registers again" });
    // Its first look for work is over when it has seen a task that it cannot take.
    await until(
      async () => {
        const { rows } = await db.query<{ occupied: object | null }>(
          "select occupied from absurd.worker where gone_at is null",
        );
        return rows[0]?.occupied;
      },
      { what: "it says what its old handler uses" },
    );
    assert.deepEqual(starts, [1]);
    release();

    const [task] = await client.awaitTasks([taskId]);
    assert.deepEqual([task!.status, starts, most], ["completed", [1, 2], 1]);
  });

  test("run what requires labels only where they are", async () => {
    const pinned = defineTask({
      name: "pinned",
      params: z.strictObject({}),
      labels: { required: { site: "ovro" } },
      handler: () => null,
    });
    const client = await setup([pinned], {}, { labels: { site: "ovro" } });
    const { taskId } = await client.spawn(pinned, {});
    const [done] = await client.awaitTasks([taskId]);
    assert.equal(done!.workerName, workers[1]!.name);
  });

  test("keep a rate that a spawn names", async () => {
    const starts: number[] = [];
    const rated = defineTask({
      name: "rated",
      params: z.strictObject({}),
      rate: [{ key: "api", count: 2, periodSeconds: 0.5 }],
      handler: () => {
        starts.push(performance.now());
      },
    });
    const client = await setup([rated], { concurrency: 5 });
    const spawned = await client.spawnMany(
      Array.from({ length: 6 }, () => ({ task: rated, params: {} })),
    );
    const tasks = await client.awaitTasks(spawned.map((each) => each.taskId));

    // By the database's clock, which is what the rate is kept by.
    const claimed = tasks.map((each) => each.claimedAt!.getTime()).sort((a, b) => a - b);
    for (let n = 2; n < claimed.length; n++) assert.ok(claimed[n]! - claimed[n - 2]! >= 499);
    assert.equal(starts.length, 6);
  });
});

describe("client.limits", () => {
  test("shows who is in and who waits, sets, gives back and removes", async () => {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const held = defineTask({
      name: "held",
      params: z.strictObject({}),
      handler: () => released,
    });
    const client = await setup([held], { concurrency: 5 });
    const options = { concurrency: [{ key: "disk", limit: 1 }] };
    const first = await client.spawn(held, {}, options);
    await until(async () => (await client.limits.show("disk")).holders[0]?.workerName, {
      what: "the first is claimed",
    });
    const second = await client.spawn(held, {}, options);
    const { holders, waiters } = await client.limits.show("disk");
    assert.deepEqual(
      [holders, waiters].map((users) => users.map((each) => each.taskId)),
      [[first.taskId], [second.taskId]],
    );
    assert.equal((await client.show(second.taskId)).place.place, "parked");

    await client.limits.set("disk", 2);
    await until(async () => (await client.limits.show("disk")).holders.length === 2, {
      what: "the second is let in",
    });
    const disk = (await client.limits.list()).find(({ name }) => name === "disk")!;
    assert.deepEqual([disk.limit, disk.isPinned, disk.inUse], [2, true, 2]);

    await client.limits.set("disk", null);
    await client.spawn(held, {}, options);
    await client.limits.remove("disk");
    release();
    await assert.rejects(client.limits.set("disk", null), LimitNotFound);
    await assert.rejects(client.limits.set("disk", -1), InvalidDemand);
  });

  test("tells what is wrong with a demand before anything is written", async () => {
    const client = await setup([counter("plain", {}).task]);
    await assert.rejects(
      client.spawn("plain", {}, { concurrency: [{ key: "a", limit: 0.5 }] }),
      (error) => error instanceof InvalidDemand && /limit is 0\.5, expected/.test(error.message),
    );
    await assert.rejects(startWorker(options([], { capacity: { cpu: -2 } })), InvalidDemand);
  });
});

/** A task that counts how many of it run at once in this process. */
function counter(name: string, demand: Partial<AnyTask>): { task: AnyTask; most: () => number } {
  let running = 0;
  let most = 0;
  const task = defineTask({
    ...demand,
    name,
    params: z.strictObject({}),
    handler: async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 20));
      running -= 1;
    },
  });
  return { task, most: () => most };
}

async function setup(
  tasks: readonly AnyTask[],
  ...workerOptions: Partial<WorkerOptions>[]
): Promise<AbsurdClient> {
  for (const each of workerOptions) workers.push(await startWorker(options(tasks, each)));
  return new AbsurdClient(database.pool(), { tasks });
}

function options(tasks: readonly AnyTask[], more: Partial<WorkerOptions>): WorkerOptions {
  return { connectionString: database.url, tasks, pollSeconds: 0.2, ...more };
}
