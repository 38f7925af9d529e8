/** Waits that may never end, and how a real worker gets over one that cannot. */
import assert from "node:assert/strict";

import { beforeEach, describe, test } from "vitest";
import { z } from "zod";

import { freshDatabase, sqlWorker } from "@contimg/testkit";

import { AbsurdClient, defineTask, startWorker } from "./index.ts";
import { KEPT, KeeperStage, onLock } from "./testing/keeper-stage.ts";

const { task, uuid } = sqlWorker;

const database = freshDatabase();

let stage: KeeperStage;

beforeEach(async () => {
  stage = await KeeperStage.set(database);
});

describe("a wait for an event is suspected", () => {
  const SUSPECTED = "endless-wait-suspected";

  test("when who waits keeps what others wait for, of each of them", async () => {
    const parent = await stage.run(onLock("set", KEPT));
    const parentId = await uuid(stage.db, parent);
    await stage.pass(60);
    await stage.awaitsEvent(parent, "calibrated");
    const child = await stage.add(onLock("set"));
    const waits = `noop ${parentId} has waited for event "calibrated" since 2026-03-01T12:01:00Z`;
    const needs = `noop ${child} needs lock set, kept by noop ${parentId}`;
    const may = "It may never go on, unless the event comes from elsewhere";
    assert.equal(await stage.explained(child, SUSPECTED), `${may}: ${needs}; ${waits}.`);
    assert.equal(await stage.explained(parentId, SUSPECTED), `${may}: ${waits}; ${needs}.`);
    assert.equal(await stage.explained(child, "endless-wait"), undefined);
    assert.deepEqual(await stage.lead(), []);

    await stage.db.query("select absurd.emit_event('calibrated')");
    assert.equal(await stage.explained(child, SUSPECTED), undefined);
  });

  test("but not with a timeout, when nobody needs what it keeps, or it keeps nothing", async () => {
    const timed = await stage.run(onLock("timed", KEPT));
    await stage.awaitsEvent(timed, "late", 60);
    const alone = await stage.run(onLock("alone", KEPT));
    await stage.awaitsEvent(alone, "calm");
    const free = await stage.run(onLock("free"));
    await stage.awaitsEvent(free, "calm");
    const above = await stage.run(task({}));
    await stage.awaits(above, [await uuid(stage.db, free)]);
    const behind = await stage.add(onLock("timed"));
    for (const id of [behind, ...(await stage.uuids([timed, alone, free, above]))]) {
      assert.equal(await stage.explained(id, SUSPECTED), undefined);
    }
  });
});

describe("a worker's tasks", () => {
  test("get over a circle: one fails with AwaitCycle and lets the others go", async () => {
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
      const { rows } = await stage.db.query<{ tag: string }>(
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
