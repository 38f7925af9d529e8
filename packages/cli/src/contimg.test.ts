import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { freshDatabase } from "@contimg/testkit";
import { afterAll, describe, test } from "vitest";

const GROUP = "2026-01-25T22:26:05";
const GROUP_PARAMS = `{"group_id":"${GROUP}"}`;

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

  test("says where a file of site stages is wrong", async () => {
    const path = join(dataRoot, "stages.json");
    writeFileSync(path, '{"stages": {"imagin": {"slurm": {}}}}');
    const { exitCode, stderr } = await contimg(["run", "imaging", "--params", GROUP_PARAMS], {
      CONTIMG_STAGES_FILE: path,
    });

    assert.equal(exitCode, 2);
    assert.match(
      stderr,
      /stages file .*stages\.json: stages\.imagin: no stage is named so; there are/,
    );
  });

  test.each([
    [["fly"], 2, /unknown command 'fly'/],
    [["run", "imagin", "--params", "{}"], 2, /no stage is named "imagin"; there are convert-/],
    [["run", "imaging", "--params", "{"], 2, /is no JSON/],
    [["run", "imaging", "--params", '{"group_id":"yesterday"}'], 2, /group_id/],
    [["run", "imaging", "--params", '{"group_id":"2026-13-45T25:61:61"}'], 2, /group_id/],
    [["run", "imaging", "--params", "@/nowhere"], 2, /cannot read \/nowhere/],
    [["run", "imaging", "--params", `{"group_id":"${GROUP}"}`], 3, /has no calibrated-measurement/],
    [["ls", "products"], 2, /ABSURD_DATABASE_URL/],
    [["ls", "products", "--database", "postgres://127.0.0.1:1/x"], 4, /does not answer/],
    [["run", "convert-uvh5-to-ms", "--params", GROUP_PARAMS], 3, /no subband files in .*incoming/],
    [["run", "convert-uvh5-to-ms", "--params", "[]"], 2, /params are invalid: Invalid input/],
    [["worker", "--threads", "many"], 2, /CONTIMG_THREADS/],
    [["worker", "--lease-seconds", "0"], 2, /--lease-seconds <seconds>' .* 1 to 3600/],
    [["worker", "--grace-seconds", "long"], 2, /--grace-seconds <seconds>' argument 'long'/],
    [["ls", "products", "--limit", "-1"], 2, /'--limit <count>' argument '-1'/],
    [["spawn", "target", GROUP, "--priority", "1.5"], 2, /'--priority <number>' .* whole number/],
    [["demo", "--seed", "x"], 2, /'--seed <integer>' argument 'x'/],
    [["demo", "--workers", "0"], 2, /'--workers <count>' argument '0'/],
    [["simulate", "--out", "x", "--threads", "2.5"], 2, /'--threads <count>' argument '2.5'/],
    [["simulate", "--out", "x", "--calibrator", "none"], 2, /--start and --dec are needed/],
    [["simulate", "--out", "x", "--calibrator", "3C999"], 3, /named 3C999/],
    [["transits", "--calibrator", "3C279"], 3, /no 20 cm flux .* named 3C279/],
    [["transits", "--dec", "91"], 2, /'--dec <degrees>' argument '91'/],
  ])("%j ends with %d and one clear line", async (argv, exitCode, message) => {
    const ended = await contimg(argv);

    assert.equal(ended.exitCode, exitCode);
    assert.match(ended.stderr, message);
    assert.equal(ended.stderr.trim().split("\n").length, 1, ended.stderr);
    assert.doesNotMatch(ended.stderr, /\n\s+at /);
  });

  test("gives errors as JSON where JSON is wanted", async () => {
    const { stderr } = await contimg(["run", "imagin", "--params", "{}", "--json"]);

    const { error } = JSON.parse(stderr) as { error: Record<string, unknown> };
    assert.equal(error["tag"], "InvalidParams");
    assert.equal(error["exit_code"], 2);
  });

  test("predicts the transits of a day's calibrators", async () => {
    const argv = ["transits", "--from", "2026-01-25", "--days", "1", "--dec", "54.57", "--json"];
    const { transits } = JSON.parse((await contimg(argv)).stdout) as {
      transits: Record<string, unknown>[];
    };

    const first = transits[0]!;
    assert.equal(first["calibrator"], "0834+555");
    // Astropy: MJD 61065.341306632 (packages/astro/src/transit.referee.json).
    assert.match(String(first["transit_utc"]), /^2026-01-25T08:11:28\.8/);
    assert.equal(first["elevation_deg"], 71.7521);
    assert.equal(first["beam_response"], 0.7378);
    const text = await contimg(argv.filter((word) => word !== "--json"));
    assert.match(text.stdout, /CALIBRATOR.*ELEVATION.*\n0834\+555 +2026-01-25 08:11:28/);
  });

  test("migrates, spawns a chain once, and lists what there is", async () => {
    const url = ["--database", database.url];
    const before = await contimg(["ls", "products", ...url]);
    assert.equal(before.exitCode, 4);
    assert.match(before.stderr, /run: contimg migrate/);

    assert.equal((await contimg(["migrate", ...url])).exitCode, 0);
    const again = await contimg(["migrate", "--json", ...url]);
    const nothing = { absurd: [], absurd_api: [], contimg: [] };
    assert.deepEqual(JSON.parse(again.stdout), { applied: nothing });

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
  settings: Readonly<Record<string, string>> = {},
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const env = { ...process.env, CONTIMG_DATA_ROOT: dataRoot, ...settings };
  Reflect.deleteProperty(env, "ABSURD_DATABASE_URL");
  return new Promise((resolve) => {
    const program = join(import.meta.dirname, "contimg.ts");
    execFile(process.execPath, [program, ...argv], { env }, (error, stdout, stderr) => {
      resolve({ exitCode: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}
