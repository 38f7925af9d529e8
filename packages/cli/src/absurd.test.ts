/** The command `absurd` as a person meets it: real processes, a real database. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

import pg from "pg";
import { afterAll, beforeAll, describe, test } from "vitest";

import { AbsurdClient, UnknownTaskName } from "@contimg/absurd";
import { freshDatabase, until } from "@contimg/testkit";

const PROGRAM = fileURLToPath(new URL("./absurd.ts", import.meta.url));
const TASKS = `
import { defineTask } from "@contimg/absurd";
import { z } from "zod";
export const greet = defineTask({
  name: "greet",
  params: z.strictObject({ name: z.string() }),
  handler: ({ name }) => \`hello \${name}\`,
});
export const stepping = defineTask({
  name: "stepping",
  params: z.strictObject({}),
  maxRetries: 0,
  handler: async (_params, context) => {
    const name = await context.awaitEvent("name");
    await context.step("greet", () => "hello " + name);
    await context.step("part", () => "bye");
    context.log.info({ name }, "was polite");
    if (context.attempt < 3) throw new Error("not polite enough");
  },
});
export const tasks = [defineTask({
  name: "doomed",
  params: z.strictObject({}),
  maxRetries: 0,
  handler: () => { throw new Error("no such dish"); },
})];
`;

const database = freshDatabase();
let folder = "";
let worker: ChildProcess;
let client: AbsurdClient;

beforeAll(async () => {
  // Inside the package, where the module's imports are found.
  folder = await mkdtemp(fileURLToPath(new URL("../.tasks-", import.meta.url)));
  await writeFile(join(folder, "tasks.ts"), TASKS);
  worker = start(["worker", "--tasks", join(folder, "tasks.ts"), "--concurrency", "2"]);
  client = new AbsurdClient(database.pool());
  await until(
    () =>
      client.spawn("greet", { name: "first" }).catch((error: unknown) => {
        if (!(error instanceof UnknownTaskName)) throw error;
      }),
    { what: "the worker registered its tasks", deadlineMs: 50_000 },
  );
});

afterAll(async () => {
  worker.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

describe("absurd", () => {
  test("spawns a task from params in a file, shows and counts it", async () => {
    const paramsPath = join(folder, "params.json");
    await writeFile(paramsPath, '{"name":"world"}');
    const spawned = await run(["spawn", "greet", "--params", `@${paramsPath}`, "--json"]);
    const { taskId } = JSON.parse(spawned.output) as { taskId: string };

    await client.awaitTasks([taskId]);
    const shown = JSON.parse((await run(["task", taskId, "--json"])).output) as { result: string };

    assert.equal(shown.result, "hello world");
    assert.match((await run(["task", taskId])).output, /status +completed/);
    assert.match((await run(["tasks", "status:completed"])).output, new RegExp(taskId));
    assert.match((await run(["stats"])).output, /default/);
  });

  test("emits an event, shows steps and log, and starts a task anew from a step", async () => {
    const taskId = (await run(["spawn", "stepping"])).output.trim();
    await until(async () => (await client.events.waiters("name")).length === 1, {
      what: "the task waits for its event",
    });
    assert.match((await run(["task", taskId])).output, /waiting: for event name/);
    const emitted = await run(["emit", "name", "--payload", '"world"', "--json"]);
    assert.equal((JSON.parse(emitted.output) as { first: boolean }).first, true);
    assert.match((await run(["emit", "name"])).output, /happened already at/);
    const [dead] = await client.awaitTasks([taskId]);
    assert.equal(dead!.status, "failed");

    assert.match((await run(["steps", taskId])).output, /greet +2 .*"hello world"\npart +2 /);
    assert.match(
      (await run(["tail", taskId, "--no-follow"])).output,
      /info +#2 was polite \{"name":"world"\}/,
    );
    const unknown = await run(["retry", taskId, "--from-step", "sing"]);
    assert.notEqual(unknown.exitCode, 0);
    assert.match(unknown.errors, /has kept no step "sing"/);
    assert.equal((await run(["retry", taskId, "--from-step", "part"])).exitCode, 0);
    const followed = await run(["tail", taskId, "--json"]);

    assert.equal(followed.output.trim().split("\n").length, 2);
    const steps = await client.steps.list(taskId);
    assert.deepEqual(
      steps.map((each) => [each.step, each.attempt]),
      [
        ["$event:name", 1],
        ["greet", 2],
        ["part", 3],
      ],
    );
  });

  test("retries a task that failed", async () => {
    const taskId = (await run(["spawn", "doomed"])).output.trim();
    const [dead] = await client.awaitTasks([taskId]);
    assert.deepEqual([dead!.status, dead!.attempt], ["failed", 1]);

    assert.equal((await run(["retry", taskId])).exitCode, 0);
    const [again] = await client.awaitTasks([taskId]);
    assert.deepEqual([again!.status, again!.attempt], ["failed", 2]);
    assert.match((await run(["cancel", taskId])).output, /had ended already/);
  });

  test("says what is wrong in one line and in its exit code", async () => {
    const cases: readonly [string[], number, RegExp][] = [
      [["spawn", "gret"], 2, /task name "gret" is not registered; did you mean greet\?/],
      [["spawn", "greet", "--params", "{"], 2, /no JSON/],
      [["task", "17"], 3, /a task id is a UUID/],
      [["spawn", "greet", "--depends-on", "17"], 3, /no task 17: a task id is a UUID/],
      [["spawn", "greet", "--priority", "40000"], 2, /--priority .*'40000' .*whole number, -32768/],
      [["tasks", "--cursor", "17"], 2, /--cursor is "17", expected a UUID/],
      [["tasks", "--limmit", "3"], 2, /unknown option '--limmit'/],
      [["tasks", "name:greet stauts:failed"], 2, /\n {13}\^{6} .*did you mean status:\?/],
      [["worker", "--tasks", "x.ts", "--lease-seconds", "soon"], 2, /--lease-seconds .*'soon'/],
      [["dance"], 2, /unknown command/],
      [["stats", "--database", "postgres://nobody@127.0.0.1:1/none"], 4, /does not answer/],
      [["stats", "--database", "mysql://x"], 2, /ABSURD_DATABASE_URL/],
    ];
    const results = await Promise.all(cases.map(([args]) => run(args)));
    for (const [index, [args, exitCode, message]] of cases.entries()) {
      const { errors, exitCode: ended } = results[index]!;
      assert.equal(ended, exitCode, `${args.join(" ")}: ${errors}`);
      assert.match(errors, message);
      assert.doesNotMatch(errors, /\n\s+at /);
    }
  });

  test("ends a worker at SIGTERM with exit code 0", async () => {
    const ended = new Promise<number | null>((resolve) => worker.once("exit", resolve));
    worker.kill("SIGTERM");
    assert.equal(await ended, 0);
  });
});

function start(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, ABSURD_DATABASE_URL: database.url },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function run(
  args: readonly string[],
): Promise<{ exitCode: number | null; output: string; errors: string }> {
  const child = start(args);
  const exit = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [output, errors] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
  return { exitCode: await exit, output, errors };
}

describe("absurd worker --exec", () => {
  test("runs an executable as a task, under limits", async () => {
    const script = join(folder, "double.sh");
    await writeFile(
      script,
      `#!/bin/sh\nread -r n\necho "{\\"result\\": [$((n * 2)), $(ulimit -n)]}"\n`,
    );
    await chmod(script, 0o755);
    const runner = start([
      ...["worker", "--queue", "exec", "--exec", `double=${script}`],
      ...["--exec-limit", "open-files=99", "--exec-limit", "memory=512M"],
    ]);
    try {
      const taskId = await until(
        async () => {
          const spawned = await run(["spawn", "double", "--queue", "exec", "--params", "21"]);
          return spawned.exitCode === 0 ? spawned.output.trim() : undefined;
        },
        { what: "the worker registered its task", deadlineMs: 50_000 },
      );
      const [task] = await client.awaitTasks([taskId]);
      assert.deepEqual(task!.result, [42, 99]);
    } finally {
      runner.kill("SIGTERM");
    }
  });

  test("names what is wrong with a limit", async () => {
    const { exitCode, errors } = await run([
      "worker",
      "--exec",
      "a=b",
      "--exec-limit",
      "memory=lots",
    ]);
    assert.equal(exitCode, 2);
    assert.match(errors, /such as memory=512M/);
  });
});

describe("absurd spool", () => {
  test("lists what waits, and replays it", async () => {
    const spoolFolder = join(folder, "spool");
    const nowhere = new pg.Pool({ connectionString: "postgres://nobody@127.0.0.1:9/nothing" });
    const away = new AbsurdClient(nowhere, { spoolFolder });
    await away.spawn("greet", { name: "late" }, { whenAway: "spool", idempotencyKey: "late" });
    await nowhere.end();

    assert.match((await run(["spool", "list", "--folder", spoolFolder])).output, /ready +1 spawn /);
    const replayed = await run(["spool", "replay", "--folder", spoolFolder, "--json"]);
    assert.equal((JSON.parse(replayed.output) as { spawned: number }).spawned, 1);
    assert.match((await run(["spool", "list", "--folder", spoolFolder])).output, /nothing waits/);
    const { created } = await client.spawn("greet", { name: "x" }, { idempotencyKey: "late" });
    assert.equal(created, false, "it is in the database");
  });
});
