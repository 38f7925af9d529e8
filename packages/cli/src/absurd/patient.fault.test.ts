/** Commands that go on for hours survive a database that is killed and comes back. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import {
  AbsurdClient,
  defineTask,
  type EmbeddedPostgres,
  migrate,
  startEmbeddedPostgres,
} from "@contimg/absurd";
import { until } from "@contimg/testkit";
import pg from "pg";
import { afterAll, beforeAll, describe, test } from "vitest";
import { z } from "zod";

const PROGRAM = fileURLToPath(new URL("../absurd.ts", import.meta.url));
const TASK = defineTask({ name: "noop", params: z.strictObject({}), handler: () => undefined });

let folder: string;
let postgres: EmbeddedPostgres;
const start = (): Promise<EmbeddedPostgres> =>
  startEmbeddedPostgres({ dataFolder: join(folder, "server"), durable: false });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "patient-"));
  await chmod(folder, 0o755);
  postgres = await start();
  await withPool(migrate);
});

afterAll(async () => {
  await postgres.stop();
  await rm(folder, { recursive: true });
});

async function withPool<Result>(work: (pool: pg.Pool) => Promise<Result>): Promise<Result> {
  const pool = new pg.Pool({ connectionString: postgres.url, max: 1 });
  pool.on("error", () => undefined);
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}

async function spawnOne(): Promise<string> {
  return withPool(async (pool) => {
    const client = new AbsurdClient(pool, { tasks: [TASK] });
    const { taskId } = await client.spawn(TASK, {});
    await client.close();
    return taskId;
  });
}

interface Running {
  readonly child: ChildProcess;
  readonly said: { output: string; errors: string };
}

function run(...args: readonly string[]): Running {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, ABSURD_DATABASE_URL: postgres.url },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { output: "", errors: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said.errors += chunk.toString()));
  return { child, said };
}

describe("a database that is killed under", () => {
  test("tail and --watch is waited for, and they go on", async () => {
    const tail = run("tail", "--json");
    const watch = run("tasks", "--watch", "0.2", "--json");
    const ends = [tail, watch].map(
      ({ child }) => new Promise<number | null>((resolve) => child.once("exit", resolve)),
    );
    // Nobody sees when tail begins: what came before is not told.
    const ids: string[] = [];
    await until(
      async () => {
        ids.push(await spawnOne());
        return [tail, watch].every(({ said }) => ids.some((id) => said.output.includes(id)));
      },
      { what: "both tell a task" },
    );

    await postgres.kill();
    await until(
      () => [tail, watch].every(({ said }) => /asked again until it does/.test(said.errors)),
      { what: "both say that the database is away" },
    );
    postgres = await start();
    const later = await spawnOne();

    await until(() => [tail, watch].every(({ said }) => said.output.includes(later)), {
      what: "both tell the task that came after",
    });
    for (const { child, said } of [tail, watch]) {
      assert.match(said.errors, /the database answers again/);
      child.kill("SIGINT");
    }
    assert.deepEqual(await Promise.all(ends), [0, 0]);
  });
});
