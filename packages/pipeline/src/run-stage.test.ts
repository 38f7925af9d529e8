import assert from "node:assert/strict";
import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { until } from "@contimg/testkit";
import { afterEach, beforeEach, describe, test } from "vitest";

import { PipelineError } from "./errors.ts";
import { PROBE_STAGE_URL, probeStage } from "./probe-stage.test-stage.ts";
import { isAlive, listMarked, type ProcessIdentity } from "@contimg/absurd/process-tree";
import { runStageProcess, type StageRunOptions } from "./run-stage.ts";
import type { Json } from "./stage.ts";

const PROBE = { stage: probeStage, url: PROBE_STAGE_URL };

/** Set for everything a test starts, so that it can be found. */
const MARK = "CONTIMG_TEST_FOLDER";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "run-stage-"));
  process.env[MARK] = folder;
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe("a stage in its own process", () => {
  test("gives its result, its files and what it cost", async () => {
    const progress: number[] = [];

    const run = await runProbe([{ write: "a.csv", bytes: 10 }, { take_mib: 300 }], {
      onProgress: (fraction) => progress.push(fraction),
    });

    assert.deepEqual(run.result, { done: 2 });
    assert.deepEqual(progress, [0.5, 1]);
    assert.ok(existsSync(join(folder, "a.csv")));
    assert.ok(run.seconds > 0.5 && run.seconds < 20, `${run.seconds} s`);
    assert.ok(run.cpuSeconds > 0.05 && run.cpuSeconds < run.seconds + 1, `${run.cpuSeconds} s`);
    assert.ok(run.peakRssMib > 300 && run.peakRssMib < 800, `${run.peakRssMib} MiB`);
  });

  test("hands over its typed error with fields and its own stack", async () => {
    const error = await failureOf(runProbe([{ fail: "MalformedFile" }]));

    assert.ok(error instanceof PipelineError);
    assert.equal(error.tag, "MalformedFile");
    assert.deepEqual(error.fields, { path: "probe" });
    assert.match(error.stack ?? "", /probe-stage\.test-stage\.ts/);
  });

  test("hands over a bug as the error it was", async () => {
    const error = await failureOf(runProbe([{ fail: "bug" }]));

    assert.ok(!(error instanceof PipelineError));
    assert.equal(error.name, "TypeError");
    assert.match(error.stack ?? "", /probe-stage\.test-stage\.ts/);
  });

  test("may print; that is log, not protocol", async () => {
    const lines: string[] = [];

    await runProbe([{ print: "{ casacore says hello" }], { onLog: (line) => lines.push(line) });

    assert.deepEqual(lines, ["{ casacore says hello"]);
  });

  test("does not see the database's address", async () => {
    process.env["ABSURD_DATABASE_URL"] = "postgres://secret";
    try {
      const path = join(folder, "env");
      await runProbe([
        { start_tool: ["sh", "-c", `env >${path}.part; mv ${path}.part ${path}`] },
        { take_mib: 1 },
      ]);
      assert.doesNotMatch(execFileSync("cat", [path], { encoding: "utf8" }), /secret/);
    } finally {
      Reflect.deleteProperty(process.env, "ABSURD_DATABASE_URL");
    }
  });

  test("that is killed reports the signal and may be tried again", async () => {
    const started = fifo("started");
    const run = failureOf(runProbe([{ print: "last words" }, { wait_on: started }]));
    const writer = await open(started, "w");

    process.kill(startedProcesses()[0]!.pid, "SIGKILL");

    const error = await run;
    await writer.close();
    assert.ok(error instanceof PipelineError);
    assert.equal(error.tag, "StageCrashed");
    assert.equal(error.fields["signal"], "SIGKILL");
    assert.deepEqual(error.fields["logTail"], ["last words"]);
  });
});

describe("an abort", () => {
  test("lets the stage give way", async () => {
    const abort = new AbortController();
    const started = fifo("started");
    const run = failureOf(
      runProbe([{ wait_on: started }, { await_abort: true }], { signal: abort.signal }),
    );
    await (await open(started, "w")).close();

    abort.abort(new Error("task was cancelled"));

    assert.equal((await run).message, "task was cancelled");
  });

  test("kills a stage that hangs and the tools it started", async () => {
    const abort = new AbortController();
    const started = fifo("started");
    const run = failureOf(
      runProbe([{ start_tool: ["sleep", "600"] }, { wait_on: started }, { hang: true }], {
        signal: abort.signal,
        graceMs: 200,
      }),
    );
    await (await open(started, "w")).close();
    const everyone = startedProcesses();
    assert.equal(everyone.length, 2);

    abort.abort(new Error("lease was lost"));

    assert.equal((await run).message, "lease was lost");
    assert.deepEqual(everyone.filter(isAlive), []);
  });
});

test("a stage's end takes the tools with it that it left running", async () => {
  const started = fifo("started");
  const run = runProbe([{ start_tool: ["sleep", "600"] }, { wait_on: started }]);
  const writer = await open(started, "w");
  const everyone = startedProcesses();
  assert.equal(everyone.length, 2);
  await writer.close();

  await run;

  assert.deepEqual(everyone.filter(isAlive), []);
});

test("a parent's death by kill -9 takes a hanging stage and its tools with it", async () => {
  const started = fifo("started");
  const steps = [{ start_tool: ["sleep", "600"] }, { wait_on: started }, { hang: true }];
  const parent = fork(join(import.meta.dirname, "run-probe.test-process.ts"), [
    JSON.stringify({ url: PROBE_STAGE_URL, steps: JSON.stringify(steps), folder }),
  ]);
  await (await open(started, "w")).close();
  const everyone = startedProcesses();
  assert.equal(everyone.length, 3);

  parent.kill("SIGKILL");
  await once(parent, "exit");

  await until(() => everyone.filter(isAlive).length === 0, { what: "stage and tool are gone" });
});

function runProbe(steps: object[], options: Partial<StageRunOptions> = {}) {
  const inputs = { steps, outputs: {}, output_bytes: 0 } as Json;
  return runStageProcess(PROBE, inputs, { stageFolder: folder, threadCount: 1, ...options });
}

async function failureOf(run: Promise<unknown>): Promise<Error> {
  const error: unknown = await run.then(
    () => assert.fail("the run succeeded"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error);
  return error;
}

function fifo(name: string): string {
  const path = join(folder, name);
  execFileSync("mkfifo", [path]);
  return path;
}

function startedProcesses(): ProcessIdentity[] {
  return listMarked(MARK, folder);
}
