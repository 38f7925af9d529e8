/** Each stage but the solve by a real program of a site, from its request to its product. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

import { isCasacoreAvailable, openTable } from "@contimg/casacore";
import { isHdf5Available, writeReferenceCatalog } from "@contimg/formats";
import { writeDriftingSkySet, writePointSourceGroup } from "@contimg/testkit";
import type pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, test } from "vitest";

import { stageOf } from "../execute-stage.ts";
import { audit } from "../keeping/audit.ts";
import {
  calibratedMeasurementSetPath,
  incomingFolder,
  measurementSetPath,
  referenceCatalogPath,
} from "../products/paths.ts";
import { type HandRun, runByHand } from "../run-by-hand.ts";
import { STAGES } from "../stages.ts";
import {
  type CalibrationSite,
  makeCalibrationSite,
  TILE_GROUP,
} from "../testing/calibration-site.ts";
import { pipelineDatabase } from "../testing/pipeline-database.ts";
import { withSiteStages } from "./site-config.ts";

const PROGRAM = join(import.meta.dirname, "all-stages.fixture.py");
const CONTIMG = `${process.execPath} ${resolve(import.meta.dirname, "../../../cli/src/contimg.ts")}`;
const BY = `${PROGRAM} site 1.0`;
const GROUP = "2026-01-25T22:26:05";
const SKY_GROUP = "2026-01-25T08:52:48";
const python = spawnSync("/usr/bin/python3", ["-c", "import casacore.tables, astropy.wcs"]);
const addonsExist = isCasacoreAvailable() && isHdf5Available() && python.status === 0;
const toolsExist = addonsExist && existsSync("/usr/bin/wsclean");
const NEEDS = "(needs casacore-dev, libhdf5-dev, python3-casacore, python3-astropy)";
/** Of 0.0012 rad, 4 arcmin: well in the image. */
const SOURCES = [
  { eastRad: 0.0012, northRad: 0.0008, fluxJy: 2 },
  { eastRad: -0.001, northRad: -0.0011, fluxJy: 0.8 },
];

const database = pipelineDatabase();
let pool: pg.Pool;
let dataRoot = "";

function runSite(stage: string, params: object, root = dataRoot): Promise<HandRun> {
  const executable = {
    ...{ command: PROGRAM, arguments: [CONTIMG], timeout_seconds: 240 },
    limits: { memory_gib: 2 },
  };
  const stages = withSiteStages(STAGES, { stages: { [stage]: { executable } } });
  return runByHand(stageOf(stages, stage), params, { dataRoot: root, pool, threadCount: 1 });
}

async function madeBySite(kind: string): Promise<unknown> {
  const { rows } = await pool.query<{ made_by: unknown }>(
    `select metadata ->> 'made_by' as made_by from contimg.products
      where kind = $1 and superseded_at is null and published_at is not null
      order by registered_at desc`,
    [kind],
  );
  return rows[0]?.made_by;
}

describe.skipIf(!addonsExist)(`a site's own program ${NEEDS}`, () => {
  let site: CalibrationSite;
  beforeEach(async () => {
    pool = database.pool();
    await pool.query("truncate contimg.groups cascade");
    site = await makeCalibrationSite(pool);
    dataRoot = site.dataRoot;
    return () => {
      site.remove();
    };
  });

  test("converts a group: the set is opened, measured and published by us", async () => {
    const folder = incomingFolder(dataRoot);
    writePointSourceGroup({ folder, groupId: GROUP, subbandCount: 16 });

    const params = { group_id: GROUP, flagging: { strategy: "off" } };
    const { quality } = await runSite("convert-uvh5-to-ms", params);

    assert.equal(quality.metrics["flagged_fraction"], 0);
    assert.ok(quality.metrics["amplitude_max"]! > 0.5);
    assert.equal(await madeBySite("measurement-set"), BY);
    const { rows } = await pool.query<{ mid_mjd: number }>(
      "select mid_mjd from contimg.groups where group_id = $1",
      [GROUP],
    );
    assert.ok(Math.abs(rows[0]!.mid_mjd - 61_065.935) < 0.01, `${rows[0]!.mid_mjd}`);
  });

  test("flags a set thoroughly, and flags that it forgot are put back", async () => {
    const path = join(dataRoot, measurementSetPath(TILE_GROUP, "science"));
    const before = flagsOf(path);
    before.fill(1, 0, 64);
    {
      using table = openTable(path, { writable: true });
      table.putArray("FLAG", 0, table.rowCount, before);
    }

    const { quality } = await runSite("flag-thorough", { group_id: TILE_GROUP });

    const after = flagsOf(path);
    assert.ok(after.every((flag, at) => flag >= before[at]!));
    // The last of eight channels, of all rows.
    const [added, all] = [count(after) - count(before), after.length];
    assert.ok(Math.abs(added / all - 1 / 8) < 0.01, `${added} of ${all}`);
    assert.ok(quality.metrics["flagged_by_aoflagger_fraction"]! > 0.1);
    assert.equal(await madeBySite("measurement-set"), BY);
  });

  test("applies the calibration that was decided, and its decision is recorded", async () => {
    await site.register("near", { hours: -1 });

    const { quality } = await runSite("calibration-apply", { group_id: TILE_GROUP });

    assert.ok(Math.abs(quality.metrics["calibration_age_hours"]! - 1) < 0.01);
    const flux = meanReal(join(dataRoot, calibratedMeasurementSetPath(TILE_GROUP, "science")));
    assert.ok(Math.abs(flux - 20) < 0.1, `${flux} Jy, the source has 20`);
    const { rows } = await pool.query("select kind from contimg.calibration_decisions");
    assert.deepEqual(rows, [{ kind: "nearest" }]);
    assert.equal(await madeBySite("calibrated-measurement-set"), BY);
  });
});

describe.skipIf(!toolsExist)(`of images, a site's own program ${NEEDS}, and wsclean`, () => {
  const set = (): string => join(dataRoot, "tile.ms");
  const tile = () => ({ group_id: SKY_GROUP, calibrated_measurement_set_path: set() });
  beforeAll(async () => {
    pool = database.pool();
    await pool.query("truncate contimg.groups, contimg.sources cascade");
    dataRoot = mkdtempSync(join(tmpdir(), "site-images-"));
    const positions = writeDriftingSkySet(set(), SOURCES, { noiseJy: 0.3, seed: 7 });
    const catalog = referenceCatalogPath(dataRoot);
    mkdirSync(dirname(catalog), { recursive: true });
    writeReferenceCatalog(
      catalog,
      positions.map((position, index) => ({
        ...{ ...position, name: `S${index}`, fluxJy: SOURCES[index]!.fluxJy },
        ...{ referenceFrequencyHz: 1.4e9, spectralIndex: 0 },
      })),
    );
    await runSite("imaging", { ...tile(), pixel_count: 256, cell_arcsec: 4 });
  }, 300_000);
  afterAll(() => {
    rmSync(dataRoot, { recursive: true });
  });

  test("makes an image, which gets its beam, correction and preview from us", async () => {
    const { rows } = await pool.query<{ kind: string; rms: number | null }>(
      `select p.kind, (select value from contimg.quality_metrics m
                        where m.group_id = p.group_id and m.metric = 'rms_jy') as rms
         from contimg.products p where superseded_at is null order by kind`,
    );
    assert.deepEqual(
      rows.map(({ kind }) => kind),
      ["corrected-image", "image", "preview", "primary-beam", "psf", "residual-image"],
    );
    assert.ok(rows[0]!.rms! > 0 && rows[0]!.rms! < 0.02, `${rows[0]!.rms} Jy`);
    assert.equal(await madeBySite("image"), BY);
  });

  test("finds sources, which are compared with the catalogue by us", async () => {
    const { quality } = await runSite("validation", { group_id: SKY_GROUP });

    assert.equal(quality.metrics["found_count"], SOURCES.length);
    assert.ok(quality.metrics["rms_offset_arcsec"]! < 2, `${quality.metrics["rms_offset_arcsec"]}`);
  });

  test("measures fluxes, which become points of light curves", async () => {
    const { quality } = await runSite("photometry", { group_id: SKY_GROUP });

    const ratio = quality.metrics["median_flux_ratio"]!;
    assert.ok(Math.abs(ratio - 1) < 0.1, `${ratio}`);
    const { rows } = await pool.query<{ source_name: string; flux_jy: number }>(
      "select source_name, flux_jy from contimg.measurements order by source_name",
    );
    assert.deepEqual(
      rows.map(({ source_name }) => source_name),
      ["S0", "S1"],
    );
  });

  test("makes a frame an integration, in which we look for what flashes", async () => {
    await runSite("snapshots", { ...tile(), pixel_count: 128, cell_arcsec: 8 });

    const { rows } = await pool.query<{ count: string }>(
      "select count(*) from contimg.products where kind = 'snapshot' and superseded_at is null",
    );
    assert.deepEqual(rows, [{ count: "6" }]);
    assert.equal(await madeBySite("snapshot-report"), BY);
  });

  test("leaves an archive in which an audit finds nothing", async () => {
    const { findings } = await audit(pool, dataRoot, { deep: true });
    assert.deepEqual(
      findings.filter(({ path }) => path !== "tile.ms"),
      [],
    );
  });
});

function flagsOf(path: string): Uint8Array {
  using table = openTable(path);
  const cell = table.cellShape("FLAG", 0) ?? [];
  const length = cell.reduce((product, side) => product * side, table.rowCount);
  return table.getArray("FLAG", 0, table.rowCount, new Uint8Array(length));
}

function count(flags: Uint8Array): number {
  return flags.reduce((sum, flag) => sum + flag, 0);
}

/** Of DATA: the source is in the phase center. */
function meanReal(path: string): number {
  using table = openTable(path);
  const [polarizations = 0, channels = 0] = table.cellShape("DATA", 0) ?? [];
  const vis = new Float32Array(table.rowCount * polarizations * channels * 2);
  table.getArray("DATA", 0, table.rowCount, vis);
  let sum = 0;
  for (let at = 0; at < vis.length; at += 2) sum += vis[at]!;
  return sum / (vis.length / 2);
}
