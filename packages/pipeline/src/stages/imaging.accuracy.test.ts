import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ARCSEC_RAD } from "@contimg/astro";
import { isCasacoreAvailable, openTable } from "@contimg/casacore";
import { readFitsHeader, writeReferenceCatalog } from "@contimg/formats";
import { type DriftingSource, DRIFTING_SKY_TABLE, writeDriftingSkySet } from "@contimg/testkit";
import { afterAll, beforeAll, describe, test } from "vitest";

import { PipelineError } from "../errors.ts";
import { softwareVersions } from "../products/software.ts";
import type { AnyStage, StageResult } from "../stage.ts";
import { imagingStage } from "./imaging.ts";
import { photometryStage } from "./photometry.ts";
import { validationStage } from "./validation.ts";

const toolsExist = isCasacoreAvailable() && existsSync("/usr/bin/wsclean");
const GROUP = "2026-01-25T08:08:54";
const DEGREE_RAD = 3600 * ARCSEC_RAD;

/** Off the axis by up to 0.8°, where the beam is at 0.75 and falling. */
const SOURCES: readonly DriftingSource[] = [
  { eastRad: 0.3 * DEGREE_RAD, northRad: 0.2 * DEGREE_RAD, fluxJy: 2 },
  { eastRad: -0.55 * DEGREE_RAD, northRad: 0.5 * DEGREE_RAD, fluxJy: 0.5 },
  { eastRad: 0.1 * DEGREE_RAD, northRad: -0.7 * DEGREE_RAD, fluxJy: 0.8 },
  { eastRad: -0.4 * DEGREE_RAD, northRad: -0.3 * DEGREE_RAD, fluxJy: 0.25 },
];

describe.skipIf(!toolsExist)("a tile of known sources", () => {
  let root: string;
  let image: StageResult;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "contimg-imaging-"));
    const positions = writeDriftingSkySet(join(root, "tile.ms"), SOURCES, {
      noiseJy: 0.3,
      seed: 7,
    });
    writeReferenceCatalog(
      join(root, "reference.csv"),
      positions.map((position, index) => ({
        ...position,
        name: `S${index}`,
        fluxJy: SOURCES[index]!.fluxJy,
        referenceFrequencyHz: 1.4e9,
        spectralIndex: 0,
      })),
    );
    image = await runStage(imagingStage, root, {
      group_id: GROUP,
      calibrated_measurement_set_path: join(root, "tile.ms"),
      pixel_count: 960,
      cell_arcsec: 8,
    });
  });
  afterAll(async () => {
    await rm(root, { recursive: true });
  });

  test("gives six products and nothing else, with a whole header", async () => {
    const written = await readdir(join(root, "imaging"));

    assert.deepEqual(
      written.toSorted(),
      image.outputs.map((output) => output.stagePath).toSorted(),
    );
    assert.equal(image.outputs[0]!.kind, "image");
    assert.equal(image.outputs[0]!.finalPath, `images/2026-01-25/${GROUP}.img-image.fits`);
    const header = await readFitsHeader(join(root, "imaging", "image-pb.fits"));
    assert.equal(header.text("GROUPID"), GROUP);
    assert.equal(header.text("CALTBL1"), DRIFTING_SKY_TABLE);
    assert.equal(header.text("CALDATE"), DRIFTING_SKY_TABLE.slice(0, 19));
    assert.equal(header.text("PIPEVER"), softwareVersions().contimg);
    assert.match(header.text("WSCVER"), /^\d+\.\d+/);
    assert.ok(header.number("NANT") > 2 && header.number("NINTEG") > 1);
    const midMjd = Number(image.outputs[0]!.metadata["mid_mjd"]);
    assert.ok(Math.abs(header.number("MJD-AVG") - midMjd) < 1e-6);
    assert.ok(header.number("CRVAL1") >= 0 && header.number("BMAJ") > 0);
    assert.equal(image.quality.grade, "good");
    const png = await readFile(join(root, "imaging", "preview.png"));
    assert.equal(png.toString("latin1", 1, 4), "PNG");
  });

  test("shows them blind at their places: none missed, none invented", async () => {
    const validation = await runStage(validationStage, root, {
      group_id: GROUP,
      image_path: join(root, "imaging", "image.fits"),
      primary_beam_path: join(root, "imaging", "pb.fits"),
      psf_path: join(root, "imaging", "psf.fits"),
      catalog_path: join(root, "reference.csv"),
    });

    const { metrics, grade, findings } = validation.quality;
    assert.equal(metrics["found_count"], SOURCES.length);
    assert.equal(metrics["unmatched_count"], 0);
    assert.ok(metrics["rms_offset_arcsec"]! < 1, `${metrics["rms_offset_arcsec"]} arcsec`);
    assert.equal(grade, "good", findings.join("; "));
  });

  test("has their fluxes to 2 % after the drifting beam is divided out", async () => {
    const photometry = await runStage(photometryStage, root, {
      group_id: GROUP,
      corrected_image_path: join(root, "imaging", "image-pb.fits"),
      primary_beam_path: join(root, "imaging", "pb.fits"),
      catalog_path: join(root, "reference.csv"),
    });

    const { measurements } = photometry.result as unknown as { measurements: Row[] };
    assert.equal(measurements.length, SOURCES.length);
    for (const row of measurements) {
      const off = Math.abs(row.flux_jy - row.catalog_flux_jy);
      const limit = 0.02 * row.catalog_flux_jy + 2 * row.flux_error_jy;
      assert.ok(off < limit, `${row.source_name}: ${row.flux_jy} of ${row.catalog_flux_jy} Jy`);
      assert.ok(row.offset_arcsec !== null && row.offset_arcsec < 1);
    }
  });

  test("of which everything is flagged is refused by name", async () => {
    const path = join(root, "flagged.ms");
    await cp(join(root, "tile.ms"), path, { recursive: true });
    {
      using table = openTable(path, { writable: true });
      const cell = table.cellShape("FLAG", 0) ?? [];
      const count = cell.reduce((product, length) => product * length, table.rowCount);
      table.putArray("FLAG", 0, table.rowCount, new Uint8Array(count).fill(1));
    }
    const params = { group_id: GROUP, calibrated_measurement_set_path: path, pixel_count: 128 };
    await assert.rejects(runStage(imagingStage, join(root, "flagged"), params), {
      tag: "TooFewVisibilities",
      message: /flagged\.ms: all of 20880 visibilities are flagged/,
    });
  });

  test("without its reference catalogue is refused by the path", async () => {
    const params = {
      group_id: GROUP,
      corrected_image_path: join(root, "imaging", "image-pb.fits"),
      primary_beam_path: join(root, "imaging", "pb.fits"),
      catalog_path: join(root, "absent.csv"),
    };
    await assert.rejects(runStage(photometryStage, root, params), (error: unknown) => {
      assert.ok(error instanceof PipelineError && error.tag === "MissingProduct");
      assert.match(error.message, /absent\.csv does not exist/);
      return true;
    });
  });
});

interface Row {
  source_name: string;
  flux_jy: number;
  flux_error_jy: number;
  catalog_flux_jy: number;
  offset_arcsec: number | null;
}

async function runStage(stage: AnyStage, root: string, given: object): Promise<StageResult> {
  const stageFolder = join(root, stage.name);
  await mkdir(stageFolder, { recursive: true });
  const lookup = {
    dataRoot: root,
    find: () => Promise.reject(new Error("every path is given")),
    findCalibration: () => Promise.reject(new Error("every path is given")),
  };
  // eslint-disable-next-line @typescript-eslint/no-unsafe-assignment -- AnyStage forgets its types
  const inputs = await stage.resolve(stage.params.parse(given), lookup);
  // eslint-disable-next-line @typescript-eslint/no-unsafe-return -- as above
  return stage.run(inputs, {
    stageFolder,
    signal: new AbortController().signal,
    threadCount: 2,
    progress: () => undefined,
  });
}
