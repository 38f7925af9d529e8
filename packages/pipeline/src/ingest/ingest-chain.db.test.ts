/** Real files through ingest, the queue and a worker, to a Measurement Set. */
import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { AbsurdClient, fieldIs } from "@contimg/absurd";
import { mjdFromUnixMs } from "@contimg/astro";
import { isCasacoreAvailable, openTable } from "@contimg/casacore";
import { isHdf5Available } from "@contimg/formats";
import { until, writePointSourceGroup } from "@contimg/testkit";
import { afterEach, beforeEach, describe, test } from "vitest";

import { incomingFolder } from "../products/paths.ts";
import { ProductRegistry } from "../products/registry.ts";
import { stageTasks } from "../stage-task.ts";
import { startStageWorker } from "../stage-worker.ts";
import { STAGES } from "../stages.ts";
import { Ingester } from "./ingester.ts";
import { ingestPolicySchema } from "./policy.ts";
import { ingestBed } from "./testing/ingest-bed.ts";

const GROUP = "2026-01-25T22:26:05";
const QUEUE = "ingest-chain";
const addonsExist = isCasacoreAvailable() && isHdf5Available();
const bed = ingestBed();

let dataRoot: string;
beforeEach(() => {
  dataRoot = mkdtempSync(join(tmpdir(), "ingest-chain-"));
});
afterEach(() => {
  rmSync(dataRoot, { recursive: true });
});

describe.skipIf(!addonsExist)("real subband files", () => {
  test("become a Measurement Set without a subband, and a whole one when it comes", async () => {
    const folder = incomingFolder(dataRoot);
    const files = writePointSourceGroup({ folder, groupId: GROUP, subbandCount: 16 });
    const late = join(dataRoot, "late.hdf5");
    renameSync(files[5]!, late);
    const { ingester, client } = ingestFrom(folder);
    const worker = await startStageWorker({
      ...{ connectionString: bed.database.url, dataRoot, queue: QUEUE, threadCount: 1 },
      stages: STAGES.filter(({ stage }) => stage.name === "convert-uvh5-to-ms"),
    });
    try {
      const partial = await lookUntilSpawned(ingester);
      assert.deepEqual(partial.missing, [5]);
      await converted(client, partial.workflowId);
      assert.deepEqual(await flaggedFractions(), [0, 1, 0]);
      const verdicts = await bed.pool.query("select grade, findings from contimg.quality_verdicts");
      assert.deepEqual(verdicts.rows, [
        { grade: "warn", findings: ["number of subbands without a file is 1, expected at most 0"] },
      ]);

      renameSync(late, files[5]!);
      const whole = await lookUntilSpawned(ingester);

      assert.deepEqual([whole.revision, whole.missing], [1, []]);
      await converted(client, whole.workflowId);
      assert.deepEqual(await flaggedFractions(), [0, 0, 0]);
      const products = await bed.pool.query(
        "select from contimg.products where kind = 'measurement-set' and superseded_at is null",
      );
      assert.equal(products.rowCount, 1);
    } finally {
      await worker.stop({ graceSeconds: 5 });
      await client.close();
    }
  });
});

describe.skipIf(!addonsExist)("a conversion", () => {
  test("takes the files that ingest chose: it does not look for its group again", async () => {
    const folder = incomingFolder(dataRoot);
    const files = writeGroupOf("2026-01-26T22:26:05");
    // A host that stamped 20 s later, and whose file comes a second time, nearer to the others.
    const chosen = files.with(3, files[3]!.replace(":05_", ":25_"));
    renameSync(files[3]!, chosen[3]!);
    const { ingester, client } = ingestFrom(folder);
    const spawned = await lookUntilSpawned(ingester);
    copyFileSync(chosen[3]!, files[3]!);

    await convertedBy(client, spawned.workflowId);

    const { rows } = await bed.pool.query<{ input_path: string }>(
      "select distinct input_path from contimg.product_inputs where input_path like '%.hdf5'",
    );
    assert.deepEqual(
      rows.map(({ input_path }) => basename(input_path)).sort(),
      chosen.map((path) => basename(path)).sort(),
    );
    await client.close();
  });

  test("carries one correlation id from the first file to the last product", async () => {
    const folder = incomingFolder(dataRoot);
    const group = "2026-01-27T22:26:05";
    writeGroupOf(group);
    const { ingester, client } = ingestFrom(folder);
    const { workflowId } = await lookUntilSpawned(ingester);

    await convertedBy(client, workflowId);

    const { rows } = await bed.pool.query<Record<string, string[]>>(
      `select (select array_agg(distinct group_id) from contimg.subband_files) as files,
              (select array_agg(distinct correlation_id) from absurd.tasks
                where workflow_id = $1) as tasks,
              (select array_agg(distinct correlation_id) from contimg.products) as products,
              (select array_agg(distinct group_id) from contimg.quality_metrics) as metrics`,
      [workflowId],
    );
    assert.deepEqual(rows, [
      { files: [group], tasks: [group], products: [group], metrics: [group] },
    ]);
    await client.close();
  });
});

/** Its sixteen files, with its times. */
function writeGroupOf(groupId: string): string[] {
  return writePointSourceGroup({
    ...{ folder: incomingFolder(dataRoot), groupId, subbandCount: 16 },
    startMjd: mjdFromUnixMs(Date.parse(`${groupId}Z`)),
  });
}

function ingestFrom(folder: string): { ingester: Ingester; client: AbsurdClient } {
  const { pool } = bed;
  const tasks = stageTasks(STAGES, { pool, dataRoot, threadCount: 1, queue: QUEUE });
  const client = new AbsurdClient(pool, { tasks });
  const policy = ingestPolicySchema.parse({
    ...{ settle_seconds: 0, wait_seconds: 0, pause_free_bytes: 0 },
  });
  const ingester = new Ingester({
    ...{ pool, client, queue: QUEUE, dataRoot, folder, policy },
    // The point source is brighter than anything that the telescope sees.
    chainOf: () => ({
      chain: "target",
      params: { "convert-uvh5-to-ms": { flagging: { strategy: "off" } } },
    }),
  });
  return { ingester, client };
}

async function lookUntilSpawned(ingester: Ingester) {
  return until(async () => (await ingester.look()).spawned[0], { what: "a chain is spawned" });
}

/** A worker converts and ends. */
async function convertedBy(client: AbsurdClient, workflowId: string): Promise<void> {
  const worker = await startStageWorker({
    ...{ connectionString: bed.database.url, dataRoot, queue: QUEUE, threadCount: 1 },
    stages: STAGES.filter(({ stage }) => stage.name === "convert-uvh5-to-ms"),
  });
  try {
    await converted(client, workflowId);
  } finally {
    await worker.stop({ graceSeconds: 5 });
  }
}

async function converted(client: AbsurdClient, workflowId: string): Promise<void> {
  const { tasks } = await client.list({ conditions: [fieldIs("workflow", workflowId)] });
  const { taskId } = tasks.find((task) => task.taskName === "convert-uvh5-to-ms")!;
  await client.awaitTasks([taskId]);
}

/** Of the channels of sb06, sb05 and sb04 in the first row. */
async function flaggedFractions(): Promise<number[]> {
  const path = await new ProductRegistry(bed.pool, dataRoot).find("measurement-set", GROUP);
  using table = openTable(path);
  const flags = table.getCell("FLAG", 0);
  const perSubband = flags.length / 16;
  return [6, 5, 4].map((subband) => {
    const start = (15 - subband) * perSubband;
    const own = [...flags.slice(start, start + perSubband)];
    return own.filter((flag) => Number(flag) === 1).length / perSubband;
  });
}
