/**
 * A rolling upgrade: workers of the release before go on beside new ones while the schema
 * moves.
 */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import type pg from "pg";
import { afterAll, describe, test } from "vitest";
import { z } from "zod";

import { deadline, freshDatabase, sqlWorker, until } from "@contimg/testkit";

import * as current from "./index.ts";

/** The state before schedules, history and arrays of spawns. */
const BEFORE = "7df85c4";
const ROOT = resolve(import.meta.dirname, "../../..");
const FIXTURE = fileURLToPath(new URL("./release.fixture.ts", import.meta.url));
// A shallow clone does not have it.
const isMissing =
  spawnSync("git", ["cat-file", "-e", `${BEFORE}^{tree}`], { cwd: ROOT }).status !== 0;
const needs = isMissing ? ` (needs commit ${BEFORE}: git fetch --unshallow)` : "";

const database = freshDatabase();
const processes: ChildProcess[] = [];
let folder: string | undefined;

afterAll(() => {
  for (const each of processes) each.kill("SIGKILL");
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

describe("a worker that speaks the first release's protocol", () => {
  test("drains tasks beside a new one: none lost, none twice", async () => {
    const db = await database.connect();
    await db.query("select absurd.register_kinds($1)", ['[{"task_name": "shared"}]']);
    const ran: string[] = [];
    const shared = current.defineTask({
      name: "shared",
      params: z.strictObject({}),
      async handler(_, context) {
        await new Promise((wake) => setTimeout(wake, 5));
        ran.push(context.taskId);
      },
    });
    const client = new current.AbsurdClient(database.pool(), { tasks: [shared] });
    const spawned = await client.spawnMany(
      Array.from({ length: 500 }, () => ({ task: shared, params: {} })),
    );
    const worker = await current.startWorker({
      connectionString: database.url,
      tasks: [shared],
      concurrency: 10,
    });
    try {
      ran.push(...(await drainAsFirstRelease(db)));
      await client.awaitTasks(
        spawned.map((each) => each.taskId),
        deadline(45),
      );
    } finally {
      await worker.stop();
    }

    assert.deepEqual(ran.sort(), spawned.map((each) => each.taskId).sort());
  });
});

describe.skipIf(isMissing)(`workers of the release before${needs}`, () => {
  test("work on through the migration, and beside new ones: none lost, none twice", async () => {
    const pool = database.pool();
    await pool.query("drop schema absurd cascade");
    await pool.query("create table product (task_id uuid primary key, worker text not null)");
    const before = await extractRelease();
    await before.engine.migrate(pool);
    await pool.query("select absurd.register_kinds($1)", [
      '[{"task_name": "work"}, {"task_name": "child"}]',
    ]);
    const oldClient = new before.engine.AbsurdClient(pool);
    const first = await oldClient.spawnMany(range(1, 250).map(asWork));
    startRelease(before.index, "old");
    await until(async () => (await productCount(pool)) >= 20, { what: "the old worker works" });

    await current.migrate(pool);
    startRelease(fileURLToPath(new URL("./index.ts", import.meta.url)), "new");
    await until(
      async () => (await pool.query("select from absurd.worker where name = 'new'")).rowCount,
      { what: "the new worker is registered" },
    );
    const second = await new current.AbsurdClient(pool).spawnMany(range(251, 375).map(asWork));
    const third = await oldClient.spawnMany(range(376, 500).map(asWork));

    const ids = [...first, ...second, ...third].map((each) => each.taskId);
    const tasks = await new current.AbsurdClient(pool).awaitTasks(ids, deadline(45));
    assert.deepEqual(new Set(tasks.map((task) => task.status)), new Set(["completed"]));
    await until(async () => (await productCount(pool)) === 520, { what: "500 tasks, 20 children" });
    // A second completion of a task would have failed on the primary key, and the task with it.
    const { rows } = await pool.query<{ worker: string }>(
      "select distinct worker from product where task_id = any($1) order by 1",
      [[...second, ...third].map((each) => each.taskId)],
    );
    assert.deepEqual(rows, [{ worker: "new" }, { worker: "old" }]);
    assert.equal((await pool.query("select from absurd.lease")).rowCount, 0);
    for (const each of processes) if (each.exitCode === null) await stopped(each);
  });
});

describe("a prepared statement whose result a migration changed", () => {
  test("fails in a way after which a worker connects again", async () => {
    const db = await database.connect();
    await db.query("create table grows (a integer)");
    const statement = { name: "grows", text: "select * from grows" };
    await db.query(statement);
    await db.query("alter table grows add b integer");
    await assert.rejects(db.query(statement), (error) => current.isTransient(error));
  });
});

describe("a worker", () => {
  test("connects again after a function that it calls was away", async () => {
    const db = await database.connect();
    const warnings: string[] = [];
    const silent = (): void => undefined;
    const quick = current.defineTask({
      name: "quick",
      params: z.strictObject({}),
      handler: silent,
    });
    const client = new current.AbsurdClient(database.pool(), { tasks: [quick] });
    await client.registerTasks();
    // Before its first cycle: a statement that is prepared would find the function by its number.
    await db.query("alter function absurd.cycle rename to cycle_away");
    const worker = await current.startWorker({
      connectionString: database.url,
      tasks: [quick],
      pollSeconds: 0.05,
      log: {
        ...{ debug: silent, info: silent, error: silent },
        warn: (fields) => warnings.push(JSON.stringify(fields)),
      },
    });
    await until(() => warnings.some((text) => text.includes("does not exist")), {
      what: "the worker missed the function",
    });
    await db.query("alter function absurd.cycle_away rename to cycle");
    const { taskId } = await client.spawn(quick, {});
    const [task] = await client.awaitTasks([taskId], deadline(45));
    assert.equal(task!.status, "completed");
    await worker.stop();
  });
});

async function extractRelease(): Promise<{ engine: typeof current; index: string }> {
  // Below the root, so that its imports find node_modules.
  mkdirSync(join(ROOT, ".cache"), { recursive: true });
  folder = mkdtempSync(join(ROOT, ".cache", "release-"));
  const archive = execFileSync("git", ["archive", BEFORE, "packages/absurd"], {
    cwd: ROOT,
    maxBuffer: 2 ** 26,
  });
  execFileSync("tar", ["-x", "-C", folder], { input: archive });
  const index = join(folder, "packages/absurd/src/index.ts");
  return { engine: (await import(pathToFileURL(index).href)) as typeof current, index };
}

function startRelease(index: string, name: string): void {
  const child = spawn(process.execPath, [FIXTURE], {
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      DATABASE_URL: database.url,
      ENGINE: pathToFileURL(index).href,
      WORKER_NAME: name,
    },
  });
  processes.push(child);
  // As a supervisor does: a release may meet a change of the schema that it cannot go on from.
  child.once("exit", (code) => {
    if (code === 1) startRelease(index, name);
  });
}

async function stopped(child: ChildProcess): Promise<void> {
  const exited = new Promise((done) => child.once("exit", done));
  child.kill("SIGTERM");
  assert.equal(await exited, 0);
}

/** Claims ten at a time and completes them with the next call, by position alone. */
async function drainAsFirstRelease(db: pg.Client): Promise<string[]> {
  const worker = await sqlWorker.registerWorker(db);
  const completed: string[] = [];
  let held: { id: string; claim: string }[] = [];
  while (true) {
    const { rows, fields } = await db.query<string[]>({
      name: "absurd-cycle",
      text: `select * from absurd.cycle($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
               $14, $15)`,
      values: [
        ...[worker.id, worker.epoch, held.map((each) => each.id), held.map((each) => each.claim)],
        ...[held.map(() => null), [], [], [], [], []],
        ...[["default"], worker.kinds, [], [], 10],
      ],
      rowMode: "array",
      types: { getTypeParser: () => (value: unknown) => value },
    });
    assert.ok(fields.length >= 9);
    assert.ok(rows.every(([what]) => what === "c"));
    completed.push(...held.map((each) => each.id));
    held = rows.map(([, id, claim]) => ({ id: id!, claim: claim! }));
    if (held.length === 0) break;
  }
  const { rows } = await db.query<{ id: string }>(
    "select absurd.task_uuid(n) as id from unnest($1::bigint[]) n",
    [completed],
  );
  assert.ok(rows.length > 0);
  return rows.map((row) => row.id);
}

async function productCount(pool: pg.Pool): Promise<number> {
  return (await pool.query("select from product")).rowCount!;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

function asWork(n: number): current.SpawnRequest {
  return { task: "work", params: { n }, backoffSeconds: 0.1 };
}
