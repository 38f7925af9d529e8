/** A watched folder: by events, without them, and as a task of the engine's workers. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { AbsurdClient } from "@contimg/absurd";
import { until } from "@contimg/testkit";
import { afterEach, describe, test } from "vitest";

import { stageTasks } from "../stage-task.ts";
import { startStageWorker } from "../stage-worker.ts";
import { STAGES } from "../stages.ts";
import { always } from "./chain-of.ts";
import { ingestScanTask, ingestSchedule } from "./ingest-task.ts";
import { Ingester, type LookReport } from "./ingester.ts";
import { ingestPolicySchema } from "./policy.ts";
import { ingestBed } from "./testing/ingest-bed.ts";
import { probeStandIn, QUEUE } from "./testing/stand-ins.ts";
import { watchFolder } from "./watch-folder.ts";

const bed = ingestBed();
const policy = ingestPolicySchema.parse({
  pause_free_bytes: 0,
  pause_tasks: 1e6,
  settle_seconds: 0.05,
});
const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

describe("a watched folder", () => {
  test("is looked at when files come, long before the next look in any case", async () => {
    const reports = watch({ pollSeconds: 3_600 });
    await until(() => reports.length > 0, { what: "the first look" });

    bed.deliverGroup(0);

    await until(async () => (await bed.runs()).length === 1, { what: "the group is run" });
  });

  test("is looked at now and then, so that what no event told is found as well", async () => {
    const reports = watch({ pollSeconds: 0.1, folder: join(bed.folder, "later") });
    await until(() => reports.length > 1, { what: "looks into a folder that is not there" });
    bed.deliverGroup(0);
    const elsewhere = join(bed.folder, "..", "made");
    mkdirSync(elsewhere);
    for (const path of bed.deliverGroup(309)) {
      renameSync(path, path.replace("/incoming/", "/made/"));
    }
    renameSync(elsewhere, join(bed.folder, "later"));

    await until(async () => (await bed.runs()).length === 1, { what: "the group is run" });
  });

  test("goes on after a look that failed", async () => {
    const reports = watch({ pollSeconds: 0.1 });
    await until(() => reports.length > 0, { what: "the first look" });
    await bed.pool.query("alter table contimg.ingest_folders rename to away");
    bed.deliverGroup(0);
    const before = reports.length;
    await bed.pool.query("select pg_sleep(0.3)");
    assert.equal(reports.length, before);
    await bed.pool.query("alter table contimg.away rename to ingest_folders");

    await until(async () => (await bed.runs()).length === 1, { what: "the group is run" });
  });
});

test("workers look by schedule, and what a scan did is its task's result", async () => {
  const dataRoot = mkdtempSync(join(tmpdir(), "ingest-root-"));
  stops.push(() => rm(dataRoot, { recursive: true }));
  const queue = "ingest-by-schedule";
  const tasks = stageTasks(STAGES, { pool: bed.pool, dataRoot, threadCount: 1, queue });
  const scan = ingestScanTask({ pool: bed.pool, dataRoot, queue, tasks });
  const client = new AbsurdClient(bed.pool, { tasks: [...tasks, scan] });
  // Not one of them is a real file, which the task finds by itself.
  bed.deliverGroup(0, [0, 1]);
  const { folder } = bed;
  await client.schedules.create(
    ingestSchedule(queue, 3_600, { folder, policy: { pause_free_bytes: 0 } }),
  );
  const worker = await startStageWorker({
    ...{ connectionString: bed.database.url, dataRoot, stages: [], queue, threadCount: 1 },
  });
  stops.push(() => worker.stop({ graceSeconds: 5 }));

  const { taskId } = await client.schedules.trigger("ingest-scan");
  await client.awaitTasks([taskId!]);

  const { result } = await client.show(taskId!);
  const { seen, taken, quarantined } = result as Record<string, unknown[] | number>;
  assert.deepEqual([seen, taken, (quarantined as unknown[]).length], [2, 0, 2]);
  assert.deepEqual(
    (await bed.files()).map((file) => file.state),
    ["quarantined", "quarantined"],
  );
});

function watch(options: { pollSeconds: number; folder?: string }): LookReport[] {
  const { folder = bed.folder, pollSeconds } = options;
  const { pool, client } = bed;
  const reports: LookReport[] = [];
  const abort = new AbortController();
  const ingester = new Ingester({
    ...{ pool, client, folder, policy, queue: QUEUE, dataRoot: bed.folder },
    ...{ chainOf: always("target"), probe: probeStandIn },
  });
  const end = watchFolder({
    ...{ ingester, folder, pollSeconds, settleSeconds: 0.05, signal: abort.signal },
    onLook: (report) => reports.push(report),
  });
  stops.push(async () => {
    abort.abort();
    await end;
  });
  return reports;
}
