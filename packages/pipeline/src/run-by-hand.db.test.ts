/** A stage has one way to run: what starts it, a person or a task, makes no difference to it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { AbsurdClient } from "@contimg/absurd";
import { isCasacoreAvailable, openTable } from "@contimg/casacore";
import { isHdf5Available } from "@contimg/formats";
import { writePointSourceGroup } from "@contimg/testkit";
import type pg from "pg";
import { afterEach, beforeEach, describe, test } from "vitest";

import { stageOf } from "./execute-stage.ts";
import { incomingFolder, measurementSetPath } from "./products/paths.ts";
import { runByHand } from "./run-by-hand.ts";
import { stageTasks } from "./stage-task.ts";
import { startStageWorker } from "./stage-worker.ts";
import { STAGES } from "./stages.ts";
import { pipelineDatabase } from "./testing/pipeline-database.ts";

const GROUP = "2026-01-25T22:26:05";
const QUEUE = "one-way";
const CONVERT = "convert-uvh5-to-ms";
const isAvailable = isCasacoreAvailable() && isHdf5Available();

const database = pipelineDatabase();

let dataRoot: string;
let pool: pg.Pool;
beforeEach(async () => {
  dataRoot = mkdtempSync(join(tmpdir(), "one-way-"));
  pool = database.pool();
  await pool.query("truncate contimg.groups cascade");
});
afterEach(() => {
  rmSync(dataRoot, { recursive: true });
});

describe.skipIf(!isAvailable)("a stage (needs casacore-dev, libhdf5-dev)", () => {
  test("gives the same by hand and as a task: there are no two execution paths", async () => {
    writePointSourceGroup({ folder: incomingFolder(dataRoot), groupId: GROUP, subbandCount: 16 });
    const params = { group_id: GROUP, flagging: { strategy: "off" } };

    await runByHand(stageOf(STAGES, CONVERT), params, { dataRoot, pool, threadCount: 1 });
    const byHand = await whatIsThere();
    await pool.query("truncate contimg.groups cascade");
    rmSync(join(dataRoot, "ms"), { recursive: true });
    await runAsTask(params);
    const asTask = await whatIsThere();

    assert.ok(byHand.rows.products.length > 0 && byHand.rows.verdicts.length === 1);
    assert.ok(byHand.rows.metrics.length > 0 && byHand.rows.inputs.length === 16);
    assert.deepEqual(asTask, byHand);
  });
});

async function runAsTask(params: Record<string, unknown>): Promise<void> {
  const tasks = stageTasks(STAGES, { pool, dataRoot, threadCount: 1, queue: QUEUE });
  const client = new AbsurdClient(pool, { tasks });
  const worker = await startStageWorker({
    ...{ connectionString: database.url, dataRoot, queue: QUEUE, threadCount: 1 },
    stages: STAGES.filter(({ stage }) => stage.name === CONVERT),
  });
  try {
    const { taskId } = await client.spawn(CONVERT, params, { queue: QUEUE });
    await client.awaitTasks([taskId]);
    assert.equal((await client.show(taskId)).status, "completed");
  } finally {
    await worker.stop({ graceSeconds: 5 });
    await client.close();
  }
}

/** The set's data and all that the database says, except for who made it and when. */
async function whatIsThere() {
  const rowsOf = async (text: string) => (await pool.query<Record<string, unknown>>(text)).rows;
  using set = openTable(join(dataRoot, measurementSetPath(GROUP, "science")));
  const [polarizations = 0, channels = 0] = set.cellShape("DATA", 0) ?? [];
  const vis = new Float32Array(set.rowCount * polarizations * channels * 2);
  return {
    data: Buffer.from(set.getArray("DATA", 0, set.rowCount, vis).buffer).toString("base64"),
    rows: {
      products: await rowsOf(
        `select kind, final_path, task_name, correlation_id, metadata, checksum is null as unweighed
           from contimg.products order by final_path`,
      ),
      inputs: await rowsOf("select distinct input_path from contimg.product_inputs order by 1"),
      verdicts: await rowsOf("select task_name, grade, findings from contimg.quality_verdicts"),
      metrics: await rowsOf("select metric, value from contimg.quality_metrics order by metric"),
      groups: await rowsOf("select mid_mjd, declination_rad, directory from contimg.groups"),
    },
  };
}
