/** A calibrator that is not where the beam points: 20′ away, at a tile that misses its transit. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { DEGREE_RAD } from "@contimg/astro";
import { isCasacoreAvailable } from "@contimg/casacore";
import { isHdf5Available } from "@contimg/formats";
import { compareWithTrueGains } from "@contimg/testkit";
import { afterAll, beforeAll, describe, test } from "vitest";

import { convertGroup } from "../convert/convert-group.ts";
import { demoScenario } from "../simulate/scenario.ts";
import { simulateGroup, type SimulatedGroup } from "../simulate/simulate-group.ts";
import { calibrationSolveStage, type SolveParams } from "./calibration-solve.ts";

const isAvailable = isCasacoreAvailable() && isHdf5Available();

describe.skipIf(!isAvailable)("a calibrator 20′ off the axis (needs casacore and HDF5)", () => {
  let folder = "";
  let group: SimulatedGroup;
  let solved: Awaited<ReturnType<typeof solve>>;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "contimg-off-axis-"));
    const { calibratorTile } = demoScenario("small", 3);
    group = await simulateGroup({
      folder: join(folder, "incoming"),
      ...calibratorTile,
      // 85 s of hour angle are 12′ at this declination; with 16′ of declination, 20′.
      startUnixMs: calibratorTile.startUnixMs + 85_000,
      pointingDecRad: calibratorTile.pointingDecRad - (16 / 60) * DEGREE_RAD,
    });
    await convertGroup({ inputPaths: group.files, outputPath: join(folder, "tile.ms") });
    solved = await solve();
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test("is found, with the flux that the beam leaves it", () => {
    const { result } = solved;

    assert.equal(result.calibrator, "0834+555");
    const offAxis = Number(result["calibrator_off_axis_deg"]);
    assert.ok(Math.abs(offAxis - 20 / 60) < 0.01, `${offAxis} degrees`);
    // Airy at 20′: 0.959; drifting through the tile takes 1.6 % more.
    const response = Number(result["calibrator_beam_response"]);
    assert.ok(response > 0.93 && response < 0.96, `${response}`);
    assert.ok(Number(result["model_flux_fraction"]) > 0.8, String(result["model_flux_fraction"]));
  });

  test("gives gains within 2 % rms: it is not solved as if it were in the center", () => {
    const path = join(folder, "run", `${group.groupId}.bcal`);
    const { rmsError, scale } = compareWithTrueGains(path, group.gainsPath);

    assert.equal(solved.quality.grade, "good");
    assert.ok(rmsError < 0.01, `rms gain error is ${rmsError}`);
    assert.ok(Math.abs(scale - 1) < 0.003, `amplitude scale is ${scale}`);
  });

  test("is not taken when it is to be skipped, and then there is none", async () => {
    await assert.rejects(solve({ skip_calibrators: ["0834+555"] }), {
      tag: "NoCalibrator",
      message: /no calibrator that may calibrate, but 0824\+558 with 0\.37 Jy .* refused for/,
    });
  });

  async function solve(changes: Partial<SolveParams> = {}) {
    const params = calibrationSolveStage.params.parse({
      group_id: group.groupId,
      catalog_path: group.catalogPath,
      ...changes,
    });
    const inputs = await calibrationSolveStage.resolve(params, {
      dataRoot: folder,
      find: async () => join(folder, "tile.ms"),
      findCalibration: async () => assert.fail("a solve asks for no calibration"),
    });
    mkdirSync(join(folder, "run"), { recursive: true });
    return calibrationSolveStage.run(inputs, {
      stageFolder: join(folder, "run"),
      signal: new AbortController().signal,
      threadCount: 2,
      progress: () => undefined,
    });
  }
});
