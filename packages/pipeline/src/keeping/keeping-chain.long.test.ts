/** Lineage, redo and audit on a calibrator and a science tile that were really made. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

import { AbsurdClient } from "@contimg/absurd";
import type pg from "pg";
import { afterAll, beforeAll, describe, test } from "vitest";

import { stageOf } from "../execute-stage.ts";
import {
  calibratedMeasurementSetPath,
  calibrationTablePath,
  incomingFolder,
  measurementSetPath,
  referenceCatalogPath,
} from "../products/paths.ts";
import { runByHand } from "../run-by-hand.ts";
import { demoScenario, groupIdOf } from "../simulate/scenario.ts";
import { simulateGroup } from "../simulate/simulate-group.ts";
import { stageTasks } from "../stage-task.ts";
import { startStageWorker } from "../stage-worker.ts";
import { STAGES } from "../stages.ts";
import { audit } from "./audit.ts";
import { previewRedo, spawnRedo } from "./redo.ts";
import { pipelineDatabase } from "../testing/pipeline-database.ts";

const CONTIMG = resolve(import.meta.dirname, "../../../cli/src/contimg.ts");
const QUEUE = "redo";

const database = pipelineDatabase();

let dataRoot: string;
let pool: pg.Pool;
let calibrator: string;
let science: string;
beforeAll(async () => {
  dataRoot = mkdtempSync(join(tmpdir(), "keeping-"));
  pool = database.pool();
  const scenario = demoScenario("small", 3);
  const [calibratorTile, scienceTile] = [scenario.calibratorTile, scenario.scienceTiles[0]!];
  [calibrator, science] = [groupIdOf(calibratorTile), groupIdOf(scienceTile)];
  for (const tile of [calibratorTile, scienceTile]) {
    const { files, catalogPath } = await simulateGroup({ ...tile, folder: join(dataRoot, "tmp") });
    mkdirSync(incomingFolder(dataRoot), { recursive: true });
    for (const file of files) {
      renameSync(file, join(incomingFolder(dataRoot), file.split("/").at(-1)!));
    }
    mkdirSync(dirname(referenceCatalogPath(dataRoot)), { recursive: true });
    copyFileSync(catalogPath, referenceCatalogPath(dataRoot));
  }
  await run("convert-uvh5-to-ms", { group_id: calibrator, role: "calibrators" });
  await run("calibration-solve", { group_id: calibrator });
  await run("convert-uvh5-to-ms", { group_id: science });
  await run("calibration-apply", { group_id: science });
}, 300_000);
afterAll(() => {
  rmSync(dataRoot, { recursive: true });
});

describe("tiles that were really made", () => {
  test("audit clean, to the last byte, although they were opened and read", async () => {
    const report = await audit(pool, dataRoot, { deep: true });

    assert.deepEqual(report.findings, []);
    assert.equal(report.productCount, 10);
    assert.equal(report.uncheckedCount, 0);
  });

  test("show their lineage to the raw files, on the command line", async () => {
    const set = calibratedMeasurementSetPath(science, "science");
    const { exitCode, stdout } = await contimg(["lineage", join(dataRoot, set)]);

    assert.equal(exitCode, 0);
    assert.match(stdout, new RegExp(`└─ ${measurementSetPath(science, "science")}`));
    assert.match(stdout, new RegExp(`├─ ${calibrationTablePath(calibrator)}`));
    assert.equal(stdout.match(/incoming\/\S+_sb\d\d\.hdf5/g)?.length, 32);
  });

  test("are calibrated again after a bad table, from the same conversion", async () => {
    const table = calibrationTablePath(calibrator);
    const options = { dataRoot, queue: QUEUE, used: table };
    const set = join(dataRoot, measurementSetPath(science, "science"));
    const before = await productsOf(science);
    const inode = statSync(set).ino;

    const preview = await contimg(["redo", "--used", table, "--dry-run", "--json"]);
    const plan = await previewRedo(pool, options);
    const client = new AbsurdClient(pool, {
      tasks: stageTasks(STAGES, { pool, dataRoot, threadCount: 1, queue: QUEUE }),
    });
    const first = await spawnRedo(client, pool, plan, options);
    const second = await spawnRedo(client, pool, plan, options);
    const taskId = first.tasks[0]!.taskId;
    const shown = await client.show(taskId);
    const worker = await startStageWorker({
      connectionString: database.url,
      dataRoot,
      stages: STAGES,
      queue: QUEUE,
      threadCount: 1,
    });
    await client.awaitTasks([taskId]);
    await worker.stop();
    await client.close();

    assert.deepEqual(JSON.parse(preview.stdout), {
      dry_run: true,
      workflow_id: null,
      group_count: 1,
      task_count: 1,
      affected_count: 1,
      groups: [
        {
          group_id: science,
          stages: ["calibration-apply"],
          kept: ["convert-uvh5-to-ms"],
          revision: plan.groups[0]!.revision,
        },
      ],
      tasks: [
        { group_id: science, stage: "calibration-apply", after: [], task_id: null, created: null },
      ],
    });
    assert.deepEqual(
      [first.tasks, second.tasks].map((tasks) => tasks.map(({ created }) => created)),
      [[true], [false]],
    );
    assert.equal(shown.priority, -10);
    const after = await productsOf(science);
    assert.equal(after.get("measurement-set"), before.get("measurement-set"));
    assert.equal(statSync(set).ino, inode);
    const [old, made] = [before, after].map((all) => all.get("calibrated-measurement-set"));
    assert.notEqual(made, old);
    assert.deepEqual((await audit(pool, dataRoot, { deep: true })).findings, []);
  });

  test("lost ones are found, repaired and asked for on the command line", async () => {
    const set = calibratedMeasurementSetPath(science, "science");
    rmSync(join(dataRoot, set), { recursive: true });

    const found = await contimg(["audit", "--json"]);
    const repaired = await contimg(["audit", "--repair"]);
    const clean = await contimg(["audit", "--deep"]);
    const missing = await contimg(["redo", "--missing", "--dry-run"]);
    const nothing = await contimg(["redo", "--group", science, "--from", "imaging"]);

    assert.equal(found.exitCode, 1);
    const { findings } = JSON.parse(found.stdout) as { findings: { kind: string; path: string }[] };
    assert.deepEqual(
      findings.map(({ kind, path }) => [kind, path]),
      [["missing-file", set]],
    );
    assert.equal(repaired.exitCode, 1);
    assert.match(repaired.stdout, /marked as missing/);
    assert.equal(clean.exitCode, 0, clean.stdout + clean.stderr);
    assert.match(missing.stdout, new RegExp(`${science}  calibration-apply  convert-uvh5-to-ms`));
    assert.match(missing.stdout, /1 tiles, 1 tasks, 0 products/);
    assert.equal(nothing.exitCode, 3);
    assert.match(nothing.stderr, /no product is selected by groupId .*, from imaging/);
  });

  test("housekeeping and wrong retentions answer on the command line", async () => {
    const dry = await contimg(["housekeeping", "--dry-run", "--json"]);
    const wrong = await contimg(["housekeeping", "--retention", '{"products":{"image":"soon"}}']);

    assert.equal(dry.exitCode, 0, dry.stderr);
    assert.equal((JSON.parse(dry.stdout) as { dry_run: boolean }).dry_run, true);
    assert.equal(wrong.exitCode, 2);
    assert.match(wrong.stderr, /products: image: .*expected number/);
  });
});

function run(stage: string, params: object) {
  return runByHand(stageOf(STAGES, stage), params, { dataRoot, pool, threadCount: 2 });
}

async function productsOf(groupId: string): Promise<Map<string, string>> {
  const { rows } = await pool.query<{ kind: string; product_id: string }>(
    "select kind, product_id from contimg.products where group_id = $1 and superseded_at is null",
    [groupId],
  );
  return new Map(rows.map((row) => [row.kind, row.product_id]));
}

function contimg(
  argv: readonly string[],
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const env = {
    ...process.env,
    CONTIMG_DATA_ROOT: dataRoot,
    ABSURD_DATABASE_URL: database.url,
    ABSURD_QUEUE_NAME: QUEUE,
  };
  return new Promise((done) => {
    execFile(process.execPath, [CONTIMG, ...argv], { env }, (error, stdout, stderr) => {
      done({ exitCode: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}
