/** The page on backups, done: a lost machine's archive comes back with its database. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { AbsurdClient, fieldIs, startEmbeddedPostgres } from "@contimg/absurd";
import { until } from "@contimg/testkit";
import pg from "pg";
import { afterEach, beforeEach, describe, test } from "vitest";

import { migrateAll } from "../migrate.ts";
import { PROBE_STAGE_URL, probeStage } from "../probe-stage.test-stage.ts";
import { runByHand } from "../run-by-hand.ts";
import { stageTask } from "../stage-task.ts";
import { startStageWorker } from "../stage-worker.ts";
import { audit } from "./audit.ts";

const GROUP = "2026-01-25T22:26:05";
const FINAL = `photometry/2026-01-25/${GROUP}.phot.csv`;
const PROBE = { stage: probeStage, url: PROBE_STAGE_URL };
const PG15 = "/usr/lib/postgresql/15/bin";
const QUEUE = "backup";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "contimg-backup-"));
  // The server has a user of its own where the tests are root.
  chmodSync(folder, 0o755);
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("a backup does not skip PostgreSQL:", () => {
  test("our own server's folder, copied while it is stopped, is the whole archive", async () => {
    const [root, saved] = [join(folder, "data"), join(folder, "saved")];
    const dataFolder = join(root, "postgres");
    const server = await startEmbeddedPostgres({ dataFolder, durable: false });
    await fill(server.url, root);
    await server.stop();
    execFileSync("cp", ["-a", root, saved]);
    rmSync(root, { recursive: true });

    execFileSync("cp", ["-a", saved, root]);
    const restored = await startEmbeddedPostgres({ dataFolder, durable: false });
    try {
      await assertWhole(restored.url, root);
    } finally {
      await restored.stop();
    }
  });

  const hasPg15 = existsSync(join(PG15, "postgres")) && existsSync(join(PG15, "pg_dump"));
  test.skipIf(!hasPg15)("a dump of a live server is (needs postgresql-15)", async () => {
    const server = startPg15();
    try {
      await until(() => pg15Answers(server.url), { what: "PostgreSQL 15 answers" });
      const [root, saved, dump] = ["data", "saved", "contimg.dump"].map((name) =>
        join(folder, name),
      ) as [string, string, string];
      await onAdmin(server.url, "create database contimg");
      await fill(server.of("contimg"), root);
      execFileSync(join(PG15, "pg_dump"), [
        ...["--format=custom", `--file=${dump}`, server.of("contimg")],
      ]);
      execFileSync("cp", ["-a", root, saved]);
      rmSync(root, { recursive: true });
      await onAdmin(server.url, "drop database contimg with (force)");

      execFileSync("cp", ["-a", saved, root]);
      await onAdmin(server.url, "create database again");
      execFileSync(join(PG15, "pg_restore"), [
        ...["--no-owner", "--exit-on-error", `--dbname=${server.of("again")}`, dump],
      ]);

      await assertWhole(server.of("again"), root);
    } finally {
      server.stop();
    }
  });
});

function poolOf(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 3 });
  // A server that stops says so on idle connections.
  pool.on("error", () => undefined);
  return pool;
}

/** A product that is published, and a task that nobody has begun. */
async function fill(url: string, dataRoot: string): Promise<void> {
  const pool = poolOf(url);
  try {
    await migrateAll(pool);
    const raw = join(dataRoot, "incoming/raw.hdf5");
    mkdirSync(dirname(raw), { recursive: true });
    writeFileSync(raw, "raw");
    const params = {
      group_id: GROUP,
      steps: [{ write: "a", bytes: 7 }],
      outputs: { [FINAL]: "a" },
      reads: [raw],
    };
    await runByHand(PROBE, params, { dataRoot, pool, threadCount: 1 });
    const task = stageTask(PROBE, { pool, dataRoot, threadCount: 1, queue: QUEUE });
    const client = new AbsurdClient(pool, { tasks: [task] });
    const again = { ...params, steps: [{ write: "a", bytes: 9 }] };
    await client.spawn(task, again, { correlationId: GROUP });
    await client.close();
  } finally {
    await pool.end();
  }
}

/** Schema, rows and files fit together, and work goes on with the task that had waited. */
async function assertWhole(url: string, dataRoot: string): Promise<void> {
  const pool = poolOf(url);
  const client = new AbsurdClient(pool, { tasks: [] });
  try {
    await migrateAll(pool);
    assert.deepEqual(await findings(pool, dataRoot), []);
    const { tasks } = await client.list({ conditions: [fieldIs("correlation", GROUP)] });
    assert.equal(tasks.length, 1);
    const options = { connectionString: url, dataRoot, stages: [PROBE], queue: QUEUE };
    const worker = await startStageWorker({ ...options, threadCount: 1 });
    const [ended] = await client.awaitTasks([tasks[0]!.taskId]);
    await worker.stop({ graceSeconds: 5 });
    assert.equal(ended?.status, "completed", JSON.stringify(ended?.error));
    const { rows } = await pool.query<{ size_bytes: string }>(
      "select size_bytes from contimg.products order by registered_at",
    );
    assert.deepEqual(
      rows.map(({ size_bytes }) => size_bytes),
      ["7", "9"],
    );
    assert.deepEqual(await findings(pool, dataRoot), []);
  } finally {
    await client.close();
    await pool.end();
  }
}

async function findings(pool: pg.Pool, dataRoot: string): Promise<unknown[]> {
  const report = await audit(pool, dataRoot, { deep: true });
  return report.findings.filter(({ path }) => path !== "postgres");
}

interface Pg15 {
  readonly url: string;
  of(database: string): string;
  stop(): void;
}

/** On a socket in the test's folder: no port, no password. */
function startPg15(): Pg15 {
  const data = join(folder, "pg15");
  const run = (program: string, args: string[]): void => {
    const asOther = process.getuid?.() === 0;
    const words = [join(PG15, program), ...args];
    const [command, ...rest] = asOther
      ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", ...words]
      : words;
    const done = spawnSync(command!, rest, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    assert.equal(done.status, 0, done.stderr);
  };
  execFileSync("mkdir", [data]);
  if (process.getuid?.() === 0) execFileSync("chown", ["postgres:postgres", data]);
  run("initdb", [`--pgdata=${data}`, "--username=absurd", "--auth=trust", "--no-sync"]);
  const settings = `-c listen_addresses= -c unix_socket_directories=${data} -c fsync=off`;
  run("pg_ctl", ["-D", data, "-l", join(data, "server.log"), "-s", "-w", "-o", settings, "start"]);
  const of = (database: string): string =>
    `postgres://absurd@/${database}?host=${encodeURIComponent(data)}`;
  return {
    url: of("postgres"),
    of,
    stop: () => {
      run("pg_ctl", ["-D", data, "-m", "immediate", "-s", "stop"]);
    },
  };
}

async function pg15Answers(url: string): Promise<boolean> {
  return onAdmin(url, "select").then(
    () => true,
    () => false,
  );
}

async function onAdmin(url: string, statement: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
