import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { AbsurdClient, fieldIs } from "@contimg/absurd";
import { unixMsFromMjd } from "@contimg/astro";
import { isCasacoreAvailable, openTable } from "@contimg/casacore";
import type pg from "pg";
import { afterEach, beforeEach, describe, test } from "vitest";

import { stageOf } from "../execute-stage.ts";
import { calibratedMeasurementSetPath } from "../products/paths.ts";
import { runByHand } from "../run-by-hand.ts";
import { stageTasks } from "../stage-task.ts";
import { startStageWorker } from "../stage-worker.ts";
import { STAGES } from "../stages.ts";
import {
  makeCalibrationSite,
  TILE_GROUP,
  type CalibrationSite,
} from "../testing/calibration-site.ts";
import { explainProduct } from "./explain.ts";
import { listCalibrations, retireCalibration } from "./list.ts";
import { affectedTiles, supersede, SUPERSEDE_BUDGET } from "./supersede.ts";
import { pipelineDatabase } from "../testing/pipeline-database.ts";

const QUEUE = "supersede";
const FINAL = calibratedMeasurementSetPath(TILE_GROUP, "science");

const database = pipelineDatabase();

describe.skipIf(!isCasacoreAvailable())("a calibrated tile (needs casacore-dev)", () => {
  let pool: pg.Pool;
  let client: AbsurdClient;
  let site: CalibrationSite;
  beforeEach(async () => {
    pool = database.pool();
    await pool.query("truncate contimg.groups cascade");
    site = await makeCalibrationSite(pool);
    const options = { pool, dataRoot: site.dataRoot, threadCount: 1, queue: QUEUE };
    client = new AbsurdClient(pool, { tasks: stageTasks(STAGES, options) });
  });
  afterEach(async () => {
    // A tile that is worked on is left alone: what a test began must not be the next one's.
    await client.cancelMany({ correlationId: TILE_GROUP });
    await client.close();
    site.remove();
  });

  test("has its decision in the transaction that registers it: both or none", async () => {
    await site.register("before", { hours: -3 });
    await pool.query(
      "alter table contimg.calibration_decisions add constraint broken check (false) not valid",
    );
    try {
      await assert.rejects(applyByHand(), /broken/);
    } finally {
      await pool.query("alter table contimg.calibration_decisions drop constraint broken");
    }
    const { rows } = await pool.query(
      "select from contimg.products where kind = 'calibrated-measurement-set'",
    );
    assert.equal(rows.length, 0);
    assert.ok(!existsSync(join(site.dataRoot, FINAL)));
  });

  test("names both tables and every warning in its history and its verdict", async () => {
    await site.register("before", { hours: -3, grade: "warn" });
    await site.register("after", { hours: 1, turnDeg: 4 });

    const { quality } = await applyByHand();

    assert.equal(quality.verdict, "warn");
    assert.match(
      quality.findings.map(({ text }) => text).join(),
      /before\.bcal was registered with warnings/,
    );
    assert.equal(quality.metrics["gains_interpolated_fraction"], 1);
    using history = openTable(join(site.dataRoot, FINAL, "HISTORY"));
    const messages = history.getStrings("MESSAGE");
    assert.ok(messages.includes("calibrated with after.bcal"));
    assert.ok(messages.includes("interpolated with before.bcal, weight 0.250"));
    const { lineage } = await explainProduct(pool, site.dataRoot, join(site.dataRoot, FINAL));
    assert.deepEqual(
      lineage.map(({ depth, path }) => [depth, path]),
      [
        [0, FINAL],
        [1, "caltables/after.bcal"],
        [1, "caltables/before.bcal"],
        [1, FINAL.replace(".cal.ms", ".ms")],
      ],
    );
  });

  test("imaged before a nearer solve ended is made again with that one, once", async () => {
    await site.register("before", { hours: -3 });
    await applyByHand();
    await site.register("after", { hours: 2 });
    const earlier = await client.spawn(
      "imaging",
      { group_id: TILE_GROUP, robustness: 0.25 },
      { correlationId: TILE_GROUP },
    );
    assert.ok("taskId" in earlier);
    await client.cancel(earlier.taskId);

    const [preview] = await affectedTiles(pool, options());
    assert.equal(preview?.groupId, TILE_GROUP);
    assert.match(preview.improvement.reason, /effective age of 1\.2 h in place of 3\.0 h/);
    assert.equal((await client.list({ conditions: [fieldIs("queue", QUEUE)] })).tasks.length, 1);

    const first = await supersede(client, pool, { ...options(), queue: QUEUE });
    const second = await supersede(client, pool, { ...options(), queue: QUEUE });

    const workflowId = first.affected[0]!.workflowId;
    assert.ok(workflowId !== null);
    assert.deepEqual(
      second.affected.map((tile) => tile.workflowId),
      [null],
    );
    const { tasks } = await client.list({ conditions: [fieldIs("workflow", workflowId)] });
    assert.deepEqual(tasks.map(({ taskName, priority }) => [taskName, priority]).sort(), [
      ["calibration-apply", -20],
      ["imaging", -19],
      ["photometry", -17],
      ["validation", -18],
    ]);
    const { taskId } = tasks.find(({ taskName }) => taskName === "imaging")!;
    const imaging = await client.show(taskId);
    assert.deepEqual(imaging.params, { group_id: TILE_GROUP, robustness: 0.25 });
    const { madeAgain } = await explainProduct(pool, site.dataRoot, TILE_GROUP);
    assert.deepEqual(
      madeAgain.map(({ workflow_id }) => workflow_id),
      [workflowId],
    );
  });

  test("made again has the better calibration and is left alone then", async () => {
    await site.register("before", { hours: -3 });
    await applyByHand();
    await site.register("after", { hours: 2 });
    const { affected } = await supersede(client, pool, { ...options(), queue: QUEUE });
    const { tasks } = await client.list({
      conditions: [fieldIs("workflow", affected[0]!.workflowId!)],
    });
    const apply = tasks.find(({ taskName }) => taskName === "calibration-apply")!;

    const worker = await startStageWorker({
      connectionString: database.url,
      dataRoot: site.dataRoot,
      stages: STAGES.filter(({ stage }) => stage.name === "calibration-apply"),
      queue: QUEUE,
      threadCount: 1,
    });
    try {
      await client.awaitTasks([apply.taskId]);
    } finally {
      await worker.stop({ graceSeconds: 5 });
    }

    const { decision } = await explainProduct(pool, site.dataRoot, TILE_GROUP);
    assert.equal(decision?.kind, "interpolated");
    assert.equal(decision.task_id, apply.taskId);
    assert.deepEqual(await affectedTiles(pool, options()), []);
  });

  test("is made again when its calibration is retired", async () => {
    await site.register("near", { hours: -1 });
    await site.register("next", { hours: -4 });
    await applyByHand();
    assert.deepEqual(
      (await listCalibrations(pool, {})).map((row) => [row.table_path, row.use_count]),
      [
        ["caltables/near.bcal", 1],
        ["caltables/next.bcal", 0],
      ],
    );

    await retireCalibration(pool, "caltables/near.bcal", { reason: "wet feeds", by: "ana" });

    const [tile] = await affectedTiles(pool, options());
    assert.equal(tile?.improvement.urgency, 3);
    assert.match(tile.improvement.reason, /near\.bcal is retired: wet feeds/);
    await assert.rejects(
      retireCalibration(pool, "caltables/near.bcal", { reason: "again", by: "ana" }),
      { tag: "InvalidParams", message: /is retired already: wet feeds$/ },
    );
  });

  test("stays when the budget is spent, it is too old, or worked on", async () => {
    await site.register("before", { hours: -3 });
    await applyByHand();
    await site.register("after", { hours: 2 });

    const spent = { ...SUPERSEDE_BUDGET, tilesMax: 0 };
    const report = await supersede(client, pool, { ...options(), budget: spent });
    assert.deepEqual(
      report.affected.map((tile) => tile.workflowId),
      [null],
    );
    const nextMonth = unixMsFromMjd(site.midMjd + 30);
    assert.deepEqual(await affectedTiles(pool, { ...options(), nowUnixMs: nextMonth }), []);

    await client.spawn(
      "imaging",
      { group_id: TILE_GROUP },
      { correlationId: TILE_GROUP, queue: QUEUE },
    );
    const busy = await supersede(client, pool, { ...options(), queue: QUEUE });
    assert.deepEqual(
      busy.affected.map((tile) => tile.workflowId),
      [null],
    );
  });

  function options() {
    return { dataRoot: site.dataRoot, nowUnixMs: unixMsFromMjd(site.midMjd + 0.2) };
  }

  function applyByHand() {
    const params = { group_id: TILE_GROUP };
    const given = { dataRoot: site.dataRoot, pool, threadCount: 1 };
    return runByHand(stageOf(STAGES, "calibration-apply"), params, given);
  }
});
