import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type pg from "pg";
import { afterAll, beforeAll, describe, test } from "vitest";

import { PipelineError } from "../errors.ts";
import { type LineageNode, readLineage } from "./lineage.ts";
import { pipelineDatabase } from "../testing/pipeline-database.ts";

const GROUP = "2026-01-25T22:26:05";

const database = pipelineDatabase();

let dataRoot: string;
let pool: pg.Pool;
beforeAll(async () => {
  dataRoot = mkdtempSync(join(tmpdir(), "lineage-"));
  writeFileSync(join(dataRoot, "raw.hdf5"), "raw");
  pool = database.pool();
  await pool.query("select contimg.lock_group($1)", [GROUP]);
  await register("measurement-set", "ms/a.ms", ["incoming/a.hdf5", "incoming/b.hdf5"]);
  await register("calibration-table", "caltables/t.bcal", ["ms/a.ms"]);
  await register("image", "images/i.fits", ["ms/a.ms", "caltables/t.bcal"]);
  await register("photometry", "photometry/p.csv", ["images/i.fits"]);
  await pool.query(
    `insert into contimg.sources (source_name, ra_deg, dec_deg)
     values ('J1', 1, 1), ('J2', 2, 2)`,
  );
  await pool.query(
    `insert into contimg.measurements (group_id, source_name, ra_deg, dec_deg, mjd, frequency_hz,
       flux_jy, flux_error_jy, snr, local_rms_jy)
     values ($1, 'J1', 1, 1, 61000, 1.4e9, 1, 0.1, 10, 0.1),
            ($1, 'J2', 2, 2, 61000, 1.4e9, 1, 0.1, 10, 0.1)`,
    [GROUP],
  );
});
afterAll(() => {
  rmSync(dataRoot, { recursive: true });
});

describe("lineage", () => {
  test("leads from a point of a light curve up to the raw files", async () => {
    const { up } = await readLineage(pool, dataRoot, `J1@${GROUP}`);

    assert.deepEqual(pathsOf(up), [
      "photometry/p.csv",
      [
        "images/i.fits",
        ["caltables/t.bcal", ["ms/a.ms", ["incoming/a.hdf5"], ["incoming/b.hdf5"]]],
        ["ms/a.ms again"],
      ],
    ]);
    assert.equal(up.taskName, "photometry");
  });

  test("leads from a table down to the points of light curves", async () => {
    const { down } = await readLineage(pool, dataRoot, join(dataRoot, "caltables/t.bcal"));

    assert.deepEqual(pathsOf(down), [
      "caltables/t.bcal",
      ["images/i.fits", ["photometry/p.csv", [`2 contimg.measurements of ${GROUP}`]]],
    ]);
  });

  test("says of each product whether it is current, and why not", async () => {
    await pool.query(
      `select contimg.retire_product(product_id, 'missing') from contimg.products
        where final_path = 'caltables/t.bcal'`,
    );

    const { up } = await readLineage(pool, dataRoot, "images/i.fits");

    assert.deepEqual(
      up.children.map(({ path, state }) => [path, state]),
      [
        ["caltables/t.bcal", "missing"],
        ["ms/a.ms", "current"],
      ],
    );
    const byId = await readLineage(pool, dataRoot, up.productId!);
    assert.equal(byId.up.path, "images/i.fits");
  });

  test.each(["images/none.fits", "J9@2026-01-25T22:26:05", "00000000-0000-4000-8000-000000000000"])(
    "of %s, which is none, is refused",
    async (named) => {
      await assert.rejects(readLineage(pool, dataRoot, named), (error: unknown) => {
        assert.ok(error instanceof PipelineError);
        assert.equal(error.tag, "MissingProduct");
        assert.ok(error.message.includes(named));
        return true;
      });
    },
  );
});

type Paths = [string, ...Paths[]];

function pathsOf(node: LineageNode): Paths {
  const label = `${node.count === null ? "" : `${node.count} `}${node.path}`;
  return [`${label}${node.isRepeated ? " again" : ""}`, ...node.children.map(pathsOf)];
}

async function register(kind: string, path: string, inputs: readonly string[]): Promise<void> {
  const output = {
    kind,
    ordinal: 0,
    final_path: path,
    stage_path: `${path}.stage`,
    metadata: {},
    size_bytes: 1,
    checksum: null,
  };
  await pool.query("select contimg.register_products($1, $2, null, null, 'x', '{}', $3, $4)", [
    GROUP,
    kind,
    JSON.stringify([output]),
    JSON.stringify(inputs.map((each) => ({ path: each, product_id: null }))),
  ]);
}
