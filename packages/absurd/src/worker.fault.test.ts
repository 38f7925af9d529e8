/** What must hold when processes die, freeze or come back: real processes, a real server. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import pg from "pg";
import { afterEach, describe, test } from "vitest";

import { deadline, freshDatabase, until } from "@contimg/testkit";

import { AbsurdClient } from "./client.ts";
import { startEmbeddedPostgres } from "./embedded-postgres.ts";
import { migrate } from "./migrate.ts";

const FIXTURE = fileURLToPath(new URL("./fault-worker.fixture.ts", import.meta.url));
const LEASE_SECONDS = 0.6;

const database = freshDatabase();
const processes: WorkerProcess[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const each of processes.splice(0)) each.kill("SIGKILL");
  await Promise.all(folders.splice(0).map((path) => rm(path, { recursive: true, force: true })));
});

describe("a worker stopped with SIGSTOP past its lease and resumed", () => {
  const silent = ["complete", "fail", "progress", "log"];
  const refused = ["spawn", "completeIn", "assertFence", "step", "emit", "sleep", "awaitEvent"];
  for (const verb of [...silent, ...refused, "awaitTasks"]) {
    test(`cannot ${verb}`, async () => {
      const { db, client, goFile } = await setup();
      const stale = await startProcess(database.url, goFile);
      const { taskId } = await client.spawn("verb", { verb });
      await stale.line("started");

      stale.kill("SIGSTOP");
      const heir = await takeOver(db, taskId);
      await writeFile(goFile, "");
      stale.kill("SIGCONT");
      await stale.line("ended");
      if (!silent.includes(verb)) {
        assert.equal((await stale.line("refused"))["refused"], "LeaseLost");
      }
      // Its next registration shows that it has heard the verdict and dealt with it.
      await until(async () => (await db.query("select from absurd.worker")).rowCount! >= 3, {
        what: "the resumed worker registered again",
      });

      const { rows } = await db.query<{ status: string; attempt: number }>(
        "select status, attempt from absurd.tasks",
      );
      assert.deepEqual(rows, [{ status: "claimed", attempt: 2 }], "a stale write was accepted");
      assert.equal((await db.query("select from product")).rowCount, 0);
      assert.equal((await db.query("select from absurd.progress")).rowCount, 0);
      for (const table of ["checkpoint", "event", "wait_event", "task_log"]) {
        assert.equal((await db.query(`select from absurd.${table}`)).rowCount, 0, table);
      }
      await db.query("select absurd.complete_task($1)", [heir]);
      assert.equal((await client.show(taskId)).status, "completed");
    });
  }
});

describe("kill -9", () => {
  test("of a worker costs one lease: another runs its tasks, and each ends once", async () => {
    const { db, client, goFile } = await setup();
    const victim = await startProcess(database.url, goFile);
    const spawned = await client.spawnMany(
      Array.from({ length: 4 }, () => ({ task: "work", params: { ms: 400 } })),
    );
    await victim.line("started");
    victim.kill("SIGKILL");
    await startProcess(database.url, goFile);

    const tasks = await client.awaitTasks(
      spawned.map((each) => each.taskId),
      deadline(),
    );

    assert.deepEqual(
      tasks.map((task) => task.status),
      tasks.map(() => "completed"),
    );
    assert.ok(tasks.some((task) => task.attempt === 2));
    assert.equal((await db.query("select from product")).rowCount, 4);
  });

  test("between two steps, and in a durable sleep: what was kept is not done again", async () => {
    const { client, goFile } = await setup();
    const first = await startProcess(database.url, goFile);
    const { taskId } = await client.spawn("stepper", {});
    await first.line("kept");
    first.kill("SIGKILL");
    await writeFile(goFile, "");
    const second = await startProcess(database.url, goFile);
    await second.line("sleeps");
    await until(async () => (await client.show(taskId)).place.place === "deferred", {
      what: "the task sleeps",
    });
    second.kill("SIGKILL");
    await startProcess(database.url, goFile);

    const [task] = await client.awaitTasks([taskId], deadline());

    assert.deepEqual(task!.result, { first: 1, second: 2, last: 3 });
  });

  test("of PostgreSQL and its restart: nothing lost, nothing twice", async () => {
    const folder = await newFolder();
    const first = await startEmbeddedPostgres({ dataFolder: join(folder, "server") });
    const pool = new pg.Pool({ connectionString: first.url });
    pool.on("error", () => undefined);
    await migrate(pool);
    const { client, goFile } = await setup(pool);
    await Promise.all([startProcess(first.url, goFile, 2), startProcess(first.url, goFile, 2)]);
    const spawned = await client.spawnMany(
      Array.from({ length: 40 }, () => ({ task: "work", params: { ms: 100 } })),
    );
    await until(async () => (await pool.query("select from product")).rowCount! >= 5, {
      what: "a few tasks are done",
    });

    await first.kill();
    const second = await startEmbeddedPostgres({ dataFolder: join(folder, "server") });
    try {
      assert.equal(second.url, first.url);
      const tasks = await client.awaitTasks(
        spawned.map((each) => each.taskId),
        deadline(),
      );
      assert.ok(tasks.every((task) => task.status === "completed"));
      assert.ok(
        processes.every((each) => each.isAlive()),
        "a worker did not survive",
      );
      // The primary key of product would have failed a second insert; count what is there.
      assert.equal((await pool.query("select from product")).rowCount, 40);
      assert.equal((await pool.query("select from absurd.lease")).rowCount, 0);
    } finally {
      for (const each of processes) each.kill("SIGKILL");
      await pool.end();
      await second.stop();
    }
  });
});

describe("a server that is away for longer than the lease", () => {
  test("finds the workers as it left them: what ended meanwhile counts", async () => {
    const folder = await newFolder();
    const first = await startEmbeddedPostgres({ dataFolder: join(folder, "server") });
    const pool = new pg.Pool({ connectionString: first.url });
    pool.on("error", () => undefined);
    await migrate(pool);
    const { client, goFile } = await setup(pool);
    const holder = await startProcess(first.url, goFile, 3);
    const rival = await startProcess(first.url, goFile, 3);
    const { taskId } = await client.spawn("verb", { verb: "complete" });
    const started = await Promise.race([holder.line("started"), rival.line("started")]);
    assert.equal(started["attempt"], 1);

    await first.kill();
    const goneMs = performance.now();
    await writeFile(goFile, "");
    await Promise.race([holder.line("ended"), rival.line("ended")]);
    await until(() => performance.now() - goneMs > 4_000, { what: "the lease is over" });
    const second = await startEmbeddedPostgres({ dataFolder: join(folder, "server") });
    try {
      const [task] = await client.awaitTasks([taskId], deadline());
      assert.deepEqual([task!.status, task!.attempt], ["completed", 1]);
      assert.equal((await pool.query("select from absurd.worker")).rowCount, 2);
    } finally {
      for (const each of processes) each.kill("SIGKILL");
      await pool.end();
      await second.stop();
    }
  });
});

describe("pg_terminate_backend", () => {
  test("of every connection costs no task", async () => {
    const { db, client, goFile } = await setup();
    await startProcess(database.url, goFile, 2);
    const spawned = await client.spawnMany(
      Array.from({ length: 30 }, () => ({ task: "work", params: { ms: 30 } })),
    );
    for (let round = 0; round < 3; round++) {
      await until(async () => (await db.query("select from product")).rowCount! > round * 5, {
        what: "tasks are being done",
      });
      await db.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name like 'absurd %'`,
      );
    }
    const tasks = await client.awaitTasks(
      spawned.map((each) => each.taskId),
      deadline(),
    );
    assert.ok(tasks.every((task) => task.status === "completed"));
    assert.equal((await db.query("select from product")).rowCount, 30);
  });
});

interface WorkerProcess {
  kill(signal: NodeJS.Signals): void;
  isAlive(): boolean;
  /** The first line, now or later, that has this field. */
  line(field: string): Promise<Record<string, unknown>>;
}

async function setup(
  givenPool?: pg.Pool,
): Promise<{ db: pg.Pool; client: AbsurdClient; goFile: string }> {
  const db = givenPool ?? database.pool();
  await db.query("create table if not exists product (task_id uuid primary key)");
  await database.empty([
    "absurd.task",
    "absurd.ready",
    "absurd.lease",
    "absurd.deferred",
    "absurd.outcome",
    "absurd.attempt",
    "absurd.progress",
    "absurd.worker",
    "absurd.signal",
    "absurd.dedup",
    "absurd.credit",
    "absurd.checkpoint",
    "absurd.event",
    "absurd.wait_event",
    "absurd.task_log",
    "product",
  ]);
  const client = new AbsurdClient(db);
  return { db, client, goFile: join(await newFolder(), "go") };
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "absurd-fault-"));
  folders.push(folder);
  await chmod(folder, 0o755);
  return folder;
}

async function startProcess(
  url: string,
  goFile: string,
  leaseSeconds = LEASE_SECONDS,
): Promise<WorkerProcess> {
  const child: ChildProcess = spawn(process.execPath, [FIXTURE], {
    env: {
      ...process.env,
      DATABASE_URL: url,
      GO_FILE: goFile,
      LEASE_SECONDS: String(leaseSeconds),
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: Record<string, unknown>[] = [];
  createInterface({ input: child.stdout! }).on("line", (text) => {
    lines.push(JSON.parse(text) as Record<string, unknown>);
  });
  const handle: WorkerProcess = {
    kill: (signal) => void child.kill(signal),
    isAlive: () => child.exitCode === null && child.signalCode === null,
    line: (field) =>
      until(() => lines.find((line) => field in line), { what: `the worker says "${field}"` }),
  };
  processes.push(handle);
  await handle.line("worker");
  return handle;
}

/** Recovers the task as another worker would and claims it; returns the heir's fence. */
async function takeOver(db: pg.Pool, taskId: string): Promise<string> {
  const epoch = 4711;
  const { rows } = await db.query<{ id: number }>(
    "select absurd.register_worker('heir', $1, 600000, array['default'], 1) as id",
    [epoch],
  );
  const heir = rows[0]!.id;
  return until(
    async () => {
      await db.query("update absurd.control set expires_at = '-infinity'");
      await db.query("select * from absurd.maintain($1, $2, 5000, 60000)", [heir, epoch]);
      const claimed = await db.query<{ task_id: string; fence: string }>(
        "select task_id, fence from absurd.claim_tasks($1, $2, '{default}', '{verb}', 1)",
        [heir, epoch],
      );
      const [row] = claimed.rows;
      if (row) assert.equal(row.task_id, taskId);
      return row?.fence;
    },
    { what: "the heir has the task" },
  );
}
