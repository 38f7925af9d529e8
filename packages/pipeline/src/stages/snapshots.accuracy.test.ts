import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { SPEED_OF_LIGHT_M_S } from "@contimg/astro";
import { isCasacoreAvailable, openTable } from "@contimg/casacore";
import { readFitsHeader } from "@contimg/formats";
import { writeDriftingSkySet } from "@contimg/testkit";
import { afterAll, beforeAll, describe, test } from "vitest";

import type { StageResult } from "../stage.ts";
import { snapshotsStage } from "./snapshots.ts";

const toolsExist = isCasacoreAvailable() && existsSync("/usr/bin/wsclean");
const GROUP = "2026-01-25T08:08:54";
const FRAMES = 6;
const FLASH = { frame: 2, l: -0.0012, m: 0.0008, fluxJy: 0.3 };

describe.skipIf(!toolsExist)("a tile in which something flashes for one integration", () => {
  let root: string;
  let result: StageResult;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "contimg-snapshots-"));
    const source = { eastRad: 0.0015, northRad: -0.001, fluxJy: 0.1 };
    writeDriftingSkySet(join(root, "tile.ms"), [source], { noiseJy: 0.3, seed: 11 });
    addFlash(join(root, "tile.ms"));
    const stageFolder = join(root, "snapshots");
    await mkdir(stageFolder);
    const params = snapshotsStage.params.parse({
      group_id: GROUP,
      calibrated_measurement_set_path: join(root, "tile.ms"),
      ...{ pixel_count: 256, cell_arcsec: 8 },
    });
    const lookup = {
      dataRoot: root,
      find: () => Promise.reject(new Error("every path is given")),
      findCalibration: () => Promise.reject(new Error("every path is given")),
    };
    result = await snapshotsStage.run(await snapshotsStage.resolve(params, lookup), {
      stageFolder,
      signal: new AbortController().signal,
      threadCount: 1,
      progress: () => undefined,
    });
  });
  afterAll(async () => {
    await rm(root, { recursive: true });
  });

  test("gives one image a frame, each with its own time, and a report", async () => {
    const kinds = result.outputs.map(({ kind }) => kind);
    assert.equal(kinds.filter((kind) => kind === "snapshot").length, FRAMES);
    assert.equal(kinds[0], "snapshot-report");
    const headers = await Promise.all(
      Array.from({ length: FRAMES }, (_, frame) =>
        readFitsHeader(join(root, "snapshots", `snapshot-0${frame}.fits`)),
      ),
    );
    const times = headers.map((header) => header.number("MJD-AVG"));
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    assert.ok(Math.abs((times[1]! - times[0]!) * 86_400 - 51.5) < 0.01);
    assert.ok(headers.every((header) => header.number("BMAJ") > 0 && header.number("FRAME") >= 0));
    assert.equal(result.quality.grade, "good");
  });

  test("has its flash reported by frame and place, and nothing else", async () => {
    const text = await readFile(join(root, "snapshots", "snapshots.json"), "utf8");
    const { frames } = JSON.parse(text) as { frames: Frame[] };

    const candidates = frames.filter(({ is_candidate }) => is_candidate);
    assert.deepEqual(
      candidates.map(({ frame }) => frame),
      [FLASH.frame],
    );
    const found = candidates[0]!;
    const header = await readFitsHeader(join(root, "snapshots", "snapshot-02.fits"));
    const degree = Math.PI / 180;
    const [ra0, dec0] = ["CRVAL1", "CRVAL2"].map((card) => header.number(card) * degree);
    const deltaRa = found.candidate_ra_deg * degree - ra0!;
    const dec = found.candidate_dec_deg * degree;
    const l = Math.cos(dec) * Math.sin(deltaRa);
    const m = Math.sin(dec) * Math.cos(dec0!) - Math.cos(dec) * Math.sin(dec0!) * Math.cos(deltaRa);
    const offArcsec = (Math.hypot(l - FLASH.l, m - FLASH.m) / degree) * 3600;
    assert.ok(offArcsec < 12, `${offArcsec} arcsec off`);
    assert.ok(Math.abs(found.candidate_flux_jy / FLASH.fluxJy - 1) < 0.25);
    assert.ok(found.candidate_snr > 10);
  });
});

interface Frame {
  frame: number;
  is_candidate: boolean;
  candidate_ra_deg: number;
  candidate_dec_deg: number;
  candidate_flux_jy: number;
  candidate_snr: number;
}

/** A point source in one integration, by the sum of docs/conventions.md. */
function addFlash(path: string): void {
  using table = openTable(path, { writable: true });
  const rows = table.rowCount / FRAMES;
  const first = FLASH.frame * rows;
  const uvwM = table.getArray("UVW", first, rows, new Float64Array(3 * rows));
  const [polarizations = 0, channels = 0] = table.cellShape("DATA", 0) ?? [];
  const vis = table.getArray(
    "DATA",
    first,
    rows,
    new Float32Array(2 * rows * channels * polarizations),
  );
  const { l, m, fluxJy } = FLASH;
  const n = Math.sqrt(1 - l * l - m * m);
  for (let row = 0; row < rows; row++) {
    const pathM = uvwM[3 * row]! * l + uvwM[3 * row + 1]! * m + uvwM[3 * row + 2]! * (n - 1);
    for (let channel = 0; channel < channels; channel++) {
      const hz = 1.311e9 + ((channel + 0.5) * 187.5e6) / channels;
      const phase = (2 * Math.PI * hz * pathM) / SPEED_OF_LIGHT_M_S;
      for (let pol = 0; pol < polarizations; pol++) {
        const at = 2 * ((row * channels + channel) * polarizations + pol);
        vis[at]! += fluxJy * Math.cos(phase);
        vis[at + 1]! += fluxJy * Math.sin(phase);
      }
    }
  }
  table.putArray("DATA", first, rows, vis);
}
