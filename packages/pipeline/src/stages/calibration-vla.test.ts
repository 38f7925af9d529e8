import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { isCasacoreAvailable, openTable } from "@contimg/casacore";
import { afterAll, beforeAll, describe, test } from "vitest";

import { givenTable } from "../registry/decision.ts";
import type { ProductLookup, RunContext } from "../stage.ts";
import { gateWord } from "../testing/gate-word.ts";
import { calibrationApplyStage } from "./calibration-apply.ts";
import { calibrationSolveStage, type SolveParams } from "./calibration-solve.ts";

const REAL_DATA = process.env["CONTIMG_REAL_DATA"] ?? "";
const ARCHIVE = join(REAL_DATA, "day2_TDEM0003_10s_norx_1src_1spw.ms.tar.gz");
const GROUP_ID = "2010-05-05T00:00:00";
const WSCLEAN = "/usr/bin/wsclean";

const isAvailable = isCasacoreAvailable() && existsSync(ARCHIVE);

describe.skipIf(!isAvailable)("a real VLA observation (needs casacore and the real data)", () => {
  let folder = "";
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "contimg-vla-"));
    execFileSync("tar", ["xzf", ARCHIVE, "-C", folder], { stdio: "ignore" });
    solved = await solve("vla", { channels_per_solution: 64 });
    const inputs = await calibrationApplyStage.resolve(
      calibrationApplyStage.params.parse({ group_id: GROUP_ID }),
      lookup,
    );
    await calibrationApplyStage.run(inputs, context("vla"));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  let solved: Awaited<ReturnType<typeof solve>>;

  test("has its two dead antennas rejected", () => {
    // Names count from 1: these are rows 6 and 11 of the antenna table.
    assert.deepEqual(solved.result.rejected_antennas, antennaNames([6, 11]));
    assert.equal(solved.result["active_count"], 18);
    assert.equal(solved.result["unconverged_count"], 0);
  });

  test("has phases that scatter by 105 degrees before and 20 after", () => {
    const raw = phaseScatterDeg(measurementSet());
    const calibrated = phaseScatterDeg(join(folder, "vla", `${GROUP_ID}.cal.ms`));

    assert.ok(raw > 100, `raw phases scatter by ${raw} degrees`);
    assert.ok(calibrated < 21, `calibrated phases scatter by ${calibrated} degrees`);
  });

  test("is rejected by its gate where single channels are too noisy to be solved", async () => {
    const { quality } = await solve("noisy", { channels_per_solution: 1 });

    assert.match(gateWord(calibrationSolveStage, quality), /^reject; /);
  });

  test.skipIf(!existsSync(WSCLEAN))("shows its source at the field center (needs wsclean)", () => {
    execFileSync(
      WSCLEAN,
      [
        ...["-name", join(folder, "vla", "image"), "-size", "512", "512", "-scale", "0.3asec"],
        ...["-pol", "I", "-niter", "200", "-mgain", "0.8", "-use-wgridder", "-j", "2", "-quiet"],
        ...["-no-update-model-required", join(folder, "vla", `${GROUP_ID}.cal.ms`)],
      ],
      { env: { ...process.env, OPENBLAS_NUM_THREADS: "1" }, stdio: "ignore" },
    );

    const { value, x, y } = peakOf(join(folder, "vla", "image-image.fits"), 512);
    assert.ok(Math.abs(x - 256) <= 1 && Math.abs(y - 256) <= 1, `peak at ${x}, ${y}`);
    // Solved as 1 Jy; what decorrelates within the scan is lost.
    assert.ok(value > 0.9 && value < 1.05, `peak is ${value} Jy/beam`);
  });

  const lookup: ProductLookup = {
    dataRoot: "/nowhere",
    find: async () => measurementSet(),
    findCalibration: async () => givenTable(join(folder, "vla", `${GROUP_ID}.bcal`)),
  };

  function measurementSet(): string {
    return join(folder, "day2_TDEM0003_10s_norx_1src_1spw.ms");
  }

  function context(name: string): RunContext {
    mkdirSync(join(folder, name), { recursive: true });
    return {
      stageFolder: join(folder, name),
      signal: new AbortController().signal,
      threadCount: 2,
      progress: () => undefined,
    };
  }

  async function solve(name: string, params: Partial<SolveParams>) {
    const parsed = calibrationSolveStage.params.parse({
      group_id: GROUP_ID,
      pointing: "tracking",
      flux_jy: 1,
      ...params,
    });
    const inputs = await calibrationSolveStage.resolve(parsed, lookup);
    return calibrationSolveStage.run(inputs, context(name));
  }

  function antennaNames(rows: readonly number[]): string[] {
    using antennas = openTable(join(measurementSet(), "ANTENNA"));
    const names = antennas.getStrings("NAME");
    return rows.map((row) => names[row]!);
  }

  /** Of the channel means of RR over the rows that the calibrated set has: standard deviation. */
  function phaseScatterDeg(path: string): number {
    const kept = new Set(pairs(join(folder, "vla", `${GROUP_ID}.cal.ms`)));
    using table = openTable(path);
    const [polarizationCount = 0, channelCount = 0] = table.cellShape("DATA", 0) ?? [];
    const cell = new Float32Array(2 * polarizationCount * channelCount);
    const phases = pairs(path).flatMap((pair, row) => {
      if (!kept.has(pair)) return [];
      table.getArray("DATA", row, 1, cell);
      let [re, im] = [0, 0];
      for (let channel = 4; channel < 60; channel += 1) {
        re += cell[2 * channel * polarizationCount]!;
        im += cell[2 * channel * polarizationCount + 1]!;
      }
      return [Math.atan2(im, re)];
    });
    const mean = phases.reduce((sum, phase) => sum + phase, 0) / phases.length;
    const variance = phases.reduce((sum, phase) => sum + (phase - mean) ** 2, 0) / phases.length;
    return (Math.sqrt(variance) * 180) / Math.PI;
  }

  function pairs(path: string): string[] {
    using table = openTable(path);
    const count = table.rowCount;
    const first = table.getScalars("ANTENNA1", 0, count, new Int32Array(count));
    const second = table.getScalars("ANTENNA2", 0, count, new Int32Array(count));
    return Array.from(first, (antenna, row) => `${antenna}-${second[row]!}`);
  }
});

/** Brightest pixel of a float32 FITS image with one header unit; pixels count from 0. */
function peakOf(path: string, side: number): { value: number; x: number; y: number } {
  const bytes = readFileSync(path);
  const blocks = Math.floor((bytes.indexOf("END     ") + 8) / 2880) + 1;
  const pixels = new DataView(bytes.buffer, bytes.byteOffset + 2880 * blocks, 4 * side * side);
  let best = { value: -Infinity, x: 0, y: 0 };
  for (let at = 0; at < side * side; at += 1) {
    const value = pixels.getFloat32(4 * at);
    if (value > best.value) best = { value, x: at % side, y: Math.floor(at / side) };
  }
  return best;
}
