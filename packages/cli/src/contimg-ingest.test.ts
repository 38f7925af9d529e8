/** `contimg ingest` as an operator runs it, on real subband files. */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { migrateAll } from "@contimg/pipeline";
import { canWriteSubbands, freshDatabase, until, writePointSourceGroup } from "@contimg/testkit";
import pg from "pg";
import { afterAll, afterEach, describe, test } from "vitest";

const PROGRAM = join(import.meta.dirname, "contimg.ts");
/** Nothing here depends on how full this machine's disk is. */
const POLICY = { pause_free_bytes: 0, settle_seconds: 0.1 };

const database = freshDatabase(async (url) => {
  const pool = new pg.Pool({ connectionString: url });
  await migrateAll(pool);
  await pool.end();
});
const dataRoot = mkdtempSync(join(tmpdir(), "contimg-ingest-"));
const incoming = join(dataRoot, "incoming");
let daemon: ChildProcess | undefined;
afterEach(async () => {
  if (daemon?.exitCode !== null || daemon.signalCode !== null) return;
  daemon.kill("SIGKILL");
  await once(daemon, "exit");
});
afterAll(() => {
  rmSync(dataRoot, { recursive: true });
});

describe.skipIf(!canWriteSubbands())("contimg ingest", () => {
  test("takes what is there, once", async () => {
    writePointSourceGroup({ folder: incoming, subbandCount: 16, timeCount: 1 });
    const once = ["ingest", "--once", "--json", "--policy", JSON.stringify(POLICY)];

    const first = await contimg(once);
    const second = await contimg(once);

    const { spawned, ...counts } = JSON.parse(first.stdout) as Record<string, unknown>;
    assert.deepEqual(counts, {
      ...{ seen: 16, gone: 0, taken: 16, pending: 0, quarantined: [], refused: [], paused: null },
    });
    const [run] = spawned as Record<string, unknown>[];
    assert.equal(run?.["group_id"], "2026-01-25T22:26:05");
    assert.equal(run["chain"], "target");
    assert.deepEqual((JSON.parse(second.stdout) as Record<string, unknown>)["spawned"], []);
  });

  test("goes on until it is told to stop, and says what it does", async () => {
    const argv = ["ingest", "--watch", incoming, "--policy", JSON.stringify(POLICY)];
    const running = start(argv);
    await running.says(/watching/);
    const groupId = "2026-01-25T23:00:00";
    const startMjd = 61_065 + 23 / 24;
    const folder = join(dataRoot, "elsewhere");
    const sizes = { subbandCount: 16, timeCount: 1 };
    for (const path of writePointSourceGroup({ folder, groupId, startMjd, ...sizes })) {
      renameSync(path, path.replace("/elsewhere/", "/incoming/"));
    }

    await running.says(/group 2026-01-25T23:00:00 to target: all subbands/);
    daemon?.kill("SIGTERM");

    const [exitCode] = (await once(daemon!, "exit")) as [number];
    assert.equal(exitCode, 0);
  });

  test("can be a schedule that workers serve", async () => {
    const { stdout, exitCode } = await contimg(["ingest", "--schedule", "30"]);

    assert.equal(exitCode, 0);
    assert.match(
      stdout,
      /look into .*incoming every 30 s\nstop: absurd schedules pause ingest-scan/,
    );
    const again = await contimg(["ingest", "--schedule", "60", "--json"]);
    const schedule = JSON.parse(again.stdout) as { spec: object };
    assert.equal((schedule.spec as { everySeconds: number }).everySeconds, 60);
  });
});

test.each([
  [["--policy", '{"min_subbands": 17}'], /min_subbands is above expected_subbands/],
  [["--policy", '{"wait": 5}'], /params are invalid: .*"wait"/],
  [["--once", "--schedule", "5"], /give either --once or --schedule/],
  [["--chain", "fly"], /Allowed choices are standard-pipeline/],
])("contimg ingest %j is wrong usage", async (argv, message) => {
  const { exitCode, stderr } = await contimg(["ingest", ...argv]);
  assert.equal(exitCode, 2);
  assert.match(stderr, message);
});

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, CONTIMG_DATA_ROOT: dataRoot, ABSURD_DATABASE_URL: database.url };
}

function contimg(argv: readonly string[]) {
  return new Promise<{ exitCode: number; stdout: string; stderr: string }>((resolve) => {
    const argv_ = [PROGRAM, ...argv];
    execFile(process.execPath, argv_, { env: environment() }, (error, stdout, stderr) => {
      resolve({ exitCode: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

function start(argv: readonly string[]): { says(what: RegExp): Promise<unknown> } {
  let said = "";
  const child = spawn(process.execPath, [PROGRAM, ...argv], { env: environment() });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  }
  daemon = child;
  return {
    says: (what) => until(() => what.test(said), { what: String(what), deadlineMs: 50_000 }),
  };
}
