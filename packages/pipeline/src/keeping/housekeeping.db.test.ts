import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { AbsurdClient, startWorker } from "@contimg/absurd";
import fc from "fast-check";
import type pg from "pg";
import { afterEach, beforeEach, describe, test } from "vitest";
import { z } from "zod";

import { measurementSetPath } from "../products/paths.ts";
import { ProductRegistry } from "../products/registry.ts";
import { audit } from "./audit.ts";
import { weigh } from "./checksum.ts";
import { housekeep } from "./housekeeping.ts";
import { HOUSEKEEPING, housekeepingTask, scheduleHousekeeping } from "./housekeeping-task.ts";
import { readLineage } from "./lineage.ts";
import { retentionSchema } from "./retention.ts";
import { pipelineDatabase } from "../testing/pipeline-database.ts";

const NOW = new Date("2026-06-01T00:00:00Z");
const GROUP = "2026-01-25T22:26:05";
const anyParams = z.unknown();
const POLICY = retentionSchema.parse({});

const database = pipelineDatabase();

let dataRoot: string;
let pool: pg.Pool;
beforeEach(async () => {
  dataRoot = mkdtempSync(join(tmpdir(), "housekeeping-"));
  pool = database.pool();
  await pool.query("truncate contimg.groups, contimg.stage_runs cascade");
});
afterEach(() => {
  rmSync(dataRoot, { recursive: true });
});

const at = (path: string): string => join(dataRoot, path);

describe("housekeeping", () => {
  test("removes row and file of a tile whose time is over, and says what it freed", async () => {
    const raw = addFile("incoming/a.hdf5", "raw");
    const set = await addProduct(GROUP, "measurement-set", 200, [raw]);
    const image = await addProduct(GROUP, "image", 200, [set]);
    const young = await addProduct("2026-05-30T00:00:00", "image", 2, [raw]);

    const dry = await housekeep(pool, dataRoot, { policy: POLICY, dryRun: true, now: NOW });
    assert.ok(existsSync(at(set)));
    const report = await housekeep(pool, dataRoot, { policy: POLICY, now: NOW });

    assert.deepEqual(
      report.removed.map(({ path, what }) => [path, what]),
      [
        [image, "product"],
        [set, "product"],
      ],
    );
    assert.deepEqual({ ...report, dryRun: true }, dry);
    assert.deepEqual([report.files, report.bytes, report.folders], [2, 200, 0]);
    assert.ok(!existsSync(at(set)) && !existsSync(at(image)) && existsSync(at(young)));
    assert.ok(!existsSync(dirname(at(image))), "the empty day folder goes, too");
    assert.ok(existsSync(at(raw)), "no policy names raw files");
    assert.deepEqual((await audit(pool, dataRoot, { deep: true })).findings, []);
  });

  test("keeps what a product that stays was made from, until the policy releases it", async () => {
    const raw = addFile("incoming/a.hdf5", "raw");
    const set = await addProduct(GROUP, "measurement-set", 100, [raw]);
    const image = await addProduct(GROUP, "image", 100, [set]);

    const kept = await housekeep(pool, dataRoot, { policy: POLICY, now: NOW });
    assert.deepEqual(kept.removed, []);
    assert.deepEqual(kept.spared, [{ path: set, reason: "a product that stays was made from it" }]);

    const policy = retentionSchema.parse({ release: ["measurement-set"] });
    await housekeep(pool, dataRoot, { policy, now: NOW });
    assert.ok(!existsSync(at(set)) && existsSync(at(image)));
    const { up } = await readLineage(pool, dataRoot, image);
    assert.equal(up.children[0]!.state, "expired");
    assert.equal(up.children[0]!.children[0]!.path, raw);
    assert.deepEqual((await audit(pool, dataRoot)).findings, []);
  });

  test("touches nothing of a group with a task that has not ended", async () => {
    const raw = addFile("incoming/a.hdf5", "raw");
    const image = await addProduct(GROUP, "image", 999, [raw]);
    const task = { name: "validation", queue: "idle", params: anyParams };
    const client = new AbsurdClient(pool, { tasks: [task] });
    const { taskId } = await client.spawn(task, { group_id: GROUP });

    const report = await housekeep(pool, dataRoot, { policy: POLICY, now: NOW });
    assert.deepEqual(report.spared, [{ path: image, reason: "a task of its group has not ended" }]);

    await client.cancel(taskId);
    await housekeep(pool, dataRoot, { policy: POLICY, now: NOW });
    assert.ok(!existsSync(at(image)));
    await client.close();
  });

  test("a task that began after the choice still protects its group", async () => {
    const raw = addFile("incoming/a.hdf5", "raw");
    await addProduct(GROUP, "image", 999, [raw]);
    const task = { name: "validation", queue: "idle", params: anyParams };
    const client = new AbsurdClient(pool, { tasks: [task] });
    const { taskId } = await client.spawn(task, { group_id: GROUP });

    const { rows } = await pool.query(
      "select contimg.expire_product(product_id) as expired from contimg.products",
    );

    assert.deepEqual(rows, [{ expired: false }]);
    await client.cancel(taskId);
    await client.close();
  });

  test("removes what a crash between row and file left", async () => {
    const raw = addFile("incoming/a.hdf5", "raw");
    const image = await addProduct(GROUP, "image", 999, [raw]);
    await pool.query("select contimg.expire_product(product_id) from contimg.products");

    const report = await housekeep(pool, dataRoot, { policy: POLICY, now: NOW });

    assert.deepEqual(
      report.removed.map(({ path, what }) => [path, what]),
      [[image, "left-over"]],
    );
    assert.ok(!existsSync(at(image)));
  });

  test("an expired calibration table is not chosen any more", async () => {
    const raw = addFile("incoming/a.hdf5", "raw");
    const table = await addProduct(GROUP, "calibration-table", 500, [raw]);
    await pool.query(
      "select contimg.register_calibration($1, $2, '3C48', 61000, 60999, 61001, 0.5, '{}')",
      [table, GROUP],
    );
    const policy = retentionSchema.parse({ products: { "calibration-table": 400 } });

    await housekeep(pool, dataRoot, { policy, now: NOW });

    const { rows } = await pool.query("select status from contimg.calibrations");
    assert.deepEqual(rows, [{ status: "retired" }]);
    assert.deepEqual((await audit(pool, dataRoot)).findings, []);
  });

  test("clears stage folders of the dead, old scratch and old quarantine", async () => {
    const dead = "ms/.stage/00000000-0000-4000-8000-000000000000.1-1-1-1";
    for (const path of [`${dead}/x`, "tmp/stream_1/x", "scratch/today/x"]) addFile(path, "1");
    addFile("ms/.quarantine/2026-01-01T000000.000Z/x.ms", "old");
    const today = new Date().toISOString().replaceAll(":", "");
    addFile(`ms/.quarantine/${today}/x.ms`, "new");
    for (const path of ["tmp/stream_1/x", "tmp/stream_1"]) utimesSync(at(path), 1, 1);

    const report = await housekeep(pool, dataRoot, { policy: POLICY, now: new Date() });

    assert.deepEqual(
      report.removed.map(({ path }) => path).sort(),
      ["ms/.quarantine/2026-01-01T000000.000Z", dead, "tmp/stream_1"].sort(),
    );
    assert.deepEqual(readdirSync(at("scratch")), ["today"]);
    assert.deepEqual(readdirSync(at("ms/.quarantine")), [today]);
  });

  test("takes raw files of groups converted long ago by policy, and no others", async () => {
    const old = addFile("incoming/old.hdf5", "raw");
    const young = addFile("incoming/young.hdf5", "raw");
    const unknown = addFile("incoming/unknown.hdf5", "raw");
    await addProduct(GROUP, "measurement-set", 20, [old]);
    await addProduct("2026-05-30T00:00:00", "measurement-set", 2, [young]);

    const policy = retentionSchema.parse({ raw_days: 10 });
    const report = await housekeep(pool, dataRoot, { policy, now: NOW });

    assert.deepEqual(
      report.removed.map(({ path, what }) => [path, what]),
      [[old, "raw-file"]],
    );
    assert.ok(existsSync(at(young)) && existsSync(at(unknown)));
  });

  test("leaves an archive in which an audit finds nothing, whatever it found", async () => {
    const tile = fc.record({
      days: fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: 0, max: 400 }))),
      released: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(tile, { minLength: 1, maxLength: 4 }), async (tiles) => {
        await pool.query("truncate contimg.groups cascade");
        const raw = addFile("incoming/a.hdf5", "raw");
        for (const [index, { days }] of tiles.entries()) {
          const group = `2026-01-2${index}T00:00:00`;
          const set = await addProduct(group, "measurement-set", days[0]!, [raw]);
          const image = await addProduct(group, "image", days[1]!, [set]);
          await addProduct(group, "photometry", days[2]!, [image]);
        }
        const release = tiles[0]!.released ? ["measurement-set"] : [];
        const policy = retentionSchema.parse({ release });

        const report = await housekeep(pool, dataRoot, { policy, now: NOW });

        assert.deepEqual((await audit(pool, dataRoot, { deep: true })).findings, []);
        const { rows } = await pool.query<{ final_path: string; kind: string }>(
          `with recursive needed (product_id) as (
             select i.input_product_id from contimg.product_inputs i
               join contimg.products p using (product_id) where p.superseded_at is null
             union
             select i.input_product_id from contimg.product_inputs i join needed using (product_id)
           )
           select p.final_path, p.kind from contimg.products p join needed using (product_id)`,
        );
        const gone = new Set(report.removed.map(({ path }) => path));
        for (const { final_path, kind } of rows) {
          if (!release.includes(kind)) assert.ok(!gone.has(final_path), final_path);
        }
        for (const area of ["ms", "images", "photometry"])
          rmSync(at(area), { recursive: true, force: true });
      }),
      { numRuns: 12 },
    );
  });
});

describe("organising", () => {
  test("moves a failed set, atomically, with its lineage", async () => {
    const raw = addFile("incoming/a.hdf5", "raw");
    const set = await addProduct(GROUP, "measurement-set", 1, [raw]);
    await addProduct(GROUP, "image", 1, [set]);
    await pool.query(
      "select contimg.record_verdict($1, 'convert-uvh5-to-ms', 'reject', '{}', '{}', null, 'x')",
      [GROUP],
    );

    const report = await housekeep(pool, dataRoot, { policy: POLICY, now: NOW });
    const again = await housekeep(pool, dataRoot, { policy: POLICY, now: NOW });

    const moved = measurementSetPath(GROUP, "failed");
    assert.deepEqual(
      report.moved.map(({ from, to }) => [from, to]),
      [[set, moved]],
    );
    assert.deepEqual(again.moved, []);
    assert.equal(readFileSync(at(moved), "utf8").length, 100);
    const lookup = new ProductRegistry(pool, dataRoot);
    assert.equal(await lookup.find("measurement-set", GROUP), at(moved));
    const { up } = await readLineage(pool, dataRoot, imageOf(GROUP));
    assert.deepEqual([up.children[0]!.path, up.children[0]!.state], [moved, "current"]);
    assert.deepEqual((await audit(pool, dataRoot, { deep: true })).findings, []);
  });

  test("a crash between row and rename is finished by whoever looks for the product", async () => {
    const raw = addFile("incoming/a.hdf5", "raw");
    const set = await addProduct(GROUP, "measurement-set", 1, [raw]);
    const moved = measurementSetPath(GROUP, "calibrators");
    await pool.query("select contimg.move_product(product_id, $1) from contimg.products", [moved]);
    assert.ok(existsSync(at(set)));
    const { findings } = await audit(pool, dataRoot);
    assert.deepEqual(
      findings.map(({ kind, path }) => [kind, path]),
      [["unfinished-publication", moved]],
    );

    await new ProductRegistry(pool, dataRoot).find("measurement-set", GROUP);

    assert.ok(existsSync(at(moved)) && !existsSync(at(set)));
    assert.deepEqual((await audit(pool, dataRoot)).findings, []);
  });
});

test("a schedule spawns housekeeping, and its task says what it freed", async () => {
  const raw = addFile("incoming/a.hdf5", "raw");
  const image = await addProduct(GROUP, "image", 5000, [raw]);
  const task = housekeepingTask({ pool, dataRoot, queue: "keeping" });
  const client = new AbsurdClient(pool, { tasks: [task] });
  await scheduleHousekeeping(client, 6, {});
  const worker = await startWorker({ connectionString: database.url, tasks: [task] });

  const fired = await client.schedules.trigger(HOUSEKEEPING);
  await client.awaitTasks([fired.taskId!]);

  const shown = await client.show(fired.taskId!);
  assert.equal(shown.status, "completed");
  assert.equal((shown.result as { removed_count: number }).removed_count, 1);
  assert.ok(!existsSync(at(image)));
  await worker.stop();
  await client.close();
});

function addFile(path: string, text: string): string {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
  return path;
}

function imageOf(groupId: string): string {
  return `images/${groupId.slice(0, 10)}/${groupId}.img-image.fits`;
}

/** A published product of 100 bytes, so many days old at NOW. */
async function addProduct(
  groupId: string,
  kind: "measurement-set" | "image" | "photometry" | "calibration-table",
  ageDays: number,
  inputs: readonly string[],
): Promise<string> {
  const [path, stage] = {
    "measurement-set": [measurementSetPath(groupId, "science"), "convert-uvh5-to-ms"],
    image: [imageOf(groupId), "imaging"],
    photometry: [`photometry/${groupId.slice(0, 10)}/${groupId}.phot.csv`, "photometry"],
    "calibration-table": [`caltables/${groupId.slice(0, 10)}/${groupId}.bcal`, "calibration-solve"],
  }[kind] as [string, string];
  addFile(path, "x".repeat(100));
  const output = {
    kind,
    ordinal: 0,
    final_path: path,
    stage_path: `${path.split("/")[0]!}/.stage/gone/x`,
    metadata: {},
    size_bytes: 100,
    checksum: (await weigh(at(path))).checksum,
  };
  await pool.query("select contimg.lock_group($1)", [groupId]);
  await pool.query("select contimg.register_products($1, $2, null, null, 'x', '{}', $3, $4)", [
    groupId,
    stage,
    JSON.stringify([output]),
    JSON.stringify(inputs.map((each) => ({ path: each, product_id: null }))),
  ]);
  await pool.query(
    `update contimg.products set published_at = $2::timestamptz - make_interval(days => $3),
            registered_at = $2::timestamptz - make_interval(days => $3) where final_path = $1`,
    [path, NOW, ageDays],
  );
  return path;
}
