import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { canMountDisks, mountSmallDisk } from "@contimg/testkit";
import type pg from "pg";
import { afterEach, beforeEach, describe, test } from "vitest";

import { PipelineError } from "./errors.ts";
import { audit } from "./keeping/audit.ts";
import { PROBE_STAGE_URL, probeStage } from "./probe-stage.test-stage.ts";
import { listProducts } from "./products/list-products.ts";
import { replacedPath } from "./products/paths.ts";
import { ProductRegistry } from "./products/registry.ts";
import { reconcile } from "./reconcile.ts";
import { runByHand } from "./run-by-hand.ts";
import { pipelineDatabase } from "./testing/pipeline-database.ts";

const GROUP = "2026-01-25T22:26:05";
const FOLDER = "photometry/2026-01-25";
const PROBE = { stage: probeStage, url: PROBE_STAGE_URL };

const database = pipelineDatabase();

let dataRoot: string;
let pool: pg.Pool;
beforeEach(async () => {
  dataRoot = mkdtempSync(join(tmpdir(), "publish-"));
  pool = database.pool();
  await pool.query("truncate contimg.groups cascade");
});
afterEach(() => {
  rmSync(dataRoot, { recursive: true });
});

describe("a run that publishes again", () => {
  test("replaces its files and rows and keeps the history", async () => {
    await runProbe({ "a.csv": 3 });
    await runProbe({ "a.csv": 5 });

    assert.equal(statSync(join(dataRoot, FOLDER, "a.csv")).size, 5);
    assert.deepEqual(await products(), [
      { final_path: `${FOLDER}/a.csv`, size_bytes: "3", is_current: false },
      { final_path: `${FOLDER}/a.csv`, size_bytes: "5", is_current: true },
    ]);
    const verdicts = await pool.query("select from contimg.quality_verdicts");
    assert.equal(verdicts.rowCount, 1);
  });

  test("replaces a folder whole", async () => {
    await runProbe({ "a.ms/old.dat": 3 }, "a.ms");
    await runProbe({ "a.ms/new.dat": 5 }, "a.ms");

    assert.deepEqual(readdirSync(join(dataRoot, FOLDER, "a.ms")), ["new.dat"]);
    assert.deepEqual(readdirSync(join(dataRoot, "photometry/.stage")), []);
  });

  test("takes away the files that it no longer makes", async () => {
    await runProbe({ "a.csv": 3, "b.csv": 3 });
    await runProbe({ "a.csv": 5 });

    assert.deepEqual(readdirSync(join(dataRoot, FOLDER)), ["a.csv"]);
  });
});

test("a crash between the two renames of a folder is made good from what it left", async () => {
  await runProbe({ "a.ms/old.dat": 3 }, "a.ms");
  await runProbe({ "a.ms/new.dat": 5 }, "a.ms");
  // As it stands between the renames: the new version still in its stage folder, the old one aside.
  const final = join(dataRoot, FOLDER, "a.ms");
  const { rows } = await pool.query<{ product_id: string; stage_path: string }>(
    `update contimg.products set published_at = null where superseded_at is null
     returning product_id, stage_path`,
  );
  const { product_id, stage_path } = rows[0]!;
  mkdirSync(join(dataRoot, stage_path, ".."), { recursive: true });
  renameSync(final, join(dataRoot, stage_path));
  const aside = join(dataRoot, replacedPath("photometry", product_id));
  mkdirSync(aside);

  const path = await new ProductRegistry(pool, dataRoot).find("photometry", GROUP);

  assert.deepEqual(readdirSync(path), ["new.dat"]);
  assert.ok(!existsSync(aside));
});

test("what a stage found in the registry becomes the lineage of what it makes", async () => {
  await runProbe({ "a.csv": 3 });

  await runProbe({ "b.csv": 3 }, undefined, { needs: ["photometry"] });

  const { rows } = await pool.query(
    `select made.final_path as made, source.final_path as source
       from contimg.product_inputs i
       join contimg.products made using (product_id)
       join contimg.products source on source.product_id = i.input_product_id`,
  );
  assert.deepEqual(rows, [{ made: `${FOLDER}/b.csv`, source: `${FOLDER}/a.csv` }]);
});

test("the reconciler reports rows without files and files without rows", async () => {
  await runProbe({ "a.csv": 3, "b.csv": 3 });
  rmSync(join(dataRoot, FOLDER, "a.csv"));
  mkdirSync(join(dataRoot, "ms/science/2026-01-25/stray.ms"), { recursive: true });

  const report = await reconcile(pool, dataRoot);

  assert.deepEqual(report.missingFiles, [`${FOLDER}/a.csv`]);
  assert.deepEqual(report.strayFiles, ["ms/science/2026-01-25/stray.ms"]);
});

test("a data root that moves takes its products along: no row holds a stale path", async () => {
  await runProbe({ "a.csv": 3 });
  await runProbe({ "b.csv": 3 }, undefined, { needs: ["photometry"] });
  const moved = `${dataRoot}-moved`;
  renameSync(dataRoot, moved);
  try {
    const path = await new ProductRegistry(pool, moved).find("photometry", GROUP);

    assert.equal(path, join(moved, FOLDER, "b.csv"));
    assert.equal(statSync(path).size, 3);
    assert.deepEqual((await audit(pool, moved, { deep: true })).findings, []);
    const rows = await pool.query<{ text: string }>(
      `select p::text as text from contimg.products p
       union all select i::text from contimg.product_inputs i`,
    );
    assert.ok(rows.rows.length >= 3);
    for (const { text } of rows.rows) assert.ok(!text.includes(dataRoot), text);
  } finally {
    renameSync(moved, dataRoot);
  }
});

test("each product of a group is listed, not only the first", async () => {
  await runProbe({ "a.csv": 3, "b.csv": 3, "c.csv": 3 });

  const listed = await listProducts(pool, { groupId: GROUP });

  assert.deepEqual(listed.map(({ finalPath }) => finalPath.slice(-5)).sort(), [
    ...["a.csv", "b.csv", "c.csv"],
  ]);
});

describe("a stage that cannot run", () => {
  test.each([
    ["MissingProduct", { needs: ["image"] }, /group .* has no image yet/],
    ["DiskFull", { output_bytes: 1e18 }, /has .* MiB free, the stage needs 953674316406.3 MiB/],
    ["MalformedFile", { steps: [{ write: "half", bytes: 9 }, { fail: "MalformedFile" }] }, /./],
  ])("is refused with %s and leaves nothing", async (tag, params, message) => {
    const error = await failureOf(params);

    assert.equal(error.tag, tag);
    assert.match(error.message, message);
    assert.deepEqual(await products(), []);
    const left = readdirSync(dataRoot, { recursive: true });
    assert.deepEqual(
      left.filter((path) => !/^photometry(\/\.stage)?$/.test(String(path))),
      [],
    );
  });

  test("names the Debian package that is missing", async () => {
    const needy = { ...PROBE, stage: { ...probeStage, packages: ["dpkg", "no-such-package"] } };
    const run = runByHand(needy, { group_id: GROUP }, { dataRoot, pool, threadCount: 1 });

    await assert.rejects(run, (error: unknown) => {
      assert.ok(error instanceof PipelineError);
      assert.equal(error.tag, "MissingTool");
      assert.match(error.message, /apt-get install no-such-package$/);
      return true;
    });
  });
});

test.skipIf(!canMountDisks())("a disk that fills up is named and left empty", async () => {
  const full = join(dataRoot, "photometry");
  mkdirSync(full);
  using disk = mountSmallDisk(full, 4 * 2 ** 20);

  const error = await failureOf({ steps: [{ write: "big", bytes: 8 * 2 ** 20 }] });

  assert.equal(error.tag, "DiskFull");
  assert.ok(String(error.fields["path"]).startsWith(full));
  assert.deepEqual(readdirSync(disk.folder, { recursive: true }), [".stage"]);
  assert.deepEqual(await products(), []);
});

/** @param product the file or folder that is the one product; default: each file is one */
async function runProbe(files: Record<string, number>, product?: string, more: object = {}) {
  const steps = Object.entries(files).map(([write, bytes]) => ({ write, bytes }));
  const names = product === undefined ? Object.keys(files) : [product];
  const outputs = Object.fromEntries(names.map((name) => [`${FOLDER}/${name}`, name]));
  const params = { group_id: GROUP, steps, outputs, ...more };
  return runByHand(PROBE, params, { dataRoot, pool, threadCount: 1 });
}

async function failureOf(params: object): Promise<PipelineError> {
  const outputs = { [`${FOLDER}/a.csv`]: "big" };
  const run = runByHand(
    PROBE,
    { group_id: GROUP, outputs, ...params },
    { dataRoot, pool, threadCount: 1 },
  );
  const error: unknown = await run.then(
    () => assert.fail("the run succeeded"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PipelineError, String(error));
  return error;
}

async function products(): Promise<unknown[]> {
  const { rows } = await pool.query<object>(
    `select final_path, size_bytes, superseded_at is null as is_current
       from contimg.products order by registered_at`,
  );
  return rows;
}
