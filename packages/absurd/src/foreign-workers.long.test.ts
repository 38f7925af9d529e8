/** The workers of examples/, in Python and in shell: real processes that die, freeze and leave. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type pg from "pg";
import { afterEach, describe, test } from "vitest";

import { deadline, freshDatabase, setClock, until } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { untilOutlived } from "./testing/lease-watch.ts";

const LEASE_SECONDS = 3;

interface Language {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Tells whether what it needs is here. */
  readonly probe: readonly [string, ...string[]];
  readonly debianPackage: string;
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const LANGUAGES: readonly Language[] = [
  {
    name: "Python",
    command: ["/usr/bin/python3", here("./gate.fixture.py")],
    probe: ["/usr/bin/python3", "-c", "import psycopg"],
    debianPackage: "python3-psycopg",
  },
  {
    name: "shell",
    command: [here("../examples/absurd-worker.sh"), "gate", here("./gate.fixture.sh")],
    probe: ["psql", "--version"],
    debianPackage: "postgresql-client",
  },
];

const database = freshDatabase();
const processes: ChildProcess[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const each of processes.splice(0)) each.kill("SIGKILL");
  // What a killed shell worker ran waits for this file.
  await Promise.all(folders.map((folder) => writeFile(join(folder, "go"), "")));
  await Promise.all(
    folders.splice(0).map((path) => rm(path, { recursive: true, force: true, maxRetries: 3 })),
  );
});

for (const language of LANGUAGES) {
  const [program, ...probeArguments] = language.probe;
  const isMissing = spawnSync(program, probeArguments).status !== 0;
  const needs = isMissing ? ` (needs the Debian package ${language.debianPackage})` : "";

  describe.skipIf(isMissing)(`the ${language.name} worker${needs}`, () => {
    test("completes tasks with their results, reports progress, fails with a message", async () => {
      const { db, client, start, open } = await setup(language);
      await start();
      const good = await client.spawn("gate", { n: 7 });
      await until(async () => (await client.show(good.taskId)).place.progress?.note, {
        what: "progress of the task",
      });
      assert.deepEqual((await client.show(good.taskId)).place.progress, {
        fraction: 0.5,
        note: "half way",
      });
      await open();
      const bad = await client.spawn("gate", { fail: "no such field" });

      const [done, failed] = await client.awaitTasks([good.taskId, bad.taskId], deadline());

      assert.deepEqual(done!.result, { passed: 7 });
      assert.equal(failed!.status, "failed");
      assert.equal(failed!.attempt, 1);
      assert.match(failed!.error!.message, /no such field$/);
      assert.equal((await db.query("select from absurd.lease")).rowCount, 0);
    });

    test("keeps the lease of a task that takes longer than its lease", async () => {
      const { db, client, start, open } = await setup(language);
      await start();
      const { taskId } = await client.spawn("gate", { n: 1 });
      await untilOutlived(db, 2);
      await db.query("select absurd.recover_dead_workers(1000)");
      await open();
      const [task] = await client.awaitTasks([taskId], deadline());
      assert.equal(task!.attempt, 1);
    });

    test("killed with SIGKILL loses no task: another worker runs all of them", async () => {
      const { db, client, start, open, folder } = await setup(language);
      const victim = await start();
      const spawned = await client.spawnMany(
        [1, 2, 3].map((n) => ({ task: "gate", params: { n } })),
      );
      const victimTask = await untilClaimed(db);
      if (language.name === "shell") {
        const pids = join(folder, "go.pids");
        // The file is there before its first line is.
        await until(() => existsSync(pids) && readFileSync(pids, "utf8").endsWith("\n"), {
          what: "its command runs",
        });
      }
      victim.kill("SIGKILL");
      if (language.name === "shell") await untilCommandIsGone(folder);
      await start();
      await open();

      const tasks = await client.awaitTasks(
        spawned.map((each) => each.taskId),
        deadline(),
      );

      assert.deepEqual(
        tasks.map((task) => [task.status, task.result]),
        [1, 2, 3].map((n) => ["completed", { passed: n }]),
      );
      assert.equal(tasks.find((task) => task.taskId === victimTask)!.attempt, 2);
    });

    test("stops a task that is cancelled", async () => {
      const { db, client, start } = await setup(language);
      await start();
      const { taskId } = await client.spawn("gate", { n: 1 });
      await untilClaimed(db);
      await client.cancel(taskId, "clouds");
      const [task] = await client.awaitTasks([taskId], deadline());
      assert.equal(task!.status, "cancelled");
      assert.match(task!.error!.message, /clouds/);
    });

    test("declared dead, drops what it made, registers again and goes on", async () => {
      const { db, client, start, open } = await setup(language);
      await start();
      const { taskId } = await client.spawn("gate", { n: 1 });
      await untilClaimed(db);

      await setClock(db, new Date(Date.now() + 3_600_000).toISOString());
      await db.query("select absurd.recover_dead_workers(1000)");
      await setClock(db, null);
      await until(
        async () =>
          (await db.query("select from absurd.lease where claim_no = 2")).rowCount === 1 &&
          (await db.query("select from absurd.worker")).rowCount === 2,
        { what: "the worker registered again and claimed the task again" },
      );
      await open();

      const [task] = await client.awaitTasks([taskId], deadline());
      assert.equal(task!.status, "completed");
      assert.equal(task!.attempt, 2);
    });

    test("asked to stop, ends its task, reports it and leaves", async () => {
      const { db, client, start, open } = await setup(language);
      const worker = await start();
      const { taskId } = await client.spawn("gate", { n: 1 });
      await untilClaimed(db);
      const exited = new Promise((resolve) => worker.once("exit", resolve));

      worker.kill("SIGTERM");
      await client.spawn("gate", { n: 2 });
      await open();

      assert.equal(await exited, 0);
      assert.equal((await client.show(taskId)).status, "completed");
      const { rows } = await db.query<{ left: boolean }>(
        "select gone_at is not null as left from absurd.worker",
      );
      assert.deepEqual(rows, [{ left: true }]);
      assert.equal((await db.query("select from absurd.ready")).rowCount, 1);
    });
  });
}

interface Stage {
  readonly db: pg.Client;
  readonly client: AbsurdClient;
  readonly folder: string;
  /** Starts a worker; resolves when it is registered. */
  readonly start: () => Promise<ChildProcess>;
  /** Lets the tasks end. */
  readonly open: () => Promise<void>;
}

async function setup(language: Language): Promise<Stage> {
  const db = await database.connect();
  await database.empty([
    "absurd.task",
    "absurd.ready",
    "absurd.lease",
    "absurd.deferred",
    "absurd.outcome",
    "absurd.attempt",
    "absurd.credit",
    "absurd.progress",
    "absurd.worker",
    "absurd.signal",
  ]);
  await db.query("select absurd.register_kinds($1)", ['[{"task_name": "gate"}]']);
  const folder = await mkdtemp(join(tmpdir(), "absurd-gate-"));
  folders.push(folder);
  const goFile = join(folder, "go");
  return {
    db,
    client: new AbsurdClient(database.pool()),
    folder,
    async start() {
      const before = (await db.query("select from absurd.worker")).rowCount!;
      const [program, ...args] = language.command;
      const child = spawn(program, args, {
        stdio: ["ignore", "ignore", "pipe"],
        env: {
          ...process.env,
          DATABASE_URL: database.url,
          LEASE_SECONDS: String(LEASE_SECONDS),
          POLL_SECONDS: "0.1",
          GO_FILE: goFile,
        },
      });
      let said = "";
      child.stderr.on("data", (text) => {
        said += String(text);
      });
      processes.push(child);
      await until(
        async () => {
          assert.equal(child.exitCode, null, said);
          return (await db.query("select from absurd.worker")).rowCount! > before;
        },
        { what: "the worker is registered" },
      );
      return child;
    },
    open: () => writeFile(goFile, ""),
  };
}

async function untilClaimed(db: pg.Client): Promise<string> {
  return until(
    async () => {
      const { rows } = await db.query<{ id: string }>(
        "select absurd.task_uuid(task_id) as id from absurd.lease",
      );
      return rows[0]?.id;
    },
    { what: "a task is claimed" },
  );
}

async function untilCommandIsGone(folder: string): Promise<void> {
  const pids = readFileSync(join(folder, "go.pids"), "utf8").trim().split("\n").map(Number);
  await until(() => pids.every((pid) => !existsSync(`/proc/${pid}`)), {
    what: "the command of the killed worker is stopped",
  });
}
