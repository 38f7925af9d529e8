/** Resources and labels: who claims what, nothing given twice, room for the big ones. */
import assert from "node:assert/strict";

import fc from "fast-check";
import type pg from "pg";
import { beforeEach, describe, test } from "vitest";

import { freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

const {
  T0,
  beat,
  claim,
  cycle,
  describeWorker,
  emptyEngine,
  maintain,
  registerWorker,
  spawnAlike,
} = sqlWorker;
const database = freshDatabase();

let db: pg.Client;
let worker: sqlWorker.SqlWorker;

beforeEach(async () => {
  ({ db, worker } = await emptyEngine(database, {}));
});

describe("resources", () => {
  test("are given to as many tasks as fit, and given again when one ends", async () => {
    await describeWorker(db, worker, { cpu: 4, memoryBytes: 8e9 });
    await spawnAlike(db, 5, { resources: { cpu: 2, memoryBytes: 1e9 } });

    const first = await claim(db, worker, 10);
    assert.equal(first.length, 2);
    assert.deepEqual(await claim(db, worker, 10), []);
    assert.equal((await cycle(db, worker, { done: [first[0]!], limit: 10 })).length, 1);
  });

  test("that a worker did not name it does not have; what asks for none it takes", async () => {
    await describeWorker(db, worker, { cpu: 4 });
    await spawnAlike(db, 1, { resources: { cpu: 1, gpu: 1 } });
    await spawnAlike(db, 1, { resources: { cpu: 0 } });
    await spawnAlike(db, 1, {});
    assert.equal((await claim(db, worker, 10)).length, 2);

    const other = await registerWorker(db);
    await describeWorker(db, other, { cpu: 1, gpu: 1 });
    assert.equal((await claim(db, other, 10)).length, 1);
  });

  test("of tasks that do not fit here leave the others unhindered", async () => {
    await describeWorker(db, worker, { cpu: 1 });
    await spawnAlike(db, 50, { resources: { cpu: 2 }, priority: 5 });
    await spawnAlike(db, 1, { resources: { cpu: 1 } });
    assert.equal((await claim(db, worker, 1)).length, 1);
  });

  test("do not change the order of priorities", async () => {
    await describeWorker(db, worker, { cpu: 8 });
    await spawnAlike(db, 2, { resources: { cpu: 1 } });
    const [first] = await spawnAlike(db, 1, { priority: 1 });
    const [second] = await spawnAlike(db, 1, { priority: 2, resources: { cpu: 1 } });
    const claimed = await claim(db, worker, 2);
    assert.deepEqual(
      new Set(await Promise.all(claimed.map((row) => sqlWorker.uuid(db, row)))),
      new Set([first, second]),
    );
  });

  test("of a dead worker count no more", async () => {
    await describeWorker(db, worker, { cpu: 1 });
    await spawnAlike(db, 1, { resources: { cpu: 1 } });
    assert.equal((await claim(db, worker, 10)).length, 1);
    const heir = await registerWorker(db);
    await describeWorker(db, heir, { cpu: 1 });
    await at(31);
    await beat(db, heir);
    await maintain(db, heir);
    assert.equal((await claim(db, heir, 10)).length, 1);
  });

  test("are seen by a second claim of the same worker under way at once", async () => {
    await describeWorker(db, worker, { cpu: 2 });
    await spawnAlike(db, 4, { resources: { cpu: 1 } });
    const other = await database.connect();
    await other.query("begin");
    assert.equal((await claim(other, worker, 10)).length, 2);
    const asking = await database.connect();
    const second = claim(asking, worker, 10);
    await sqlWorker.untilBlocked(db, asking);
    await other.query("commit");
    assert.deepEqual(await second, []);
  });

  test("are never given beyond a worker's capacity, whatever asks for them", async () => {
    const amount = fc.constantFrom(0, 1, 2, 3, 5);
    const call = fc.record({
      verb: fc.constantFrom("spawn", "spawn", "claim", "claim", "complete", "fail", "tick"),
      cpu: amount,
      gpu: amount,
      pick: fc.nat({ max: 100 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 10, maxLength: 40 }), async (calls) => {
        ({ db, worker } = await emptyEngine(database, {}));
        const other = await registerWorker(db);
        await describeWorker(db, worker, { cpu: 5, gpu: 5 });
        await describeWorker(db, other, { cpu: 7, gpu: 3 });
        const held: [sqlWorker.SqlWorker, sqlWorker.ClaimRow][] = [];
        let seconds = 0;
        for (const { verb, cpu, gpu, pick } of calls) {
          const who = pick % 2 ? worker : other;
          if (verb === "spawn") await spawnAlike(db, 1 + (pick % 4), { resources: { cpu, gpu } });
          else if (verb === "claim") {
            for (const row of await claim(db, who, 1 + (pick % 5))) held.push([who, row]);
          } else if (verb === "tick") {
            await at((seconds += 11));
            await beat(db, worker);
            await beat(db, other);
            await maintain(db, worker);
          } else if (held.length > 0) {
            const [[owner, row]] = held.splice(pick % held.length, 1) as [(typeof held)[0]];
            if (verb === "complete") await cycle(db, owner, { done: [row] });
            else await cycle(db, owner, { failed: [[row, "released"]] });
          }
          await auditCapacity();
        }
        await db.end();
      }),
      { numRuns: 20, interruptAfterTimeLimit: 60_000 },
    );
  }, 90_000);
});

describe("a task that needs the whole worker", () => {
  test("starts before the small ones that came after it, however many come", async () => {
    await describeWorker(db, worker, { cpu: 4 });
    await spawnAlike(db, 8, { resources: { cpu: 1 } });
    const running = await claim(db, worker, 10);
    assert.equal(running.length, 4);
    const [big] = await spawnAlike(db, 1, { resources: { cpu: 4 } });

    let claims = 0;
    for (let second = 5; ; second += 5) {
      await at(second);
      await beat(db, worker);
      await spawnAlike(db, 2, { resources: { cpu: 1 } });
      const next = await cycle(db, worker, { done: [running.shift()!], limit: 10 });
      claims += next.length;
      running.push(...next);
      const ids = await Promise.all(next.map((row) => sqlWorker.uuid(db, row)));
      if (ids.includes(big!)) break;
      // The four that were there before it go first.
      assert.equal((await reservations()).length, second > 20 ? 1 : 0);
      assert.ok(second < 60, "the big task starves");
    }
    assert.equal(running.length, 1);
    assert.equal(claims, 5);
    assert.deepEqual(await reservations(), []);
  });

  test("is waited for by one worker, and by another when that one died", async () => {
    const other = await registerWorker(db);
    for (const each of [worker, other]) await describeWorker(db, each, { cpu: 2 });
    await spawnAlike(db, 2, { resources: { cpu: 1 }, priority: 1 });
    assert.equal((await claim(db, worker, 1)).length, 1);
    const [theirs] = await claim(db, other, 1);
    await spawnAlike(db, 1, { resources: { cpu: 2 } });
    await at(1);
    await spawnAlike(db, 9, { resources: { cpu: 1 } });

    await at(11);
    await beat(db, worker);
    await beat(db, other);
    assert.equal((await claim(db, worker, 10)).length, 0);
    assert.deepEqual(await reservations(), [{ worker_id: worker.id }]);
    const [small] = await claim(db, other, 10);
    assert.ok(small, "the other worker goes on");

    await at(35);
    await beat(db, other);
    await at(45);
    await maintain(db, other);
    // What the dead worker ran comes before the big one.
    assert.equal((await cycle(db, other, { done: [small], limit: 1 })).length, 1);
    const [row] = await cycle(db, other, { done: [theirs!], limit: 10 });
    assert.equal(row, undefined);
    assert.deepEqual(await reservations(), [{ worker_id: other.id }]);
  });

  test("does not keep a worker from what takes nothing from it", async () => {
    await describeWorker(db, worker, { cpu: 2, gpu: 1 });
    await spawnAlike(db, 1, { resources: { cpu: 1 } });
    await claim(db, worker, 1);
    await spawnAlike(db, 1, { resources: { cpu: 2 } });
    await at(11);
    await beat(db, worker);
    await spawnAlike(db, 1, { resources: { cpu: 1 } });
    await spawnAlike(db, 1, { resources: { gpu: 1 } });
    await spawnAlike(db, 1, {});
    assert.equal((await claim(db, worker, 10)).length, 2);
  });
});

describe("labels", () => {
  test("that a task requires keep it from workers without them", async () => {
    await spawnAlike(db, 1, { labels: { required: { site: "ovro", gpu: "true" } } });
    await describeWorker(db, worker, {}, { site: "ovro" });
    assert.deepEqual(await claim(db, worker, 10), []);
    await describeWorker(db, worker, {}, { site: "ovro", gpu: "true", disk: "ssd" });
    assert.equal((await claim(db, worker, 10)).length, 1);
  });

  test("that a task prefers give its workers a start of some seconds", async () => {
    const other = await registerWorker(db);
    await describeWorker(db, other, {}, { disk: "ssd" });
    await spawnAlike(db, 2, { labels: { preferred: { disk: "ssd" }, prefer_seconds: 7 } });
    await at(6);
    await spawnAlike(db, 1, { labels: { preferred: { disk: "ssd" }, prefer_seconds: 7 } });
    assert.deepEqual(await claim(db, worker, 10), []);
    assert.equal((await claim(db, other, 1)).length, 1);
    await at(7);
    assert.equal((await claim(db, worker, 10)).length, 1, "one is old enough, one is not");
  });

  test("that no living worker has are not waited for", async () => {
    await spawnAlike(db, 1, { labels: { preferred: { disk: "ssd" } } });
    assert.equal((await claim(db, worker, 10)).length, 1);
  });
});

async function at(seconds: number): Promise<void> {
  await setClock(db, new Date(Date.parse(T0) + seconds * 1000).toISOString());
}

async function reservations(): Promise<unknown[]> {
  const { rows } = await db.query<{ worker_id: number }>(
    "select worker_id from absurd.reservation",
  );
  return rows;
}

/** What each worker holds, summed by resource, is within what it has. */
async function auditCapacity(): Promise<void> {
  const { rows } = await db.query(
    `select l.worker_id, r.key, sum(r.value::numeric) as used
       from absurd.lease l join absurd.lane n on n.lane_id = l.lane_id
       join absurd.class c on c.class_id = n.class_id
       join absurd.worker w on w.worker_id = l.worker_id
       cross join lateral jsonb_each_text(c.resources) r
      group by l.worker_id, r.key, w.capacity
     having sum(r.value::numeric) > coalesce((w.capacity ->> r.key)::numeric, 0)`,
  );
  assert.deepEqual(rows, []);
}
