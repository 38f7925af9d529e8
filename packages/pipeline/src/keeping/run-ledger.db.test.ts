import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";

import { AbsurdClient, startWorker } from "@contimg/absurd";
import { canMountDisks, mountSmallDisk, until } from "@contimg/testkit";
import type pg from "pg";
import { afterEach, beforeEach, describe, test } from "vitest";

import { CHAINS } from "../chains.ts";
import { PipelineError } from "../errors.ts";
import { PROBE_STAGE_URL, probeStage } from "../probe-stage.test-stage.ts";
import { runIdByHand } from "../products/run-id.ts";
import { runByHand } from "../run-by-hand.ts";
import { classifyStageError, stageTask } from "../stage-task.ts";
import type { Machine } from "./machine.ts";
import { needsOf, resourcesOf, STAGES_WITH_NEEDS } from "./needs.ts";
import { readExperience, RunLedger, type RunToBegin } from "./run-ledger.ts";
import { pipelineDatabase } from "../testing/pipeline-database.ts";

const GROUP = "2026-01-25T22:26:05";
const FINAL = "photometry/2026-01-25/a.csv";
const MIB = 2 ** 20;
const PROBE = { stage: probeStage, url: PROBE_STAGE_URL };

const database = pipelineDatabase();

let dataRoot: string;
let pool: pg.Pool;
beforeEach(async () => {
  dataRoot = mkdtempSync(join(tmpdir(), "ledger-"));
  mkdirSync(join(dataRoot, "photometry/.stage"), { recursive: true });
  pool = database.pool();
  await pool.query("truncate contimg.groups, contimg.stage_runs cascade");
});
afterEach(() => {
  rmSync(dataRoot, { recursive: true });
});

describe("what a stage needs", () => {
  test("is stated for every stage of every chain", () => {
    for (const stage of Object.values(CHAINS).flat()) assert.ok(STAGES_WITH_NEEDS.includes(stage));
  });

  test("grows with the image and with the data", () => {
    const small = needsOf("imaging", { pixel_count: 1024 }, 1e6);
    const large = needsOf("imaging", { pixel_count: 4096, channels_out: 4 }, 1e6);
    assert.ok(large.memoryBytes > 4 * small.memoryBytes);
    assert.ok(large.openFiles > small.openFiles);
    const rounds = needsOf("imaging", { self_calibration: { amplitude: false } }, 1e6);
    assert.deepEqual([small.scratchBytes, rounds.scratchBytes], [1e6, 4e6]);
    assert.equal(needsOf("imaging", { self_calibration: null }, 1e6).scratchBytes, 1e6);
    const ofTile = needsOf("imaging", { pixel_count: 1024 }, 8e8);
    assert.equal(ofTile.memoryBytes - small.memoryBytes, 8e8 - 1e6);
    assert.ok(needsOf("convert-uvh5-to-ms", {}, 1e6).memoryBytes < 300 * MIB);
    assert.ok(needsOf("convert-uvh5-to-ms", {}).memoryBytes > 700 * MIB);
  });

  test("is what its task asks of a worker, times experience", () => {
    const asked = resourcesOf("photometry", { pixel_count: 1024 });
    const experienced = resourcesOf(
      "photometry",
      { pixel_count: 1024 },
      { memoryFactor: 2, diskFactor: 1 },
    );
    assert.equal(experienced.memory_mib, 2 * asked.memory_mib);
    assert.ok(asked.open_files > 0);
  });
});

describe("the ledger", () => {
  test("records what a run took", async () => {
    await runProbe([{ write: "a", bytes: 5000 }, { take_mib: 200 }]);

    const [run] = await runs();
    assert.equal(run!.outcome, "completed");
    assert.equal(Number(run!.written_bytes), 5000);
    assert.ok(Number(run!.peak_memory_bytes) > 200 * MIB);
    assert.ok(Number(run!.reserved_memory_bytes) >= Number(run!.stated_memory_bytes));
  });

  test("records a failure as one, and frees its room", async () => {
    await assert.rejects(runProbe([{ fail: "MalformedFile" }]));

    assert.deepEqual(
      (await runs()).map((run) => run.outcome),
      ["failed"],
    );
    assert.deepEqual(
      (await pool.query("select from contimg.live_stage_runs($1)", [hostname()])).rows,
      [],
    );
  });

  test("estimates the next run from the last ones, and never below the function", async () => {
    await insertRuns(20, 3);
    assert.equal((await readExperience(pool, "photometry")).memoryFactor, 3);
    await runProbe([{ write: "a", bytes: 1 }]);
    const run = (await runs()).at(-1)!;
    const factor = Number(run.reserved_memory_bytes) / Number(run.stated_memory_bytes);
    assert.ok(Math.abs(factor - 3) < 1e-6, `${factor}`);

    await pool.query("truncate contimg.stage_runs");
    await insertRuns(20, 0.1);
    assert.equal((await readExperience(pool, "photometry")).memoryFactor, 1);
  });

  test("gives two runs no more than the machine has, and says what is left", async () => {
    const machine = { host: "one", memoryBytes: 1000 * MIB, openFiles: 100 };
    await begin(machine, 600 * MIB);

    const error = await refusal(begin(machine, 500 * MIB));
    assert.equal(error.tag, "MemoryBusy");
    assert.match(error.message, /needs 500.0 MiB of memory, other stages leave 400.0 MiB/);
    await begin(machine, 400 * MIB);
    await begin({ ...machine, host: "two" }, 900 * MIB);
  });

  test("lets nobody take the same room at the same time", async () => {
    const machine = { host: "one", memoryBytes: 1000 * MIB, openFiles: 100 };

    const tries = await Promise.allSettled(
      Array.from({ length: 8 }, () => begin(machine, 300 * MIB)),
    );

    assert.equal(tries.filter(({ status }) => status === "fulfilled").length, 3);
  });

  test("never asks for more than the machine has", async () => {
    const machine = { host: "one", memoryBytes: 100 * MIB, openFiles: 100 };
    const reserved = await begin(machine, 9e12);
    assert.equal(reserved.memoryBytes, 100 * MIB);
  });

  test.skipIf(!canMountDisks())("counts what running stages have still to write", async () => {
    using disk = mountSmallDisk(join(dataRoot, "photometry"), 10 * MIB);
    const machine = { host: "one", memoryBytes: 1000 * MIB, openFiles: 100 };
    mkdirSync(join(disk.folder, ".stage"));
    await begin(machine, MIB, 6 * MIB);
    const folder = join(disk.folder, ".stage", (await runIds())[0]!);
    mkdirSync(folder);

    const error = await refusal(begin(machine, MIB, 5 * MIB));

    assert.equal(error.tag, "DiskFull");
    assert.ok(error.message.startsWith(disk.folder), error.message);
    assert.match(
      error.message,
      /10.0 MiB free, of which running stages need 6.0 MiB, the stage needs 5.0 MiB/,
    );
    // What the first has written is not free any more, and not needed twice.
    writeFileSync(join(folder, "part"), Buffer.alloc(5 * MIB));
    await begin(machine, MIB, 4 * MIB);
  });
});

describe("a stage that runs out of memory", () => {
  test("is tried again with twice as much, until it has enough", async () => {
    const gate = join(dataRoot, "gate");
    execFileSync("mkfifo", [gate]);
    const ended = runToEnd(4000, [{ take_mib: 1200 }, { wait_on: gate }]);
    // Twice 256 and twice 512 MiB are too little for 1200; twice 1024 are enough.
    await until(async () => (await runs()).some(hasGibibyte), { what: "an attempt has 1 GiB" });
    await (await open(gate, "w")).close();
    const { task, outcomes } = await ended;

    assert.equal(task.status, "completed");
    assert.deepEqual(
      outcomes.map((run) => [run.outcome, Number(run.reserved_memory_bytes) / MIB]),
      [
        ["out-of-memory", 256],
        ["out-of-memory", 512],
        ["completed", 1024],
      ],
    );
  });

  test("fails for good when the machine has no more to give", async () => {
    const { task, outcomes } = await runToEnd(400, [{ take_mib: 900 }, { hang: true }]);

    assert.equal(task.status, "failed");
    assert.equal(task.error?.tag, "MachineTooSmall");
    assert.match(task.error.message, /ran out of memory with all 400 MiB that this machine/);
    assert.equal(outcomes.at(-1)!.reserved_memory_bytes, String(400 * MIB));
  });
});

interface RunRow {
  outcome: string;
  written_bytes: string | null;
  peak_memory_bytes: string | null;
  stated_memory_bytes: string;
  reserved_memory_bytes: string;
}

async function runs(): Promise<RunRow[]> {
  const { rows } = await pool.query<RunRow>("select * from contimg.stage_runs order by started_at");
  return rows;
}

async function runIds(): Promise<string[]> {
  const { rows } = await pool.query<{ run_id: string }>("select run_id from contimg.stage_runs");
  return rows.map((row) => row.run_id);
}

async function insertRuns(count: number, factor: number): Promise<void> {
  await pool.query(
    `insert into contimg.stage_runs (
       run_id, task_name, group_id, host, device, stated_memory_bytes, stated_disk_bytes,
       reserved_memory_bytes, reserved_disk_bytes, ended_at, outcome, peak_memory_bytes,
       written_bytes)
     select 'past ' || i, 'photometry', 'g', 'h', 'd', 1000, 1000, 1000, 1000, now(), 'completed',
            1000 * $2::float8, 10
       from generate_series(1, $1::integer) i`,
    [count, factor],
  );
}

/** Of this process, so that it is alive. */
function begin(machine: Machine, memoryBytes: number, diskBytes = 0) {
  const run: RunToBegin = {
    stage: "photometry",
    groupId: GROUP,
    folder: join(dataRoot, "photometry/.stage"),
    needs: { memoryBytes, scratchBytes: 0, openFiles: 1 },
    diskBytes,
  };
  return new RunLedger(pool, { dataRoot, runId: runIdByHand(), machine }).begin(run);
}

async function refusal(begun: Promise<unknown>): Promise<PipelineError> {
  const error: unknown = await begun.then(
    () => assert.fail("the run began"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PipelineError, String(error));
  return error;
}

function runProbe(steps: object[]) {
  const params = { group_id: GROUP, steps, outputs: { [FINAL]: "a" } };
  return runByHand(PROBE, params, { dataRoot, pool, threadCount: 1 });
}

function hasGibibyte(run: RunRow): boolean {
  return Number(run.reserved_memory_bytes) >= 1024 * MIB;
}

async function runToEnd(machineMib: number, steps: readonly object[]) {
  const machine = { host: hostname(), memoryBytes: machineMib * MIB, openFiles: 1000 };
  const task = stageTask(PROBE, { pool, dataRoot, threadCount: 1, queue: "memory", machine });
  const client = new AbsurdClient(pool, { tasks: [task] });
  const params = {
    group_id: GROUP,
    steps: [...steps, { write: "a", bytes: 1 }],
    outputs: { [FINAL]: "a" },
  };
  const worker = await startWorker({
    connectionString: database.url,
    tasks: [task],
    classifyError: classifyStageError,
  });
  const { taskId } = await client.spawn(task, params, { backoffSeconds: 0.01 });
  await client.awaitTasks([taskId]);
  await worker.stop();
  const shown = await client.show(taskId);
  await client.close();
  assert.deepEqual(readdirSync(join(dataRoot, "photometry/.stage")), []);
  return { task: shown, outcomes: await runs() };
}
