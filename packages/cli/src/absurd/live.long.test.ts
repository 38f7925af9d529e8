/** `absurd doctor|tail|top|tasks --watch|completion` in real terminals, on a real database. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmod, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

import { afterEach, beforeAll, describe, test } from "vitest";

import { AbsurdClient, defineTask } from "@contimg/absurd";
import { freshDatabase, sqlWorker, until } from "@contimg/testkit";
import { z } from "zod";

const { claim, cycle, registerWorker } = sqlWorker;
const PROGRAM = fileURLToPath(new URL("../absurd.ts", import.meta.url));
const database = freshDatabase();
const PARAMS = z.strictObject({});
const TASKS = ["imaging", "calibration-solve"].map((name) =>
  defineTask({ name, params: PARAMS, maxRetries: 0, handler: () => undefined }),
);
let client: AbsurdClient;
const started: ChildProcess[] = [];

beforeAll(async () => {
  client = new AbsurdClient(database.pool(), { tasks: TASKS });
  const db = await database.connect();
  await client.registerTasks();
  for (const name of ["imaging", "imaging", "calibration-solve"]) {
    await client.spawn(name, {}, { tags: ["night"] });
  }
  const worker = await registerWorker(db);
  const held = await claim(db, worker, 2);
  await cycle(db, worker, { failed: [[held[0]!, "fatal"]] });
});

afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});

describe("absurd doctor", () => {
  test("finds what is wrong with a database, and says what to do", async () => {
    const { output, exitCode } = await run(["doctor", "--json", "--folder", tmpdir()]);
    const { ok, checks } = JSON.parse(output) as {
      ok: boolean;
      checks: { name: string; verdict: string; message: string; remedy: string }[];
    };
    const verdictOf = new Map(checks.map((each) => [each.name, each.verdict]));
    for (const name of ["node", "database", "postgresql", "schema", "listen"]) {
      assert.equal(verdictOf.get(name), "ok", `${name}: ${output}`);
    }
    assert.equal(verdictOf.get("dead letters"), "warn");
    // The worker knows no name: what is ready waits for nobody.
    assert.equal(verdictOf.get("task names"), "fail", output);
    assert.ok(checks.every((each) => (each.verdict === "ok") === (each.remedy === "")));
    assert.deepEqual([ok, exitCode], [false, 1]);
    const plain = await run(["doctor"]);
    assert.match(plain.output, /^fail {2}task names .*\n {26}→ start a worker/m);
  });

  test("says that a database is away, and fails", async () => {
    const away = "postgres://nobody@127.0.0.1:1/none";
    const { output, exitCode } = await run(["doctor", "--database", away]);
    assert.match(output, /fail {2}database .*does not answer/);
    assert.equal(exitCode, 1);
  });

  test("tells a database without schema to be migrated", async () => {
    const url = new URL(database.url);
    url.pathname = "/postgres";
    const { output } = await run(["doctor", "--database", url.href]);
    assert.match(output, /fail {2}schema .*pending: 0001_/);
    assert.match(output, /→ run: absurd migrate/);
  });
});

describe("absurd tasks", () => {
  test("lists by filter, cuts to the terminal and watches", async () => {
    const listed = await run([
      "tasks",
      "name:imag*",
      "-status:failed",
      "tag:night",
      "--limit",
      "9",
    ]);
    assert.equal(listed.output.trim().split("\n").length, 2, listed.output);
    const narrow = await runInTerminal(["tasks"], { columns: 80, rows: 24 });
    for (const line of narrow.output.trim().split(/\r?\n/)) assert.ok(line.length <= 80, line);
    const child = start(["tasks", "status:failed", "--watch", "0.2", "--json"]);
    const lines = linesOf(child);
    await until(() => Promise.resolve(lines.length > 0), { what: "the first look is printed" });
    const db = await database.connect();
    const worker = await registerWorker(db);
    const held = await claim(db, worker, 1);
    await cycle(db, worker, { failed: [[held[0]!, "fatal"]] });
    await until(() => Promise.resolve(lines.length > 1), { what: "the change is printed" });
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { tasks: unknown[] }).tasks.length),
      [1, 2],
    );
  });
});

describe("absurd tail", () => {
  test("tells changes that fit, as they come", async () => {
    const child = start(["tail", "name:calibration-solve", "status:pending", "--json"]);
    const lines = linesOf(child);
    let spawned = 0;
    // It begins with its first read, which nobody can see: spawn until it tells.
    await until(
      async () => {
        await client.spawnMany([
          { task: "calibration-solve", params: {} },
          { task: "imaging", params: {} },
        ]);
        spawned += 1;
        return lines.length > 0;
      },
      { what: "a change is told" },
    );
    const told = lines.map((line) => JSON.parse(line) as { taskName: string; status: string });
    assert.ok(told.length <= spawned);
    assert.ok(told.every((each) => each.taskName === "calibration-solve"));
    assert.ok(told.every((each) => each.status === "pending"));
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    child.kill("SIGINT");
    assert.equal(await ended, 0);
  });
});

describe("absurd top", () => {
  test.each([
    { columns: 80, rows: 24 },
    { columns: 132, rows: 43 },
  ])("fills a terminal of $columns×$rows, and leaves it as it was", async (size) => {
    const { output } = await runInTerminal(["top", "--every", "0.3"], size, "q");
    assert.ok(output.startsWith("\u001b[?1049h\u001b[?25l"), JSON.stringify(output.slice(0, 80)));
    assert.ok(output.trimEnd().endsWith("\u001b[?25h\u001b[?1049l"));
    const drawn = [...output.matchAll(/\u001b\[(\d+);1H([^\u001b]*)\u001b\[K/g)];
    assert.ok(drawn.length > 5, output);
    for (const [, row, line] of drawn) {
      assert.ok(Number(row) <= size.rows && line!.length <= size.columns, `${row}: ${line}`);
    }
    const shown = drawn.map(([, , line]) => line).join("\n");
    for (const part of ["QUEUES", "WORKERS", "RUNNING by run", "FAILED last", "q quit"]) {
      assert.ok(shown.includes(part), `${part} in ${shown}`);
    }
    assert.match(shown, / imaging #1/);
  });

  test("prints one frame for a program, also as JSON", async () => {
    assert.match((await run(["top", "--once"])).output, /QUEUES\n {2}QUEUE +READY[^]*FAILED last/);
    const snapshot = JSON.parse((await run(["top", "--json"])).output) as { queues: unknown[] };
    assert.equal(snapshot.queues.length, 1);
  });
});

describe("absurd completion bash", () => {
  test.each([
    ["absurd ta", ["tail", "task", "tasks"]],
    ["absurd queues pa", ["pause"]],
    ["absurd schedules list --js", ["--json"]],
    ["absurd tasks status:f", ["failed"]],
    ["absurd tasks -sta", ["-started>", "-status:cancelled", "-status:claimed"]],
    ["absurd tasks 'name:x' wor", ["worker:", "workflow:"]],
    ["absurd completion z", ["zsh"]],
    ["absurd cancel --filter status:c", ["cancelled", "claimed", "completed"]],
  ])("of %s", async (line, offers) => {
    const folder = await mkdtemp(join(tmpdir(), "absurd-completion-"));
    try {
      await symlink(PROGRAM, join(folder, "absurd"));
      await chmod(PROGRAM, 0o755);
      const script = (await run(["completion", "bash"])).output;
      const shell = `${script}
complete -p absurd >/dev/null || exit 3
COMP_LINE="$1"; COMP_POINT=\${#1}; _absurd; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const replies = execFileSync("bash", ["-c", shell, "bash", line], { encoding: "utf8" });
      const found = replies
        .trim()
        .split("\n")
        .map((each) => each.replaceAll("\\", ""));
      for (const offer of offers) assert.ok(found.includes(offer), `${offer} in ${replies}`);
      if (!line.includes("-sta")) assert.equal(found.length, offers.length, replies);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

interface Ended {
  readonly output: string;
  readonly exitCode: number | null;
}

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, ABSURD_DATABASE_URL: database.url, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  started.push(child);
  return child;
}

async function run(args: readonly string[]): Promise<Ended> {
  return ended(start(args));
}

async function ended(child: ChildProcess): Promise<Ended> {
  const exit = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { output: await text(child.stdout!), exitCode: await exit };
}

function linesOf(child: ChildProcess): string[] {
  const lines: string[] = [];
  let rest = "";
  child.stdout!.setEncoding("utf8").on("data", (chunk: string) => {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop()!;
    lines.push(...parts);
  });
  return lines;
}

/** Through a pseudo-terminal; presses the key when the screen is drawn. */
async function runInTerminal(
  args: readonly string[],
  { columns, rows }: { columns: number; rows: number },
  key?: string,
): Promise<Ended> {
  const command = [process.execPath, PROGRAM, ...args].map((each) => `'${each}'`).join(" ");
  const child = spawn(
    "script",
    ["-qec", `stty cols ${columns} rows ${rows}; exec ${command}`, "/dev/null"],
    {
      env: { ...process.env, ABSURD_DATABASE_URL: database.url, TERM: "xterm" },
      stdio: ["pipe", "pipe", "inherit"],
    },
  );
  started.push(child);
  if (key !== undefined) {
    let seen = "";
    child.stdout.on("data", (chunk: Buffer) => {
      if (!seen.includes("q quit") && (seen += String(chunk)).includes("q quit")) {
        child.stdin.write(key);
      }
    });
  }
  return ended(child);
}
