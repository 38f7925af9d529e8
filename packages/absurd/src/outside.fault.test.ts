/** Executables as handlers: what they say, how they end, and that nothing is left. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, test } from "vitest";

import { freshDatabase, until } from "@contimg/testkit";

import { executable, type ExecutableOptions, type TaskView } from "./index.ts";
import { isAlive, type ProcessIdentity, readIdentity } from "./process-tree.ts";
import { assertGone, FIXTURE, MIB, OutsideStage } from "./testing/outside-stage.ts";

const database = freshDatabase();
const stage = new OutsideStage(database);
const { logged } = stage;

describe("an executable", () => {
  test("gets its params and who it is, and reports progress, log and result", async () => {
    const task = await runScript(
      `read -r params
       echo '{"progress": 0.5, "note": "half"}'
       echo '{"log": {"step": 1}}'
       echo "plain words"
       echo "to stderr" >&2
       cat <<END
{"result": {"params": $params, "fence": "$ABSURD_FENCE", "ids": "$ABSURD_TASK_ID $ABSURD_ATTEMPT \\
$ABSURD_TASK_NAME $MINE"}}
END`,
      { env: { MINE: "yes" } },
      { params: { field: "3C48" } },
    );
    assert.equal(task.status, "completed", JSON.stringify(task.error));
    const { fence, ...rest } = task.result as Record<string, unknown>;
    assert.match(String(fence), /^[0-9a-f]+-1-\d+-[0-9a-f]+$/);
    assert.deepEqual(rest, {
      params: { field: "3C48" },
      ids: `${task.taskId} 1 ${task.taskName} yes`,
    });
    const late = database.pool().query("select absurd.complete_task($1)", [fence]);
    await assert.rejects(late, { code: "WF001" }, "its fence is of no use any more");
    for (const line of ['{"step":1}', "plain words", "to stderr"]) {
      assert.ok(logged.includes(line), `"${line}" is in the log`);
    }
  });

  test("that says nothing has the result null, and its worker what limits rest on", async () => {
    const task = await runScript("exit 0");
    assert.deepEqual([task.status, task.result], ["completed", null]);
    assert.ok(logged.includes("tasks run in processes of their own"));
  });

  test("that exits with another code fails with the code and its last words", async () => {
    const task = await runScript("echo one; echo no such dish >&2; exit 7");
    assert.equal(task.error?.tag, "ExitedWithCode");
    assert.equal(task.error.class, "retryable");
    assert.equal(task.error.fields["exitCode"], 7);
    assert.match(task.error.message, /exit code 7: no such dish/);
  });

  test("may have its exit codes named", async () => {
    const exitCodes = { 9: { errorClass: "fatal", tag: "NoDish" } } as const;
    const task = await runScript("exit 9", { exitCodes }, { maxRetries: 3 });
    assert.deepEqual([task.error?.tag, task.error?.class, task.attempt], ["NoDish", "fatal", 1]);
  });

  test("may name its error itself, whatever its exit code", async () => {
    const task = await runScript(
      `echo '{"error": {"class": "validation", "tag": "Bad", "message": "m", "fields": {"a": 1}}}'`,
    );
    assert.deepEqual(
      [task.error?.tag, task.error?.class, task.error?.message, task.error?.fields],
      ["Bad", "validation", "m", { a: 1 }],
    );
  });

  test("that is killed fails with the signal's name", async () => {
    const task = await runScript("kill -SEGV $$");
    assert.deepEqual(
      [task.error?.tag, task.error?.fields["signal"]],
      ["KilledBySignal", "SIGSEGV"],
    );
  });

  test("that does not exist fails for good", async () => {
    const task = await stage.run({ handler: executable({ command: "/no/such/file" }) });
    assert.deepEqual([task.error?.tag, task.error?.class], ["CannotStart", "fatal"]);
  });

  test("takes along what it left running", async () => {
    const task = await runScript(`setsid sleep 1000 & echo "{\\"result\\": $!}"`);
    const left = readIdentity(Number(task.result));
    assert.ok(Number(task.result) > 0 && !(left && isAlive(left)), "it still runs");
  });

  test("that floods its output neither fills the memory nor the log", async () => {
    const before = process.memoryUsage().rss;
    let peak = 0;
    const sampler = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss - before);
    }, 20);
    const task = await runScript(
      `head -c 200000000 /dev/zero; echo
       yes | head -c 100000; echo '{"result": 1}'`,
    );
    clearInterval(sampler);
    assert.equal(task.result, 1);
    assert.ok(peak < 250 * MIB, `memory grew by ${peak} bytes with the output`);
    assert.ok(logged.join("").length < 2 * MIB);
  });

  test("whose result is too large fails for good and says so", async () => {
    const task = await runScript(
      `printf '{"result": "'; head -c 2000000 /dev/zero | tr '\\0' x; echo '"}'`,
    );
    assert.deepEqual([task.error?.tag, task.error?.class], ["OutputTooLarge", "fatal"]);
  });
});

describe("a limit", () => {
  test("of memory ends the executable, its children, and says OutOfMemory", async () => {
    const task = await runScript(
      `python3 -c 'x = [bytearray(1000000) for _ in range(400)]; import time; time.sleep(1000)'`,
      { limits: { memoryBytes: 150 * MIB } },
    );
    assert.equal(task.error?.tag, "OutOfMemory");
  });

  test("of data is met by the allocation", async () => {
    const task = await runScript(`exec python3 -c 'bytearray(300000000)'`, {
      limits: { dataBytes: 100 * MIB },
    });
    assert.equal(task.error?.tag, "OutOfMemory");
  });

  test("of processor time ends a busy loop", async () => {
    const task = await runScript("while :; do :; done", { limits: { cpuSeconds: 1 } });
    assert.equal(task.error?.tag, "CpuTimeExceeded");
  });

  test("of file size and of open files holds", async () => {
    const large = await runScript(
      `exec head -c 3000000 /dev/zero > "${join(stage.folder, "large")}"`,
      {
        limits: { fileBytes: MIB },
      },
    );
    assert.equal(large.error?.tag, "FileTooLarge");
    const many = await runScript(`echo "{\\"result\\": $(ulimit -n)}"`, {
      limits: { openFiles: 77 },
    });
    assert.equal(many.result, 77);
  });
});

describe("an executable that does not heed SIGTERM", () => {
  const STUBBORN = `
    trap "" TERM
    setsid sh -c 'trap "" TERM; echo $$ > "$0.session"; while :; do sleep 0.05; done' "$1" &
    sh -c 'trap "" TERM; echo $$ > "$0.child"; while :; do sleep 0.05; done' "$1" &
    echo $$ > "$1.pid"
    while :; do sleep 0.05; done`;

  test("is killed after the grace when its task is cancelled, grandchildren included", async () => {
    const { pids, spawned } = await startStubborn(STUBBORN, {});
    await stage.client.cancel(spawned, "clouds");
    const task = await stage.ended(spawned);
    assert.deepEqual([task.status, task.error?.message], ["cancelled", "clouds"]);
    assertGone(pids);
  });

  test("is killed after the grace when its task times out", async () => {
    const { pids, spawned } = await startStubborn(STUBBORN, { timeoutSeconds: 4 });
    const task = await stage.ended(spawned);
    assert.deepEqual([task.status, task.error?.tag], ["failed", "TimedOut"]);
    assertGone(pids);
  });

  test("dies with its worker, grandchildren included, when that is killed with -9", async () => {
    const mark = join(stage.folder, "orphan");
    const script = await writeScript(`set -- "${mark}"\n${STUBBORN}`);
    const child: ChildProcess = spawn(
      process.execPath,
      [FIXTURE.pathname, "worker", database.url, script],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    try {
      await new Promise((resolve) => child.stdout!.once("data", resolve));
      await stage.client.spawn("orphan", {});
      const pids = await identities(mark);
      assert.ok(pids.every(isAlive));
      child.kill("SIGKILL");
      await until(() => !pids.some(isAlive), { what: "everything it started is gone" });
    } finally {
      child.kill("SIGKILL");
    }
  });
});

function runScript(
  script: string,
  options: Partial<ExecutableOptions> = {},
  task: { params?: unknown; maxRetries?: number } = {},
): Promise<TaskView> {
  return writeScript(script).then((command) =>
    stage.run({ handler: executable({ killGraceSeconds: 0.3, ...options, command }), ...task }),
  );
}

async function writeScript(script: string): Promise<string> {
  const path = join(stage.folder, `script-${stage.taskCount}-${performance.now()}`);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

async function startStubborn(
  script: string,
  options: { timeoutSeconds?: number },
): Promise<{ pids: ProcessIdentity[]; spawned: string }> {
  const mark = join(stage.folder, `stubborn-${stage.taskCount}`);
  const command = await writeScript(script);
  const handler = executable({ command, args: [mark], killGraceSeconds: 0.3 });
  const spawned = await stage.start({ handler, ...options });
  return { pids: await identities(mark), spawned };
}

/** The processes that have written their numbers beside `mark`. */
function identities(mark: string): Promise<ProcessIdentity[]> {
  return Promise.all(
    [".pid", ".child", ".session"].map((ending) =>
      until(
        async () => {
          const text = await readFile(mark + ending, "utf8").catch(() => "");
          return text.endsWith("\n") ? readIdentity(Number(text)) : undefined;
        },
        { what: `${mark}${ending} is written` },
      ),
    ),
  );
}
