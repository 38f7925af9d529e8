/**
 * Random scenes of tasks that keep gates and wait for others, against what then happens: everything
 * that can go on does, until nothing moves. What was called stuck must not have moved; what has not
 * moved must be called stuck; and the leader must get all of it going.
 */
import assert from "node:assert/strict";

import type pg from "pg";
import { beforeAll, test } from "vitest";

import { auditGates, createRandom, freshDatabase, setClock, sqlWorker } from "@contimg/testkit";

const { claim, cycle, emptyEngine, fence, spawn, task } = sqlWorker;
const database = freshDatabase();

const SCENES = 30;
const PARENTS = 5;
const CHILDREN = 7;

class Chance {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = createRandom(seed);
  }

  happens(probability: number): boolean {
    return this.#random() < probability;
  }

  of<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)]!;
  }
}

/** What a task asks for at its gates; hold only when there is something to keep. */
function demand(chance: Chance, holdProbability: number): Record<string, unknown> {
  const keys = [
    { key: "one", limit: 1 },
    { key: "two", limit: 2 },
    { key: "three", limit: 3 },
  ].filter(() => chance.happens(0.35));
  const locks = ["a", "b"]
    .filter(() => chance.happens(0.25))
    .map((name) => ({ name, mode: chance.of(["shared", "exclusive"]) }));
  const hold = keys.length + locks.length > 0 && chance.happens(holdProbability);
  return { concurrency: keys, locks, ...(hold ? { hold } : {}) };
}

/** On none, one, both, or either of two tasks. */
function edges(chance: Chance, parents: readonly string[]): object[] {
  if (parents.length < 2 || chance.happens(0.4)) return [];
  const first = chance.of(parents);
  const second = chance.of(parents.filter((id) => id !== first));
  const when = (): string => chance.of(["success", "success", "failure", "always"]);
  const otherwise = chance.of(["cancel", "skip", "continue"]);
  const both = [
    { on: first, when: when() },
    { on: second, when: when() },
  ];
  if (chance.happens(0.4)) return [{ any_of: both, otherwise }];
  return both.slice(0, chance.of([1, 2])).map((edge) => ({ ...edge, otherwise }));
}

let sessions: pg.Client[];

beforeAll(async () => {
  sessions = await Promise.all(Array.from({ length: PARENTS }, () => database.connect()));
  for (const session of sessions) await setClock(session, sqlWorker.T0);
});

interface Scene {
  readonly db: pg.Client;
  readonly worker: sqlWorker.SqlWorker;
  readonly chance: Chance;
}

/** Parents, children, and waits, often begun at once. Returns the parents that may not wait. */
async function setUp(scene: Scene): Promise<sqlWorker.ClaimRow[]> {
  const { db, worker, chance } = scene;
  await spawn(
    db,
    Array.from({ length: PARENTS }, () => task({ ...demand(chance, 0.9), max_retries: 0 })),
  );
  // In one order with any server, so that a seed is a scene.
  const running = (await claim(db, worker, PARENTS)).toSorted((a, b) =>
    Number(BigInt(a.task_id) - BigInt(b.task_id)),
  );
  const ids: string[] = [];
  for (let count = 0; count < CHILDREN; count++) {
    const fields = { ...demand(chance, 0.3), max_retries: 0, depends_on: edges(chance, ids) };
    ids.push((await spawn(db, [task(fields)]))[0]!.task_id);
  }
  const atOnce = chance.happens(0.7);
  const still: sqlWorker.ClaimRow[] = [];
  for (const [index, parent] of running.entries()) {
    const session = sessions[index]!;
    await session.query("begin");
    await session.query("savepoint before");
    try {
      await session.query("select absurd.await_tasks($1, $2)", [
        await fence(db, worker, parent),
        [...new Set([chance.of(ids), chance.of(ids)])],
      ]);
    } catch (error) {
      assert.match((error as Error).message, /would wait for itself/);
      await session.query("rollback to before");
      still.push(parent);
    }
    if (!atOnce) await session.query("commit");
  }
  if (atOnce) for (const session of sessions) await session.query("commit");
  return still;
}

/** Ends whatever runs, now well, now badly, until nothing runs and nothing comes. */
async function goOn(scene: Scene, running: readonly sqlWorker.ClaimRow[]): Promise<void> {
  const { db, worker, chance } = scene;
  let now = running;
  for (let idle = 0; idle < 3; idle += now.length > 0 ? 0 : 1) {
    const failed = now.filter(() => chance.happens(0.2));
    const done = now.filter((row) => !failed.includes(row));
    await cycle(db, worker, { done, failed: failed.map((row) => [row, "fatal"]) });
    await db.query(
      "select absurd.audit_edges(1000), absurd.take_notes(1000), absurd.settle_gates()",
    );
    now = await claim(db, worker, 100);
  }
  await auditGates(db);
}

async function numbers(db: pg.Client, sql: string): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(sql);
  return rows.map((row) => row.id);
}

const LEFT = `select t.id from absurd.task t
               where not exists (select from absurd.outcome o where o.task_id = t.id)`;
const STUCK = `select distinct s.task_id as id
                 from absurd.stuck_waits(array(${LEFT})) s order by 1`;

async function play(seed: number): Promise<{ stuck: number; early: number; woken: number }> {
  const engine = await emptyEngine(database, {});
  const scene = { ...engine, chance: new Chance(seed) };
  const { db, worker } = scene;
  const running = await setUp(scene);
  const early = await numbers(db, STUCK);
  await goOn(scene, running);
  const left = await numbers(db, `${LEFT} order by 1`);
  assert.deepEqual(
    early.filter((id) => !left.includes(id)),
    [],
    `seed ${seed}: called stuck, and went on`,
  );
  assert.deepEqual(await numbers(db, STUCK), left, `seed ${seed}: what stays is called stuck`);
  let woken = 0;
  for (let round = 0; (await numbers(db, LEFT)).length > 0; round++) {
    assert.ok(round < PARENTS, `seed ${seed}: the leader cannot get it going`);
    const { rows } = await db.query<{ n: number }>("select absurd.break_endless_waits(100) as n");
    woken += rows[0]!.n;
    await goOn(scene, await claim(db, worker, 100));
  }
  await db.end();
  return { stuck: left.length, early: early.length, woken };
}

test("what is called stuck stays, what stays is called stuck, and all of it is freed", async () => {
  const found = [];
  for (let seed = 1; seed <= SCENES; seed++) found.push(await play(seed));
  const withCircle = found.filter(({ stuck }) => stuck > 0);
  // Else the scenes prove nothing.
  assert.ok(withCircle.length >= 4, `${withCircle.length} scenes had a circle`);
  assert.ok(withCircle.length <= SCENES - 4);
  assert.ok(
    found.some(({ early }) => early > 0),
    JSON.stringify(found),
  );
  assert.ok(found.some(({ stuck, early }) => stuck > early));
}, 240_000);
