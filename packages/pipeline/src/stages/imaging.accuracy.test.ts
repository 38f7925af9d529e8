import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { ARCSEC_RAD } from "@contimg/astro";
import { isCasacoreAvailable, openTable } from "@contimg/casacore";
import { type FitsHeader, readFitsHeader, writeReferenceCatalog } from "@contimg/formats";
import { type DriftingSource, DRIFTING_SKY_TABLE, writeDriftingSkySet } from "@contimg/testkit";
import { afterAll, beforeAll, describe, test } from "vitest";

import { PipelineError } from "../errors.ts";
import { softwareVersions } from "../products/software.ts";
import type { AnyStage, StageResult } from "../stage.ts";
import { gateWord } from "../testing/gate-word.ts";
import { imagingStage } from "./imaging.ts";
import { photometryStage } from "./photometry.ts";
import { validationStage } from "./validation.ts";

const REFEREE = fileURLToPath(new URL("./imaging.referee.py", import.meta.url));
const astropyExists = spawnSync("/usr/bin/python3", ["-c", "import astropy"]).status === 0;
const fitsverifyExists = spawnSync("fitsverify", ["-h"]).error === undefined;
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
    assert.equal(gateWord(imagingStage, image.quality), "pass");
    const png = await readFile(join(root, "imaging", "preview.png"));
    assert.equal(png.toString("latin1", 1, 4), "PNG");
  });

  const files = ["image", "image-pb", "pb", "residual", "psf"].map((name) => `${name}.fits`);
  const absent = (exists: boolean, name: string): string =>
    exists ? "" : ` (skipped: Debian package ${name} is absent)`;

  test.skipIf(!fitsverifyExists)(
    `has headers that fitsverify accepts${absent(fitsverifyExists, "fitsverify")}`,
    () => {
      for (const file of files) {
        const run = spawnSync("fitsverify", ["-q", join(root, "imaging", file)]);
        assert.match(
          run.stdout.toString(),
          /^verification OK/,
          `${file}: ${run.stdout.toString()}`,
        );
      }
    },
  );

  const astropyTitle = `tells astropy where and when${absent(astropyExists, "python3-astropy")}`;
  test.skipIf(!astropyExists)(astropyTitle, () => {
    const paths = files.map((file) => join(root, "imaging", file));
    const seen = spawnSync("/usr/bin/python3", [REFEREE, ...paths], { encoding: "utf8" });
    assert.equal(seen.status, 0, seen.stderr);
    const [center] = JSON.parse(seen.stdout) as Seen[];
    const { metadata } = image.outputs[0]!;
    assert.ok(Math.abs(center!.ra_deg - Number(metadata["center_ra_deg"])) < 1e-9);
    assert.ok(Math.abs(center!.dec_deg - Number(metadata["center_dec_deg"])) < 1e-9);
    assert.ok(Math.abs(center!.mjd - Number(metadata["mid_mjd"])) < 1e-7);
    assert.deepEqual([center!.axes, center!.frame, center!.unit], [2, "icrs", "Jy / beam"]);
  });

  test("keeps why each setting is what it is", async () => {
    const reasons = image.outputs[0]!.metadata["setting_reasons"] as Record<string, string>;
    const header = await readFitsHeader(join(root, "imaging", "image.fits"));
    const history = header.cards
      .filter(({ keyword }) => keyword === "HISTORY")
      .map(({ comment = "" }) => comment.padEnd(72))
      .join("");

    assert.match(reasons["cell_arcsec"]!, /^given; the rule says 7$/);
    assert.match(reasons["threshold_jy"]!, /^3 times \d+ uJy/);
    for (const [name, reason] of Object.entries(reasons)) {
      assert.match(
        history.replaceAll(/\s+/g, ""),
        new RegExp(squeeze(`contimg ${name} = .*: ${reason}`)),
      );
    }
  });

  test("restores all parts of the band with one beam where that is asked", async () => {
    const imageParts = async (name: string, more: object): Promise<FitsHeader[]> => {
      const { outputs } = await runStage(imagingStage, join(root, name), {
        group_id: GROUP,
        calibrated_measurement_set_path: join(root, "tile.ms"),
        ...{ tier: "quicklook", pixel_count: 240, cell_arcsec: 8, channels_out: 2 },
        ...{ channel_images: true, ...more },
      });
      const parts = outputs.filter(({ kind }) => kind === "channel-image");
      const files = ["image.fits", ...parts.map(({ stagePath }) => stagePath)];
      return Promise.all(files.map((file) => readFitsHeader(join(root, name, "imaging", file))));
    };
    const fitted = await imageParts("fitted", {});
    const common = await imageParts("common", { restoring_beam: "common" });

    assert.equal(common.length, 3);
    for (const card of ["BMAJ", "BMIN", "BPA"]) {
      const values = common.map((header) => header.number(card).toFixed(7));
      assert.equal(new Set(values).size, 1, `${card}: ${values.join(", ")}`);
    }
    for (const header of fitted) {
      assert.ok(common[0]!.number("BMAJ") > 0.999 * header.number("BMAJ"));
      assert.ok(common[0]!.number("BMIN") > 0.999 * header.number("BMIN"));
    }
    const [low, high] = common.slice(1).map((header) => header.number("RESTFRQ"));
    assert.ok(high! - low! > 90e6, "each part says its own frequency");
  });

  test("shows them blind at their places: none missed, none invented", async () => {
    const validation = await runStage(validationStage, root, {
      group_id: GROUP,
      image_path: join(root, "imaging", "image.fits"),
      primary_beam_path: join(root, "imaging", "pb.fits"),
      psf_path: join(root, "imaging", "psf.fits"),
      catalog_path: join(root, "reference.csv"),
    });

    const { metrics } = validation.quality;
    assert.equal(metrics["found_count"], SOURCES.length);
    assert.equal(metrics["unmatched_count"], 0);
    assert.ok(metrics["rms_offset_arcsec"]! < 1, `${metrics["rms_offset_arcsec"]} arcsec`);
    assert.equal(gateWord(validationStage, validation.quality), "pass");
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
      const { offset_error_arcsec: error } = row;
      assert.ok(error !== null && error > 0.01 && error < 1, `${error} arcsec`);
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

interface Seen {
  ra_deg: number;
  dec_deg: number;
  mjd: number;
  axes: number;
  frame: string;
  unit: string;
}

/** As a pattern, without the blanks that lines of a header come and go with. */
function squeeze(text: string): string {
  return text.replaceAll(/[\s]+/g, "").replaceAll(/[()+?]/g, "\\$&");
}

interface Row {
  source_name: string;
  flux_jy: number;
  flux_error_jy: number;
  catalog_flux_jy: number;
  offset_arcsec: number | null;
  offset_error_arcsec: number | null;
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
