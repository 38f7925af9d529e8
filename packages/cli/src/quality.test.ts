import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { migrateAll } from "@contimg/pipeline";
import { freshDatabase } from "@contimg/testkit";
import pg from "pg";
import { afterAll, describe, test } from "vitest";

const GROUP = "2026-01-25T22:26:05";
const FINDING = {
  ...{ verdict: "hold", quantity: "median_flux_ratio", kind: "limit", unit: "" },
  ...{ value: 0.5, limit: 0.8, text: "median flux ratio is 0.5, expected at least 0.8" },
};

const folder = mkdtempSync(join(tmpdir(), "contimg-quality-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const database = freshDatabase(async (url) => {
  const pool = new pg.Pool({ connectionString: url });
  await migrateAll(pool);
  await holdPhotometry(pool);
  await pool.end();
});

describe("contimg quality", () => {
  test("shows what is held, why, and where its values lie in their history", async () => {
    const held = await contimg(["quality", "--held"]);
    assert.match(held.stdout, /^GROUP +STAGE +VERDICT +WHY\n/);
    assert.match(held.stdout, /22:26:05 +photometry +held +median flux ratio is 0\.5, expected/);

    const detail = await contimg(["quality", GROUP]);
    assert.match(detail.stdout, /photometry: held\n {2}hold: median flux ratio is 0\.5/);
    assert.match(detail.stdout, /photometry +median_flux_ratio +0\.5 +0 +-\d+\.\d +30/);

    const { verdicts } = JSON.parse((await contimg(["quality", GROUP, "--json"])).stdout) as {
      verdicts: { state: string; findings: object[]; metrics: { percentile: number }[] }[];
    };
    assert.equal(verdicts[0]?.state, "held");
    assert.deepEqual(verdicts[0].findings, [FINDING]);
    assert.equal(verdicts[0].metrics[0]?.percentile, 0);
  });

  test("releases with a name and a reason, once", async () => {
    const release = ["quality", "release", GROUP, "--stage", "photometry", "--by", "Ada"];
    const unsigned = await contimg(release);
    assert.equal(unsigned.exitCode, 2);
    assert.match(unsigned.stderr, /required option '--reason <text>'/);

    const signed = await contimg([...release, "--reason", "a strong variable"]);
    assert.equal(signed.stdout, `${GROUP} photometry: released by Ada\n`, signed.stderr);
    const again = await contimg([...release, "--reason", "a strong variable"]);
    assert.equal(again.exitCode, 3);
    assert.match(again.stderr, /has no run of photometry that is held; contimg quality lists/);

    const after = await contimg(["quality", GROUP]);
    assert.match(after.stdout, /photometry: released by Ada on \d{4}-\d\d-\d\d\n/);
    assert.match(after.stdout, /reason: a strong variable/);
    assert.equal((await contimg(["quality", "--held"])).stdout, "nothing is held\n");
  });

  test.each([
    ["{", /quality file .*limits\.json: SyntaxError/],
    ['{"stages":{"imaging":{"nois":{}}}}', /stages\.imaging: Unrecognized key: "nois"/],
    ['{"stages":{"imaging":{"dynamic_range":{"at_least":{"hold":50}}}}}', /warn before hold/],
  ])("a file of limits that says %s is refused before anything runs", async (text, message) => {
    const path = join(folder, "limits.json");
    writeFileSync(path, text);

    const ended = await contimg(["worker"], { CONTIMG_QUALITY_FILE: path });

    assert.equal(ended.exitCode, 2);
    assert.match(ended.stderr, message);
    assert.equal(ended.stderr.trim().split("\n").length, 1, ended.stderr);
  });
});

/** As a run by hand leaves it, with thirty usual values before it. */
async function holdPhotometry(pool: pg.Pool): Promise<void> {
  await pool.query("select contimg.lock_group($1)", [GROUP]);
  await pool.query(
    `insert into contimg.quality_metrics (group_id, task_name, metric, value, fence)
     select $1, 'photometry', 'median_flux_ratio', 1 + 0.001 * i, 'past-' || i
       from generate_series(1, 30) as i`,
    [GROUP],
  );
  const metrics = { median_flux_ratio: 0.5 };
  await pool.query(
    "select contimg.record_verdict($1, 'photometry', 'hold', $2, $3, null, 'this-run')",
    [GROUP, [FINDING.text], metrics],
  );
  await pool.query("select contimg.record_gate($1, 'photometry', 'this-run', $2, $3)", [
    GROUP,
    JSON.stringify([FINDING]),
    metrics,
  ]);
  await pool.query(
    `insert into contimg.quality_cases (
       group_id, task_name, fence, verdict, details, state, params, result, task_result)
     values ($1, 'photometry', 'this-run', 'hold', '[]', 'held', $2, $3, '{}')`,
    [GROUP, { group_id: GROUP }, { sources: [], measurements: [] }],
  );
}

function contimg(
  argv: readonly string[],
  more: NodeJS.ProcessEnv = {},
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const env = { ...process.env, ABSURD_DATABASE_URL: database.url, ...more };
  return new Promise((resolve) => {
    const program = join(import.meta.dirname, "contimg.ts");
    execFile(process.execPath, [program, ...argv], { env }, (error, stdout, stderr) => {
      resolve({ exitCode: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}
