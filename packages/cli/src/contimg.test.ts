import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { freshDatabase } from "@contimg/testkit";
import { afterAll, describe, test } from "vitest";

const GROUP = "2026-01-25T22:26:05";

const database = freshDatabase();
const dataRoot = mkdtempSync(join(tmpdir(), "contimg-cli-"));
afterAll(() => {
  rmSync(dataRoot, { recursive: true });
});

describe("contimg", () => {
  test("explains itself, its environment and its exit codes", async () => {
    const { exitCode, stdout } = await contimg(["--help"]);

    assert.equal(exitCode, 0);
    for (const word of ["run", "worker", "CONTIMG_DATA_ROOT", "interrupted"]) {
      assert.ok(stdout.includes(word), word);
    }
  });

  test.each([
    [["fly"], 2, /unknown command 'fly'/],
    [["run", "imagin", "--params", "{}"], 2, /no stage is named "imagin"; there are convert-/],
    [["run", "imaging", "--params", "{"], 2, /is no JSON/],
    [["run", "imaging", "--params", '{"group_id":"yesterday"}'], 2, /group_id/],
    [["run", "imaging", "--params", "@/nowhere"], 2, /cannot read \/nowhere/],
    [["run", "imaging", "--params", `{"group_id":"${GROUP}"}`], 3, /has no calibrated-measurement/],
    [["ls", "products"], 2, /ABSURD_DATABASE_URL/],
    [["ls", "products", "--database", "postgres://127.0.0.1:1/x"], 4, /does not answer/],
    [["worker", "--threads", "many"], 2, /CONTIMG_THREADS/],
  ])("%j ends with %d and one clear line", async (argv, exitCode, message) => {
    const ended = await contimg(argv);

    assert.equal(ended.exitCode, exitCode);
    assert.match(ended.stderr, message);
    assert.doesNotMatch(ended.stderr, /\n\s+at /);
  });

  test("gives errors as JSON where JSON is wanted", async () => {
    const { stderr } = await contimg(["run", "imagin", "--params", "{}", "--json"]);

    const { error } = JSON.parse(stderr) as { error: Record<string, unknown> };
    assert.equal(error["tag"], "InvalidParams");
    assert.equal(error["exit_code"], 2);
  });

  test("migrates, spawns a chain once, and lists what there is", async () => {
    const url = ["--database", database.url];
    const before = await contimg(["ls", "products", ...url]);
    assert.equal(before.exitCode, 4);
    assert.match(before.stderr, /run: contimg migrate/);

    assert.equal((await contimg(["migrate", ...url])).exitCode, 0);
    const again = await contimg(["migrate", "--json", ...url]);
    assert.deepEqual(JSON.parse(again.stdout), { applied: { absurd: [], contimg: [] } });

    const spawn = ["spawn", "target", GROUP, "--json", ...url];
    const first = parseSpawned((await contimg(spawn)).stdout);
    const second = parseSpawned((await contimg(spawn)).stdout);
    assert.deepEqual(
      first.tasks.map((task) => task.stage),
      ["convert-uvh5-to-ms", "calibration-apply", "imaging", "validation", "photometry"],
    );
    assert.deepEqual(
      second.tasks.map(({ task_id, created }) => ({ task_id, created })),
      first.tasks.map(({ task_id }) => ({ task_id, created: false })),
    );

    const listed = await contimg(["ls", "products", "--json", ...url]);
    assert.deepEqual(JSON.parse(listed.stdout), { products: [] });
  });
});

interface Spawned {
  tasks: { stage: string; task_id: string; created: boolean }[];
}

function parseSpawned(stdout: string): Spawned {
  return JSON.parse(stdout) as Spawned;
}

function contimg(
  argv: readonly string[],
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const env = { ...process.env, CONTIMG_DATA_ROOT: dataRoot };
  Reflect.deleteProperty(env, "ABSURD_DATABASE_URL");
  return new Promise((resolve) => {
    const program = join(import.meta.dirname, "contimg.ts");
    execFile(process.execPath, [program, ...argv], { env }, (error, stdout, stderr) => {
      resolve({ exitCode: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}
