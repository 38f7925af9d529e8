/** Gains applied inside the conversion against conversion and calibration-apply in turn. */
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { AbsurdClient, fieldIs } from "@contimg/absurd";
import { isCasacoreAvailable, openTable } from "@contimg/casacore";
import { isHdf5Available } from "@contimg/formats";
import type pg from "pg";
import { afterAll, beforeAll, describe, test } from "vitest";

import { stageOf } from "../execute-stage.ts";
import { calibratedMeasurementSetPath, measurementSetPath } from "../products/paths.ts";
import { ProductRegistry } from "../products/registry.ts";
import { explainProduct } from "../registry/explain.ts";
import { affectedTiles, supersede } from "../registry/supersede.ts";
import { type HandRun, runByHand } from "../run-by-hand.ts";
import { demoScenario, groupIdOf } from "../simulate/scenario.ts";
import { simulateGroup } from "../simulate/simulate-group.ts";
import { stageTasks } from "../stage-task.ts";
import { STAGES } from "../stages.ts";
import { pipelineDatabase } from "../testing/pipeline-database.ts";

const CONVERT = "convert-uvh5-to-ms";
const QUEUE = "passes";
const scenario = demoScenario("small", 5);
const calibratorTile = scenario.calibratorTile;
const scienceTile = scenario.scienceTiles[0]!;
const GROUP = groupIdOf(scienceTile);
const CALIBRATED = calibratedMeasurementSetPath(GROUP, "science");
const isAvailable = isCasacoreAvailable() && isHdf5Available();

const database = pipelineDatabase();
let dataRoot: string;
let pool: pg.Pool;

describe.skipIf(!isAvailable)("a science tile whose gains are known (needs casacore, HDF5)", () => {
  beforeAll(async () => {
    dataRoot = mkdtempSync(join(tmpdir(), "contimg-one-pass-"));
    pool = database.pool();
    const folder = join(dataRoot, "incoming");
    for (const tile of [calibratorTile, scienceTile]) await simulateGroup({ ...tile, folder });
  });
  afterAll(() => {
    rmSync(dataRoot, { recursive: true, force: true });
  });

  test("gets its raw set, as ever, when the registry has nothing for it", async () => {
    await run(CONVERT, { gains: "when-known" });

    assert.ok(existsSync(join(dataRoot, measurementSetPath(GROUP, "science"))));
    assert.ok(!existsSync(join(dataRoot, CALIBRATED)));
  });

  test("comes out of one pass as it comes out of two, bit for bit", async () => {
    const group_id = groupIdOf(calibratorTile);
    await run(CONVERT, { group_id, role: "calibrators" });
    await run("calibration-solve", { group_id });
    const two = await run("calibration-apply", {});
    const expected = columnsOf();

    const one = await run(CONVERT, { gains: "when-known" });

    assert.deepEqual(Object.keys(columnsOf()), Object.keys(expected));
    for (const [column, values] of Object.entries(columnsOf()))
      assert.ok(values.equals(expected[column]!), `${column} differs`);
    assert.equal(one.quality.verdict, "pass", JSON.stringify(one.quality.findings));
    const applied = await run("calibration-apply", {});
    assert.deepEqual(applied.quality, two.quality);
  });

  test("has no raw set then, and its decision as calibration-apply would record it", async () => {
    assert.ok(!existsSync(join(dataRoot, measurementSetPath(GROUP, "science"))));
    const registry = new ProductRegistry(pool, dataRoot);
    await assert.rejects(registry.find("measurement-set", GROUP), { tag: "MissingProduct" });
    assert.equal(
      await registry.find("calibrated-measurement-set", GROUP),
      join(dataRoot, CALIBRATED),
    );

    const { decision, lineage } = await explainProduct(pool, dataRoot, GROUP);
    assert.equal(decision?.kind, "nearest");
    assert.ok(lineage.some(({ path }) => path.startsWith("caltables/")));
    const { rows } = await pool.query<{ count: string }>(
      `select count(*) from contimg.products
        where group_id = $1 and kind = 'calibrated-measurement-set' and superseded_at is null`,
      [GROUP],
    );
    assert.equal(rows[0]?.count, "1");
  });

  test("refuses a table that is named, as that needs the raw set", async () => {
    const calibration_table_path = join(dataRoot, "caltables/none.bcal");
    await assert.rejects(run("calibration-apply", { calibration_table_path }), {
      tag: "MissingProduct",
    });
  });

  test("is made again from its files when its calibration is retired", async () => {
    const client = new AbsurdClient(pool, {
      tasks: stageTasks(STAGES, { pool, dataRoot, threadCount: 1, queue: QUEUE }),
    });
    const { rows } = await pool.query<{ table_path: string }>(
      "select table_path from contimg.calibrations",
    );
    const [from, to] = [rows[0]!.table_path, "caltables/other.bcal"].map((path) =>
      join(dataRoot, path),
    );
    cpSync(from!, to!, { recursive: true });
    await pool.query(
      `select contimg.register_calibration(
         'caltables/other.bcal', group_id, calibrator, mid_mjd, start_mjd, end_mjd,
         declination_rad, metadata || '{"solve": "other"}')
         from contimg.calibrations`,
    );
    await pool.query(
      "update contimg.calibrations set status = 'retired' where table_path not like '%other%'",
    );
    const nowUnixMs = Date.parse(`${GROUP}Z`) + 5 * 3_600_000;
    const [tile] = await affectedTiles(pool, { dataRoot, nowUnixMs });
    assert.equal(tile?.groupId, GROUP);

    const { affected } = await supersede(client, pool, { dataRoot, nowUnixMs, queue: QUEUE });
    const { tasks } = await client.list({
      conditions: [fieldIs("workflow", affected[0]!.workflowId!)],
    });
    await client.close();
    assert.ok(tasks.some(({ taskName }) => taskName === CONVERT));
  });
});

function run(stage: string, params: object): Promise<HandRun> {
  const given = { dataRoot, pool, threadCount: 2 };
  return runByHand(stageOf(STAGES, stage), { group_id: GROUP, ...params }, given);
}

/** The bytes of every column that says something of a visibility. */
function columnsOf(): Record<string, Buffer> {
  using table = openTable(join(dataRoot, CALIBRATED));
  const rows = table.rowCount;
  const cells = (table.cellShape("DATA", 0) ?? []).reduce((product, size) => product * size, 1);
  const pols = table.cellShape("DATA", 0)![0]!;
  const floats = (column: string, count: number): Float32Array =>
    table.getArray(column, 0, rows, new Float32Array(rows * count));
  const columns = {
    DATA: floats("DATA", 2 * cells),
    WEIGHT_SPECTRUM: floats("WEIGHT_SPECTRUM", cells),
    WEIGHT: floats("WEIGHT", pols),
    SIGMA: floats("SIGMA", pols),
    FLAG: table.getArray("FLAG", 0, rows, new Uint8Array(rows * cells)),
    UVW: table.getArray("UVW", 0, rows, new Float64Array(3 * rows)),
    TIME: table.getScalars("TIME", 0, rows, new Float64Array(rows)),
    INTERVAL: table.getScalars("INTERVAL", 0, rows, new Float64Array(rows)),
    ANTENNA1: table.getScalars("ANTENNA1", 0, rows, new Int32Array(rows)),
    ANTENNA2: table.getScalars("ANTENNA2", 0, rows, new Int32Array(rows)),
  };
  return Object.fromEntries(
    Object.entries(columns).map(([name, values]) => [
      name,
      Buffer.from(values.buffer, values.byteOffset, values.byteLength),
    ]),
  );
}
