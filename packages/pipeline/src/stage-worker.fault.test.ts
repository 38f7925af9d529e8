import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { constants, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { AbsurdClient } from "@contimg/absurd";
import { until } from "@contimg/testkit";
import type pg from "pg";
import { afterEach, beforeEach, describe, test } from "vitest";

import { PROBE_STAGE_URL, probeStage } from "./probe-stage.test-stage.ts";
import { ProductRegistry } from "./products/registry.ts";
import { reconcile } from "./reconcile.ts";
import { holdCallsOf, untilHeld } from "./testing/hold-calls.ts";
import { stageTask } from "./stage-task.ts";
import { pipelineDatabase } from "./testing/pipeline-database.ts";

const GROUP = "2026-01-25T22:26:05";
const FINAL = "photometry/2026-01-25/2026-01-25T22:26:05.phot.csv";
const STAGE_FOLDERS = "photometry/.stage";

const database = pipelineDatabase();

let dataRoot: string;
let workers: ChildProcess[];
beforeEach(() => {
  dataRoot = mkdtempSync(join(tmpdir(), "stage-worker-"));
  workers = [];
});
afterEach(async () => {
  for (const worker of workers) await kill(worker);
  rmSync(dataRoot, { recursive: true });
});

describe("a worker that is killed with kill -9", () => {
  test("while its stage runs leaves the task to another, which publishes once", async () => {
    const { client, pool } = setup();
    const gate = fifo("gate");
    const first = await startWorker();
    const taskId = await spawnProbe(client, [{ wait_on: gate }, { write: "a", bytes: 3 }]);
    const hold = await open(gate, "w");

    await kill(first);
    await hold.close();
    await startWorker();
    await (await open(gate, "w")).close();
    await client.awaitTasks([taskId]);

    const task = await client.show(taskId);
    assert.equal(task.status, "completed");
    assert.equal(task.attempt, 2);
    assert.deepEqual(await currentProducts(pool), [{ final_path: FINAL, published: true }]);
    assert.ok(existsSync(join(dataRoot, FINAL)));
    await reconcile(pool, dataRoot);
    assert.deepEqual(stageFolders(), []);
  });

  test("between commit and rename leaves a product that the next reader finishes", async () => {
    const { client, pool } = setup();
    await holdCallsOf(pool, "lock_unpublished", async () => {
      const worker = await startWorker();
      const taskId = await spawnProbe(client, [{ write: "a", bytes: 3 }]);
      await untilHeld(pool);
      assert.equal((await client.show(taskId)).status, "completed");
      await kill(worker);
    });
    assert.ok(!existsSync(join(dataRoot, FINAL)));

    const path = await new ProductRegistry(pool, dataRoot).find("photometry", GROUP);

    assert.equal(path, join(dataRoot, FINAL));
    assert.equal(statSync(path).size, 3);
    assert.deepEqual((await reconcile(pool, dataRoot)).removedStageFolders.length, 1);
    assert.deepEqual(stageFolders(), []);
  });

  test("between commit and rename is made good by the next worker that starts", async () => {
    const { client, pool } = setup();
    await holdCallsOf(pool, "lock_unpublished", async () => {
      const worker = await startWorker();
      await spawnProbe(client, [{ write: "a", bytes: 3 }]);
      await untilHeld(pool);
      await kill(worker);
    });

    await startWorker();
    assert.deepEqual(await currentProducts(pool), [{ final_path: FINAL, published: true }]);
    assert.ok(existsSync(join(dataRoot, FINAL)));
    assert.deepEqual(stageFolders(), []);
  });

  test("after the rename, before the row says so, loses nothing", async () => {
    const { client, pool } = setup();
    await holdCallsOf(pool, "mark_published", async () => {
      const worker = await startWorker();
      await spawnProbe(client, [{ write: "a", bytes: 3 }]);
      await untilHeld(pool);
      assert.ok(existsSync(join(dataRoot, FINAL)));
      await kill(worker);
    });

    const report = await reconcile(pool, dataRoot);

    assert.deepEqual(report.finished, [FINAL]);
    assert.deepEqual(report.missingFiles, []);
    assert.deepEqual(await currentProducts(pool), [{ final_path: FINAL, published: true }]);
  });

  test("before the commit leaves no product, and its stage folder is removed", async () => {
    const { client, pool } = setup();
    await holdCallsOf(pool, "record_verdict", async () => {
      const worker = await startWorker();
      await spawnProbe(client, [{ write: "a", bytes: 3 }]);
      await untilHeld(pool);
      await kill(worker);
    });
    const [left] = stageFolders();

    // The dead worker's lease runs out only where somebody looks after it.
    const second = await startWorker();
    await until(() => existsSync(join(dataRoot, FINAL)), { what: "the second attempt publishes" });
    await stop(second);
    await reconcile(pool, dataRoot);

    assert.ok(left !== undefined);
    assert.deepEqual(stageFolders(), []);
    assert.deepEqual(await currentProducts(pool), [{ final_path: FINAL, published: true }]);
  });
});

test("a worker that was stopped past its lease and resumed cannot publish a file", async () => {
  const { client, pool } = setup();
  const gate = fifo("gate");
  const sleeper = await startWorker();
  const taskId = await spawnProbe(client, [{ wait_on: gate }, { write: "a", bytes: 3 }]);
  const hold = await open(gate, "w");
  const [sleepersFolder] = stageFolders();
  // Before the sleep, or it would clear the sleeper's folder away when it starts.
  await startWorker();

  sleeper.kill("SIGSTOP");
  await until(() => stageFolders().length === 2, { what: "the other worker starts the task" });
  await hold.close();
  await until(() => letThrough(gate).then(() => existsSync(join(dataRoot, FINAL))), {
    what: "the other worker publishes",
  });
  const published = statSync(join(dataRoot, FINAL)).ino;
  sleeper.kill("SIGCONT");
  await until(() => !stageFolders().includes(sleepersFolder!), { what: "the sleeper gives up" });
  await stop(sleeper);

  assert.equal(statSync(join(dataRoot, FINAL)).ino, published);
  assert.equal((await client.show(taskId)).attempt, 2);
  const { rows } = await pool.query(
    "select attempt, superseded_at from contimg.products where task_id = $1",
    [taskId],
  );
  assert.deepEqual(rows, [{ attempt: 2, superseded_at: null }]);
});

test("a worker that was stopped while it published is refused by the fence", async () => {
  const { client, pool } = setup();
  const sleeper = await startWorker();
  let taskId = "";
  await holdCallsOf(pool, "record_verdict", async () => {
    taskId = await spawnProbe(client, [{ write: "a", bytes: 3 }]);
    await untilHeld(pool);
    await startWorker();
    sleeper.kill("SIGSTOP");
    await until(async () => (await client.show(taskId)).attempt === 2, {
      what: "the other worker claims the task",
    });
  });
  sleeper.kill("SIGCONT");
  await client.awaitTasks([taskId]);
  await until(() => existsSync(join(dataRoot, FINAL)), { what: "the other worker publishes" });
  await stop(sleeper);

  const { rows } = await pool.query(
    "select attempt, superseded_at from contimg.products where task_id = $1",
    [taskId],
  );
  assert.deepEqual(rows, [{ attempt: 2, superseded_at: null }]);
});

test("a stage that hangs on its disk ends at its timeout, and its worker goes on", async () => {
  const { client, pool } = setup();
  // To open a FIFO that nobody writes blocks as a read from a file system that is away does.
  const away = fifo("away");
  await startWorker();

  const params = { group_id: GROUP, steps: [{ wait_on: away }] };
  const once = { timeoutSeconds: 1, maxRetries: 0 };
  const { taskId: hung } = await client.spawn("photometry", params, { ...once });
  await client.awaitTasks([hung]);
  const next = await spawnProbe(client, [{ write: "a", bytes: 3 }]);
  await client.awaitTasks([next]);

  const ended = await client.show(hung);
  assert.equal(ended.status, "failed");
  assert.match(JSON.stringify(ended.error), /timed? ?out/i);
  assert.equal((await client.show(next)).status, "completed");
  assert.deepEqual(await currentProducts(pool), [{ final_path: FINAL, published: true }]);
});

function setup(): { client: AbsurdClient; pool: pg.Pool } {
  const pool = database.pool();
  const probe = { stage: probeStage, url: PROBE_STAGE_URL };
  const task = stageTask(probe, { pool, dataRoot, threadCount: 1, queue: "probe" });
  return { client: new AbsurdClient(pool, { tasks: [task] }), pool };
}

async function spawnProbe(client: AbsurdClient, steps: object[]): Promise<string> {
  const params = { group_id: GROUP, steps, outputs: { [FINAL]: "a" } };
  return (await client.spawn("photometry", params, { backoffSeconds: 0.01 })).taskId;
}

async function startWorker(): Promise<ChildProcess> {
  const worker = fork(join(import.meta.dirname, "stage-worker.test-process.ts"), [
    JSON.stringify({ url: PROBE_STAGE_URL, connectionString: database.url, dataRoot }),
  ]);
  workers.push(worker);
  await once(worker, "message");
  return worker;
}

async function kill(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  worker.kill("SIGKILL");
  await once(worker, "exit");
}

async function stop(worker: ChildProcess): Promise<void> {
  worker.kill("SIGTERM");
  await once(worker, "exit");
}

function fifo(name: string): string {
  const path = join(dataRoot, name);
  execFileSync("mkfifo", [path]);
  return path;
}

/** Opens and closes the FIFO for those that wait at it now, if anybody does. */
async function letThrough(path: string): Promise<void> {
  try {
    await (await open(path, constants.O_WRONLY | constants.O_NONBLOCK)).close();
  } catch (error) {
    assert.ok(error instanceof Error && "code" in error && error.code === "ENXIO");
  }
}

function stageFolders(): string[] {
  const folder = join(dataRoot, STAGE_FOLDERS);
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

async function currentProducts(pool: pg.Pool): Promise<unknown[]> {
  const { rows } = await pool.query<{ final_path: string; published: boolean }>(
    `select final_path, published_at is not null as published from contimg.products
      where superseded_at is null`,
  );
  return rows;
}
