/** Gates of stages that run without a queue, and the history that all runs share. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type pg from "pg";
import { afterEach, beforeEach, describe, test } from "vitest";

import { calibrationTablePath } from "../products/paths.ts";
import { ProductRegistry } from "../products/registry.ts";
import { runByHand } from "../run-by-hand.ts";
import { decide } from "./decide.ts";
import { GATED_STAGES_URL, GOOD_METRICS, solveStage } from "./gated-stages.test-stage.ts";
import { listQuality } from "./report.ts";
import { parseThresholds } from "./thresholds.ts";
import { pipelineDatabase } from "../testing/pipeline-database.ts";

const GROUP = "2026-01-25T22:26:05";
const TABLE = calibrationTablePath(GROUP);
const SOLVE = { stage: solveStage, url: GATED_STAGES_URL };
const HOLDING = parseThresholds({
  stages: { "calibration-solve": { amplitude_scatter: { at_most: { hold: 0.8 } } } },
});

const database = pipelineDatabase();

let dataRoot: string;
let pool: pg.Pool;
beforeEach(async () => {
  dataRoot = mkdtempSync(join(tmpdir(), "by-hand-"));
  pool = database.pool();
  await pool.query("truncate contimg.groups cascade");
});
afterEach(() => {
  rmSync(dataRoot, { recursive: true });
});

describe("a run by hand", () => {
  test("that is held is barred until somebody releases it", async () => {
    const done = await solve({ amplitude_scatter: 0.9 });

    assert.equal(done.quality.verdict, "hold");
    await assert.rejects(find(), { tag: "QualityHeld" });
    assert.equal(await count("contimg.calibrations"), 0);

    const signed = { by: "Ada", reason: "a test" };
    const to = { groupId: GROUP, stage: "calibration-solve", decision: "released" } as const;
    assert.equal((await decide(pool, [SOLVE], { ...to, ...signed })).taskId, null);

    assert.equal(await find(), join(dataRoot, TABLE));
    assert.equal(await count("contimg.calibrations"), 1);
  });

  test.each([
    ["signal-to-noise ratio", { median_snr: 3 }],
    ["flagged fraction", { flagged_fraction: 0.35 }],
    ["phase scatter", { phase_scatter_deg: 60 }],
    ["number of antennas", { usable_count: 4 }],
    ["data over the model", { model_flux_ratio: 2.5 }],
  ])("of a calibration that is bad by its %s registers none", async (what, metrics) => {
    await assert.rejects(solve(metrics), { tag: "QualityRejected", message: new RegExp(what) });

    assert.equal(await count("contimg.calibrations"), 0);
    await assert.rejects(find(), { tag: "MissingProduct" });
    const { rows } = await pool.query(
      "select value from contimg.quality_metrics where metric = $1",
      [Object.keys(metrics)[0]],
    );
    assert.deepEqual(rows, [{ value: Object.values(metrics)[0] }], "what was measured is kept");
  });

  test("that is rejected leaves the former product in its place", async () => {
    await solve({}, ["r1"]);

    await assert.rejects(solve({ median_snr: 3 }, ["r2"]), {
      tag: "QualityRejected",
      message: /signal-to-noise ratio of the gains is 3, expected at least 5/,
    });

    assert.equal(readFileSync(await find(), "utf8"), "A r1\n");
    assert.deepEqual(readdirSync(join(dataRoot, "caltables/.stage")), []);
    const [verdict] = await listQuality(pool, { groupId: GROUP, limit: 10 });
    assert.equal(verdict?.verdict, "reject");
    assert.equal(verdict.state, "rejected");
  });

  test("without a database passes the same gate", async () => {
    const params = { group_id: GROUP, metrics: { "A/r1": { median_snr: 3 } } };

    await assert.rejects(runByHand(SOLVE, params, { dataRoot, threadCount: 1 }), {
      tag: "QualityRejected",
    });
    assert.ok(!existsSync(join(dataRoot, TABLE)));

    const done = await runByHand(SOLVE, { group_id: GROUP }, { dataRoot, threadCount: 1 });
    assert.equal(done.quality.verdict, "pass");
    assert.ok(existsSync(join(dataRoot, TABLE)));
  });
});

describe("the history of metrics", () => {
  test("tells an unusual value as a warning and knows the percentile", async () => {
    await remember(GOOD_METRICS.phase_scatter_deg);

    const usual = await solve({});
    const unusual = await solve({ phase_scatter_deg: 14 });

    assert.equal(usual.quality.verdict, "pass");
    assert.equal(unusual.quality.verdict, "warn");
    assert.deepEqual(
      unusual.quality.findings.map(({ kind, quantity }) => ({ kind, quantity })),
      [{ kind: "unusual", quantity: "phase_scatter_deg" }],
    );
    const [listed] = await listQuality(pool, { groupId: GROUP, limit: 10 });
    const metric = listed?.metrics.find((each) => each.metric === "phase_scatter_deg");
    assert.equal(metric?.percentile, 100);
    assert.ok(metric.zScore! > 5);
    assert.equal(metric.pastCount, 31);
  });

  test("keeps what every run measured, rejected ones as well", async () => {
    await solve({});
    await assert.rejects(solve({ median_snr: 3 }), { tag: "QualityRejected" });

    const { rows } = await pool.query(
      `select value from contimg.quality_metrics where metric = 'median_snr' order by recorded_at`,
    );
    assert.deepEqual(rows, [{ value: GOOD_METRICS.median_snr }, { value: 3 }]);
  });
});

function solve(metrics: Record<string, number>, references = ["r1"]) {
  const params = { group_id: GROUP, references, metrics: { [`A/${references[0]!}`]: metrics } };
  return runByHand(SOLVE, params, { dataRoot, pool, threadCount: 1, thresholds: HOLDING });
}

function find(): Promise<string> {
  return new ProductRegistry(pool, dataRoot).find("calibration-table", GROUP);
}

async function count(table: "contimg.calibrations"): Promise<number | null> {
  return (await pool.query(`select from ${table}`)).rowCount;
}

/** Thirty nights like this value, within a few percent. */
async function remember(phaseScatterDeg: number): Promise<void> {
  await pool.query("select contimg.lock_group($1)", [GROUP]);
  await pool.query(
    `insert into contimg.quality_metrics (group_id, task_name, metric, value, fence)
     select $1, 'calibration-solve', 'phase_scatter_deg', $2::float8 * (1 + 0.01 * (i % 7 - 3)),
            'past-' || i
       from generate_series(1, 30) as i`,
    [GROUP, phaseScatterDeg],
  );
}
