/** Stages as jobs of a real Slurm of one node, and what happens when either side dies. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { AbsurdClient } from "@contimg/absurd";
import { until } from "@contimg/testkit";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, test } from "vitest";

import { PROBE_STAGE_URL, probeStage } from "../probe-stage.test-stage.ts";
import { reconcile } from "../reconcile.ts";
import { stageTask } from "../stage-task.ts";
import { pipelineDatabase } from "../testing/pipeline-database.ts";
import { type SlurmCluster, startSlurm, whyNoSlurm } from "../testing/slurm-cluster.ts";

const GROUP = "2026-01-25T22:26:05";
const FINAL = "photometry/2026-01-25/2026-01-25T22:26:05.phot.csv";
const WORKER = new URL("../stage-worker.test-process.ts", import.meta.url);
const SLURM = { poll_seconds: 0.2, memory_gib: 1, time_limit_minutes: 5, silence_seconds: 2 };
const missing = whyNoSlurm();

const database = pipelineDatabase();
let slurm: SlurmCluster;
let dataRoot: string;
let pool: pg.Pool;
let client: AbsurdClient;
let workers: ChildProcess[];

describe.skipIf(missing !== "")(`a stage on a real Slurm (needs ${missing || "nothing"})`, () => {
  beforeAll(async () => {
    slurm = await startSlurm();
  });
  afterAll(async () => {
    await slurm.stop();
  });
  beforeEach(async () => {
    dataRoot = mkdtempSync(join(tmpdir(), "slurm-stage-"));
    workers = [];
    pool = database.pool();
    await pool.query("truncate contimg.groups cascade");
    const probe = { stage: probeStage, url: PROBE_STAGE_URL };
    const task = stageTask(probe, { pool, dataRoot, threadCount: 1, queue: "probe" });
    client = new AbsurdClient(pool, { tasks: [task] });
  });
  afterEach(async () => {
    for (const worker of workers) await kill(worker);
    await client.close();
    rmSync(dataRoot, { recursive: true });
  });

  test("publishes what its job wrote, and leaves no folder", async () => {
    await startWorker();
    const taskId = await spawn([{ write: "a", bytes: 3 }, { print: "a log line" }]);
    await client.awaitTasks([taskId]);

    assert.equal(readFileSync(join(dataRoot, FINAL), "utf8"), "xxx");
    assert.deepEqual(stageFolders(), []);
    assert.deepEqual((await jobsOf(taskId)).length, 1);
  });

  test("goes on with the same job when its worker is killed with kill -9", async () => {
    const gate = fifo();
    const worker = await startWorker();
    const taskId = await spawn([{ wait_on: gate }, { write: "a", bytes: 3 }]);
    const hold = await open(gate, "w"); // Opens when the job has come to it.
    await kept(taskId, "slurm job 1");
    await kill(worker);

    await startWorker();
    await until(async () => (await client.show(taskId)).attempt === 2, { what: "a new attempt" });
    await hold.close();
    await client.awaitTasks([taskId]);

    assert.deepEqual((await jobsOf(taskId)).length, 1, "the job was submitted once");
    assert.ok(existsSync(join(dataRoot, FINAL)));
    await reconcile(pool, dataRoot);
    assert.deepEqual(stageFolders(), []);
  });

  test("takes over the job of a worker that died before it could record it", async () => {
    const gate = fifo();
    const worker = await startWorker();
    const taskId = await spawn([{ wait_on: gate }, { write: "a", bytes: 3 }]);
    const hold = await open(gate, "w");
    await kept(taskId, "slurm job 1");
    await kill(worker);
    // As if the kill had come a moment earlier.
    const { rowCount } = await pool.query(
      `delete from absurd.checkpoint
        where name = 'slurm job 1' and task_id = (select max(task_id) from absurd.checkpoint)`,
    );
    assert.equal(rowCount, 1);

    await startWorker();
    await kept(taskId, "slurm job 1");
    await hold.close();
    await client.awaitTasks([taskId]);

    assert.deepEqual((await jobsOf(taskId)).length, 1);
  });

  test("goes on with the same job after its worker was stopped in good order", async () => {
    const gate = fifo();
    const worker = await startWorker();
    const taskId = await spawn([{ wait_on: gate }, { write: "a", bytes: 3 }]);
    const hold = await open(gate, "w");
    await kept(taskId, "slurm job 1");
    worker.kill("SIGTERM");
    await once(worker, "exit");
    assert.deepEqual(stateOf(taskId), "RUNNING");
    await reconcile(pool, dataRoot);

    await startWorker();
    await hold.close();
    await client.awaitTasks([taskId]);

    assert.deepEqual((await jobsOf(taskId)).length, 1);
  });

  test("whose task is cancelled is cancelled", async () => {
    await startWorker();
    const gate = fifo();
    const taskId = await spawn([{ wait_on: gate }]);
    const hold = await open(gate, "w");
    await client.cancel(taskId);

    await until(() => stateOf(taskId) === "CANCELLED", { what: "the job is cancelled" });
    await hold.close();
    await until(
      async () => {
        await reconcile(pool, dataRoot);
        return stageFolders().length === 0;
      },
      { what: "its folder is gone" },
    );
  });

  test("that somebody cancels on the cluster is submitted again by the next attempt", async () => {
    await startWorker();
    const gate = fifo();
    const taskId = await spawn([{ wait_on: gate }, { write: "a", bytes: 3 }]);
    const first = await open(gate, "w");
    const [job] = await jobsOf(taskId);
    slurm.run("scancel", job!);
    await first.close();
    await until(async () => (await jobsOf(taskId)).length === 2, { what: "a second job" });
    await (await open(gate, "w")).close();
    await client.awaitTasks([taskId]);

    const task = await client.show(taskId);
    assert.equal(task.attempt, 2);
    assert.deepEqual(tagsOf(task), ["JobLost"]);
  });

  test("that takes more memory than its job has gets twice as much", async () => {
    await startWorker({ ...SLURM, memory_gib: 0.2 });
    const taskId = await spawn([
      { take_mib: 220, seconds: 4 },
      { write: "a", bytes: 3 },
    ]);
    await client.awaitTasks([taskId]);

    assert.deepEqual(tagsOf(await client.show(taskId)), ["OutOfMemory"]);
    const asked = (await jobsOf(taskId)).map((job) => memoryOf(job));
    assert.deepEqual(asked, ["205M", "410M"]);
  });

  test("that fails on its node fails as it does at home", async () => {
    await startWorker();
    const taskId = await spawn([{ fail: "MalformedFile" }]);
    await client.awaitTasks([taskId]).catch(forget);

    const task = await client.show(taskId);
    assert.equal(task.status, "failed");
    assert.equal(task.error?.tag, "MalformedFile");
    assert.deepEqual(stageFolders(), []);
  });
});

async function spawn(steps: object[]): Promise<string> {
  const params = { group_id: GROUP, steps, outputs: { [FINAL]: "a" } };
  return (await client.spawn("photometry", params, { backoffSeconds: 0.01 })).taskId;
}

async function startWorker(settings: object = SLURM): Promise<ChildProcess> {
  const site = JSON.stringify({ slurm: settings });
  const worker = fork(
    WORKER,
    [JSON.stringify({ url: PROBE_STAGE_URL, connectionString: database.url, dataRoot, site })],
    { env: { ...process.env, ...slurm.environment } },
  );
  workers.push(worker);
  await once(worker, "message");
  return worker;
}

async function kill(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  worker.kill("SIGKILL");
  await once(worker, "exit");
}

async function kept(taskId: string, step: string): Promise<void> {
  const has = async (): Promise<boolean> =>
    (await client.steps.list(taskId)).some((one) => one.step === step);
  await until(has, { what: `step ${step} is kept` });
}

/** Ids of the task's jobs, as Slurm knows them. */
function jobsOf(taskId: string): Promise<string[]> {
  const lines = slurm.run("squeue", "--noheader", "--states=all", "--format=%i|%j").split("\n");
  const own = lines.filter((line) => line.includes(taskId)).map((line) => line.split("|")[0]!);
  return Promise.resolve(own.sort((a, b) => Number(a) - Number(b)));
}

function stateOf(taskId: string): string {
  const lines = slurm.run("squeue", "--noheader", "--states=all", "--format=%T|%j").split("\n");
  return lines.find((line) => line.includes(taskId))?.split("|")[0] ?? "";
}

function memoryOf(job: string): string {
  return /MinMemoryNode=(\S+)/.exec(slurm.run("scontrol", "show", "job", job))?.[1] ?? "";
}

/** Of the attempts that failed. */
function tagsOf({ attempts }: Awaited<ReturnType<AbsurdClient["show"]>>): string[] {
  return attempts.flatMap(({ error }) => (error ? [error.tag] : []));
}

function fifo(): string {
  const path = join(dataRoot, "gate");
  execFileSync("mkfifo", [path]);
  return path;
}

function stageFolders(): string[] {
  const folder = join(dataRoot, "photometry/.stage");
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

/** What is to go wrong is what the test is about. */
function forget(): void {
  // Nothing to do.
}
