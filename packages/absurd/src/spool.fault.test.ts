/** Workers that lose the database: real processes, a real network to cut, a real server to kill. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import pg from "pg";
import { afterEach, beforeEach, describe, test } from "vitest";
import { z } from "zod";

import {
  deadline,
  canMountDisks,
  freshDatabase,
  mountSmallDisk,
  TcpProxy,
  until,
} from "@contimg/testkit";

import { startEmbeddedPostgres } from "./embedded-postgres.ts";
import { AbsurdClient, defineTask, migrate } from "./index.ts";

const FIXTURE = fileURLToPath(new URL("./spool.fixture.ts", import.meta.url));

const database = freshDatabase();
const wait = defineTask({ name: "wait", params: z.unknown() });
const processes: WorkerProcess[] = [];
let root = "";
let spool = "";
let goFile = "";
let proxy: TcpProxy | undefined;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "absurd-away-"));
  // The user postgres must get through to its data below.
  await chmod(root, 0o755);
  spool = join(root, "spool");
  goFile = join(root, "go");
});
afterEach(async () => {
  await Promise.all(processes.splice(0).map((each) => each.end("SIGKILL")));
  await proxy?.close();
  proxy = undefined;
  await rm(root, { recursive: true, force: true });
});

describe("a network that is cut", () => {
  test("keeps outcomes on disk, until it is back", async () => {
    const { client, taskIds } = await startBehindProxy(2);
    proxy!.cut();
    await writeFile(goFile, "");
    await segmentCount(1);
    proxy!.restore();
    await assertFirstAttempts(client, taskIds);
    await segmentCount(0);
  });

  test("and a worker killed with -9: the next process brings what it had finished", async () => {
    const { client, taskIds, worker } = await startBehindProxy(3);
    proxy!.cut();
    await writeFile(goFile, "");
    await segmentCount(1);
    await worker.end("SIGKILL");
    await rm(goFile);
    // Its lease of 30 s lives on; nobody has recovered its tasks.
    const heir = await startWorkerProcess(database.url);
    await assertFirstAttempts(client, taskIds);
    assert.equal(heir.find("started"), undefined, "nothing ran again");
    assert.deepEqual(await readdir(spool), []);
  });

  test("and another worker that took over: what is spooled is refused, and told of", async () => {
    const { db, client, taskIds, worker } = await startBehindProxy(1);
    proxy!.cut();
    await writeFile(goFile, "");
    await segmentCount(1);
    await worker.end("SIGKILL");
    await rm(goFile);
    // As recovery would leave it: the lease is gone, the task is ready again.
    await db.query("update absurd.worker set beat_at = '-infinity', lease_ms = 1");
    await db.query("select absurd.recover_dead_workers(10)");
    const heir = await startWorkerProcess(database.url);
    await heir.line("message", "the database refused a spooled record");
    await heir.line("attempt", 2);
    await writeFile(goFile, "");
    const [task] = await client.awaitTasks(taskIds, deadline(40));
    assert.deepEqual([task!.status, task!.attempt], ["completed", 2]);
  });

  test("while the worker is told to stop: it ends, and the outcome is kept", async () => {
    const { client, taskIds, worker } = await startBehindProxy(1);
    proxy!.cut();
    await writeFile(goFile, "");
    await worker.line("ended");
    await worker.end("SIGTERM");
    assert.ok(worker.find("message", "the database is away: outcomes wait in the spool"));
    await startWorkerProcess(database.url);
    await assertFirstAttempts(client, taskIds);
  });

  test("without a spool: a worker that must end says loudly what is lost", async () => {
    spool = "";
    const { worker } = await startBehindProxy(1);
    proxy!.cut();
    await writeFile(goFile, "");
    await worker.line("ended");
    await worker.end("SIGTERM");
    const line = worker.lines.find((each) => String(each["message"]).startsWith("LOST"));
    assert.equal((line?.["fences"] as string[]).length, 1);
  });
});

test("a network that falls silent keeps outcomes on disk, until it speaks", async () => {
  const { client, taskIds } = await startBehindProxy(2);
  proxy!.silence();
  await writeFile(goFile, "");
  await segmentCount(1);
  proxy!.restore();
  await assertFirstAttempts(client, taskIds);
  await segmentCount(0);
});

test.skipIf(!canMountDisks())(
  "a spool whose disk is full: the worker warns and goes on",
  async () => {
    await mkdir(spool);
    using disk = mountSmallDisk(spool, 8 * 1024);
    await writeFile(join(disk.folder, "ballast"), "x".repeat(8 * 1024)).catch(() => undefined);
    const { client, taskIds, worker } = await startBehindProxy(2);
    proxy!.cut();
    await writeFile(goFile, "");
    await worker.line("message", "cannot write to the spool: outcomes are kept in memory only");
    proxy!.restore();
    await assertFirstAttempts(client, taskIds);
    assert.deepEqual(await readdir(disk.folder), ["ballast"]);
    await worker.end("SIGKILL");
  },
);

describe("a server that is away for longer than a lease", () => {
  test("takes what a worker finished meanwhile, though that died before its return", async () => {
    const leaseSeconds = 4;
    const first = await startEmbeddedPostgres({ dataFolder: join(root, "server") });
    const pool = new pg.Pool({ connectionString: first.url });
    pool.on("error", () => undefined);
    await migrate(pool);
    const client = new AbsurdClient(pool, { tasks: [wait] });
    const worker = await startWorkerProcess(first.url, leaseSeconds);
    // Another one, which would take the tasks over if it could.
    const { taskId } = await client.spawn(wait, {});
    await worker.line("started");
    const goneMs = performance.now();
    await first.kill();
    await writeFile(goFile, "");
    await segmentCount(1);
    await worker.end("SIGKILL");
    await rm(goFile);
    await until(() => performance.now() - goneMs > leaseSeconds * 1000 + 500, {
      what: "the lease is over",
    });
    const second = await startEmbeddedPostgres({ dataFolder: join(root, "server") });
    try {
      const heir = await startWorkerProcess(second.url, leaseSeconds);
      await assertFirstAttempts(client, [taskId]);
      assert.equal(heir.find("started"), undefined, "it did not run again");
      assert.deepEqual(await readdir(spool), []);
    } finally {
      await Promise.all(processes.map((each) => each.end("SIGKILL")));
      await pool.end();
      await second.stop();
    }
  });
});

interface WorkerProcess {
  readonly lines: readonly Record<string, unknown>[];
  find(field: string, value?: unknown): Record<string, unknown> | undefined;
  /** The first line, now or later, that has this field, with this value if one is given. */
  line(field: string, value?: unknown): Promise<Record<string, unknown>>;
  end(signal: NodeJS.Signals): Promise<void>;
}

/** A worker whose only way to the database is the proxy, running that many tasks. */
async function startBehindProxy(count: number): Promise<{
  db: pg.Pool;
  client: AbsurdClient;
  taskIds: string[];
  worker: WorkerProcess;
}> {
  const db = database.pool();
  await database.empty([
    "absurd.task",
    "absurd.ready",
    "absurd.lease",
    "absurd.outcome",
    "absurd.worker",
  ]);
  const client = new AbsurdClient(db, { tasks: [wait] });
  proxy = await TcpProxy.start(database.url);
  const worker = await startWorkerProcess(proxy.url(database.url));
  const spawned = await client.spawnMany(
    Array.from({ length: count }, () => ({ task: wait, params: {} })),
  );
  const taskIds = spawned.map((each) => each.taskId);
  for (const taskId of taskIds) await worker.line("started", taskId);
  return { db, client, taskIds, worker };
}

async function startWorkerProcess(url: string, leaseSeconds = 30): Promise<WorkerProcess> {
  const child: ChildProcess = spawn(process.execPath, [FIXTURE, "worker", url, spool, goFile], {
    env: { ...process.env, LEASE_SECONDS: String(leaseSeconds) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: Record<string, unknown>[] = [];
  createInterface({ input: child.stdout! }).on("line", (line) => {
    lines.push(JSON.parse(line) as Record<string, unknown>);
  });
  const find: WorkerProcess["find"] = (field, value) =>
    lines.find((line) => field in line && (value === undefined || line[field] === value));
  const exited = new Promise<void>((resolve) => {
    child.on("close", () => {
      resolve();
    });
  });
  const handle: WorkerProcess = {
    lines,
    find,
    line: (field, value) =>
      until(() => find(field, value), {
        what: `the worker says ${field} ${String(value)}; so far ${JSON.stringify(lines)}`,
      }),
    async end(signal) {
      child.kill(signal);
      await exited;
    },
  };
  processes.push(handle);
  await handle.line("worker");
  return handle;
}

/** At least one segment, or none. */
async function segmentCount(count: 0 | 1): Promise<void> {
  await until(
    async () => {
      const names = await readdir(spool).catch(() => []);
      const whole = names.filter((name) => name.endsWith(".jsonl"));
      return count === 0 ? names.length === 0 : whole.length > 0;
    },
    { what: `the spool has ${count === 0 ? "no" : "a"} segment` },
  );
}

async function assertFirstAttempts(client: AbsurdClient, taskIds: string[]): Promise<void> {
  const tasks = await client.awaitTasks(taskIds, deadline(40));
  assert.deepEqual(
    tasks.map((task) => [task.status, task.attempt]),
    tasks.map(() => ["completed", 1]),
  );
}
