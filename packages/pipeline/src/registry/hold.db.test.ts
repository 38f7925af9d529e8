import assert from "node:assert/strict";

import { AbsurdClient, defineTask, startWorker, type WorkerHandle } from "@contimg/absurd";
import { isCasacoreAvailable } from "@contimg/casacore";
import { until } from "@contimg/testkit";
import type pg from "pg";
import { afterEach, beforeEach, describe, test } from "vitest";
import { z } from "zod";

import { stageTasks } from "../stage-task.ts";
import { startStageWorker } from "../stage-worker.ts";
import { STAGES } from "../stages.ts";
import {
  makeCalibrationSite,
  TILE_GROUP,
  type CalibrationSite,
} from "../testing/calibration-site.ts";
import { decide } from "./decide.ts";
import { explainProduct } from "./explain.ts";
import { heldError } from "./held.ts";
import { holdingForCalibration, listHolds } from "./hold.ts";
import { assignCalibration } from "./list.ts";
import { CALIBRATION_POLICY } from "./policy.ts";
import { settleCalibrations, wakeHeld } from "./settle.ts";
import { pipelineDatabase } from "../testing/pipeline-database.ts";

const QUEUE = "registry";

const database = pipelineDatabase();

let pool: pg.Pool;
let client: AbsurdClient;
let worker: WorkerHandle | undefined;
beforeEach(async () => {
  pool = database.pool();
  await pool.query("truncate contimg.groups cascade");
});
afterEach(async () => {
  await worker?.stop({ graceSeconds: 5 });
  worker = undefined;
  await client.close();
});

describe.skipIf(!isCasacoreAvailable())("a tile without a calibration (needs casacore-dev)", () => {
  let site: CalibrationSite;
  beforeEach(async () => {
    site = await makeCalibrationSite(pool);
    const options = { pool, dataRoot: site.dataRoot, threadCount: 1, queue: QUEUE };
    client = new AbsurdClient(pool, { tasks: stageTasks(STAGES, options) });
    worker = await startStageWorker({
      connectionString: database.url,
      dataRoot: site.dataRoot,
      stages: STAGES.filter(({ stage }) => stage.name === "calibration-apply"),
      queue: QUEUE,
      threadCount: 1,
    });
  });
  afterEach(() => {
    site.remove();
  });

  test("observed before the first one waits, named, and goes on when that comes", async () => {
    const taskId = await spawnApply();
    const hold = await untilHeld();
    assert.match(hold.reason, /the registry has none near$/);
    assert.equal(hold.taskId, taskId);
    const waiting = await explainProduct(pool, site.dataRoot, TILE_GROUP);
    assert.deepEqual([waiting.product, waiting.waiting?.kind], [null, "hold"]);
    // A wait is no attempt that failed.
    const { place } = await client.show(taskId);
    assert.equal(place.place, "waiting");
    assert.match(place.awaitedEvent ?? "", /^calibration-of-2025-11-21T00:00:00\//);

    await site.register("later", { hours: 2 });
    const { woken } = await settleCalibrations(pool, { dataRoot: site.dataRoot, queue: QUEUE });
    await client.awaitTasks([taskId]);

    assert.deepEqual(woken, [TILE_GROUP]);
    assert.deepEqual(await listHolds(pool), []);
    const done = await explainProduct(pool, site.dataRoot, TILE_GROUP);
    assert.equal(done.waiting, null);
    assert.equal(done.decision?.kind, "nearest");
    assert.equal(done.decision.task_id, taskId);
    assert.equal(done.earlierDecisionCount, 1);
  });

  test("is released by a person who assigns one, and says so on the product", async () => {
    await site.register("old", { hours: -100 });
    const taskId = await spawnApply();
    await untilHeld();

    const signature = { reason: "the only clean transit", by: "ana" };
    await assignCalibration(pool, TILE_GROUP, "caltables/old.bcal", signature);
    await wakeHeld(client, pool, site.dataRoot);
    await client.awaitTasks([taskId]);

    const { decision, stages } = await explainProduct(pool, site.dataRoot, TILE_GROUP);
    assert.equal(decision?.kind, "assigned");
    const verdict = stages.find(({ task_name }) => task_name === "calibration-apply");
    assert.match(verdict?.findings[0] ?? "", /assigned by a person although .* 100\.0 h away/);
  });

  test("that is cancelled waits no more", async () => {
    const taskId = await spawnApply();
    await untilHeld();

    await client.cancel(taskId);

    assert.deepEqual(await listHolds(pool), []);
  });

  async function spawnApply(): Promise<string> {
    const params = { group_id: TILE_GROUP };
    const { taskId } = await client.spawn("calibration-apply", params, {
      queue: QUEUE,
      correlationId: TILE_GROUP,
    });
    return taskId;
  }

  /** The wait on record, and the task asleep for it. */
  async function untilHeld() {
    return until(
      async () => {
        const [hold] = await listHolds(pool);
        if (hold?.taskId == null) return undefined;
        return (await client.show(hold.taskId)).place.place === "waiting" ? hold : undefined;
      },
      { what: "the tile's wait" },
    );
  }
});

test("a calibration that comes while the wait is being recorded is not slept through", async () => {
  let lookCount = 0;
  const task = defineTask({
    name: "look",
    queue: QUEUE,
    params: z.strictObject({}),
    handler: (_params, context) =>
      holdingForCalibration(pool, context, async () => {
        lookCount += 1;
        if (lookCount > 1) return "found";
        const target = { mjd: 61_000, declinationRad: 1, pointings: [] };
        const decision = decide([], target, CALIBRATION_POLICY);
        throw heldError(TILE_GROUP, decision, CALIBRATION_POLICY);
      }),
  });
  client = new AbsurdClient(pool, { tasks: [task] });
  worker = await startWorker({ connectionString: database.url, tasks: [task], queues: [QUEUE] });

  const { taskId } = await client.spawn(task, {});
  await client.awaitTasks([taskId]);

  const { attempt, result } = await client.show(taskId);
  assert.deepEqual([attempt, result, lookCount], [1, "found", 2]);
});
