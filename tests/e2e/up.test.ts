/** `contimg up` by its promises: all of it starts, lives, mends a dead worker, and stops wholly. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { Client } from "@contimg/contract";
import { ERRORS } from "@contimg/pipeline";
import { ensureBuilt } from "@contimg/dashboard";
import { until } from "@contimg/testkit";
import { afterAll, beforeAll, describe, test } from "vitest";

import { CHROMIUM, launch, openPage } from "./dashboard-browser.ts";

const CONTIMG = resolve(import.meta.dirname, "../../packages/cli/src/contimg.ts");
const START_MS_MAX = 120_000;

/** The system under test, with what it prints. */
class Up {
  readonly process: ChildProcess;
  output = "";
  log = "";

  constructor(dataRoot: string) {
    const { ...environment } = process.env;
    delete environment["ABSURD_DATABASE_URL"];
    this.process = spawn(
      process.execPath,
      [CONTIMG, "up", "--port", "0", "--data-root", dataRoot],
      { stdio: ["ignore", "pipe", "pipe"], env: environment, detached: true },
    );
    this.process.stdout?.on("data", (part: Buffer) => (this.output += part.toString()));
    this.process.stderr?.on("data", (part: Buffer) => (this.log += part.toString()));
  }

  async ready(): Promise<string> {
    await until(() => this.output.includes("Ctrl-C") || this.process.exitCode !== null, {
      what: "up says that it is ready",
      deadlineMs: START_MS_MAX,
    });
    const url = /dashboard (\S+)\//.exec(this.output)?.[1];
    assert.ok(url, `${this.output}\n${this.log}`);
    return url;
  }

  /** As Ctrl-C on a terminal: the signal goes to the whole group. */
  async interrupt(): Promise<number | null> {
    const ended = once(this.process, "exit") as Promise<[number | null]>;
    process.kill(-(this.process.pid ?? assert.fail("it runs")), "SIGINT");
    const [code] = await ended;
    return code;
  }
}

/** Every process that has the folder's path in its words. */
function processesOf(folder: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, "utf8").includes(folder);
      } catch {
        return false; // it ended between the two looks
      }
    })
    .map(Number);
}

function workersOf(folder: string): number[] {
  return processesOf(folder).filter((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("\0worker\0"),
  );
}

describe.skipIf(!existsSync(CHROMIUM))("contimg up (needs chromium)", () => {
  const dataRoot = mkdtempSync(join(tmpdir(), "contimg-up-"));
  let up: Up;
  let url: string;

  beforeAll(async () => {
    await ensureBuilt();
    up = new Up(dataRoot);
    url = await up.ready();
  }, 2 * START_MS_MAX);

  afterAll(async () => {
    if (up.process.exitCode === null) await up.interrupt();
    await rm(dataRoot, { recursive: true, force: true });
  });

  test("shows a page on which a task appears by itself", async () => {
    const client = new Client({ baseUrl: url });
    const browser = await launch();
    try {
      const { page, complaints } = await openPage(browser);
      await page.goto(`${url}/tasks`);
      await page.getByText("Live", { exact: true }).waitFor();
      assert.equal(await page.getByText("validation").count(), 0);
      await client.call("spawnTask", {
        body: { task_name: "validation", params: {}, delay_seconds: 3600 },
      });
      await page.getByText("validation").first().waitFor();
      assert.deepEqual(complaints, []);
    } finally {
      await browser.close();
    }
  });

  test("has the runbook of every error of the pipeline", async () => {
    for (const runbook of new Set(Object.values(ERRORS).map((entry) => entry.runbook))) {
      const answer = await fetch(`${url}/absurd/docs/runbooks/${runbook}`);
      assert.equal(answer.status, 200, runbook);
    }
  });

  test(
    "starts a worker again that died, and says so",
    async () => {
      const [first] = await until(() => workersOf(dataRoot).slice(0, 1), { what: "a worker" });
      assert.ok(first);
      process.kill(first, "SIGKILL");
      await until(() => workersOf(dataRoot).some((pid) => pid !== first), {
        what: "another worker",
        deadlineMs: START_MS_MAX,
      });
      assert.match(
        up.log,
        /worker 1 ended with signal SIGKILL; its log is .* started again in 1 s/,
      );
    },
    START_MS_MAX,
  );

  test(
    "starts PostgreSQL again that died, and goes on by itself",
    async () => {
      const client = new Client({ baseUrl: url });
      const pidFile = join(dataRoot, "postgres", "data", "postmaster.pid");
      const postmaster = Number(readFileSync(pidFile, "utf8").split("\n")[0]);
      process.kill(postmaster, "SIGKILL");
      await until(() => up.log.includes("PostgreSQL is back"), {
        what: "up has started it again",
        deadlineMs: START_MS_MAX,
      });
      // The API answers, a worker takes the task, and refuses its params.
      const { task_id: taskId } = await until(
        () =>
          client
            .call("spawnTask", { body: { task_name: "validation", params: {} } })
            .catch(() => undefined),
        { what: "the API takes a task", deadlineMs: START_MS_MAX },
      );
      await until(
        async () => {
          const task = await client.call("getTask", { params: { task_id: taskId } });
          return task.status === "failed";
        },
        { what: "a worker has taken it", deadlineMs: START_MS_MAX },
      );
    },
    3 * START_MS_MAX,
  );

  test(
    "stops all of it at Ctrl-C",
    async () => {
      assert.ok(processesOf(dataRoot).length >= 3, "up, PostgreSQL and a worker");
      assert.equal(await up.interrupt(), 0, up.log);
      assert.deepEqual(processesOf(dataRoot), []);
    },
    START_MS_MAX,
  );
});

test(
  "contimg up that is killed with -9 leaves nothing behind",
  async () => {
    const dataRoot = mkdtempSync(join(tmpdir(), "contimg-up-killed-"));
    const up = new Up(dataRoot);
    try {
      await up.ready();
      await until(() => workersOf(dataRoot).length > 0, { what: "a worker" });
      up.process.kill("SIGKILL");
      await until(() => processesOf(dataRoot).length === 0, {
        what: "all of it has ended",
        deadlineMs: START_MS_MAX,
      });
    } finally {
      for (const pid of processesOf(dataRoot)) process.kill(pid, "SIGKILL");
      await rm(dataRoot, { recursive: true, force: true });
    }
  },
  2 * START_MS_MAX,
);
