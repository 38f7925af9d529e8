import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { isCasacoreAvailable, openTable, readBandpassTable } from "@contimg/casacore";
import { isHdf5Available } from "@contimg/formats";
import { compareWithTrueGains, readTrueGains, type GainComparison } from "@contimg/testkit";
import { afterAll, beforeAll, describe, test } from "vitest";

import { convertGroup } from "../convert/convert-group.ts";
import { givenTable } from "../registry/decision.ts";
import { demoScenario } from "../simulate/scenario.ts";
import { simulateGroup, type SimulatedGroup } from "../simulate/simulate-group.ts";
import type { ProductLookup, RunContext, Transaction } from "../stage.ts";
import { gateWord } from "../testing/gate-word.ts";
import { calibrationApplyStage } from "./calibration-apply.ts";
import { calibrationSolveStage, type SolveParams } from "./calibration-solve.ts";

const isAvailable = isCasacoreAvailable() && isHdf5Available();

describe.skipIf(!isAvailable)("a simulated calibrator tile (needs casacore and HDF5)", () => {
  let folder = "";
  let group: SimulatedGroup;
  /** Solved from the calibrator alone, and with the field's sources in the model. */
  let alone: Awaited<ReturnType<typeof solve>>;
  let field: Awaited<ReturnType<typeof solve>>;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "contimg-calibration-"));
    const { calibratorTile } = demoScenario("small", 3);
    group = await simulateGroup({ folder: join(folder, "incoming"), ...calibratorTile });
    await convertGroup({ inputPaths: group.files, outputPath: measurementSet() });
    alone = await solve("alone", { use_field_sources: false });
    field = await solve("field", { catalog_path: group.catalogPath });
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test("is solved to 1 % from the calibrator alone, at the right scale", () => {
    const { result, quality } = alone;

    const { rmsError, scale } = compareWithTruth(tablePath("alone"));
    assert.ok(rmsError < 0.01, `rms gain error is ${rmsError}`);
    assert.ok(Math.abs(scale - 1) < 0.002, `amplitude scale is ${scale}`);
    assert.equal(gateWord(calibrationSolveStage, quality), "pass");
    assert.equal(result.calibrator, "0834+555");
    assert.equal(result.reference_antenna, "104");
  });

  test("is solved better with the sources of the field in the model", () => {
    const { result } = field;

    const { rmsError, scale } = compareWithTruth(tablePath("field"));
    assert.ok(Number(result["model_source_count"]) > 3);
    assert.ok(rmsError < 0.006, `rms gain error is ${rmsError}`);
    assert.ok(Math.abs(scale - 1) < 0.002, `amplitude scale is ${scale}`);
  });

  test("has its silent antenna rejected, and its zero one without solutions", () => {
    const dead = deadAntennas();
    assert.deepEqual(alone.result.rejected_antennas, dead.silent);
    const { flags, antennaNames, channelCount } = readBandpassTable(tablePath("alone"));
    for (const name of [...dead.silent, ...dead.zero]) {
      const antenna = antennaNames.indexOf(name);
      const own = flags.subarray(antenna * channelCount * 2, (antenna + 1) * channelCount * 2);
      assert.ok(
        own.every((flag) => flag === 1),
        `antenna ${name} has solutions`,
      );
    }
  });

  test("applied to itself shows the calibrator with its flux on every baseline", async () => {
    const inputs = await calibrationApplyStage.resolve(
      calibrationApplyStage.params.parse({ group_id: group.groupId }),
      lookup("field"),
    );
    const { outputs, quality } = await calibrationApplyStage.run(inputs, context("apply"));

    assert.equal(gateWord(calibrationApplyStage, quality), "pass");
    assert.equal(outputs[0]?.finalPath, `ms/science/2026-01-25/${group.groupId}.cal.ms`);
    // Where imaging looks for the table that it names in its images.
    using history = openTable(join(folder, "apply", outputs[0].stagePath, "HISTORY"));
    const tableName = basename(inputs.calibration_table_paths[0]!);
    assert.ok(history.getStrings("MESSAGE").includes(`calibrated with ${tableName}`));
    const meanJy = meanAmplitude(join(folder, "apply", outputs[0].stagePath));
    // 8.8 Jy at 1.4 GHz through the beam over the drift, and the rest of the field incoherently.
    assert.ok(Math.abs(meanJy - 8.6) < 0.25, `mean visibility towards the calibrator ${meanJy} Jy`);
  });

  test("applied has one weight a row and polarization: the mean over unflagged channels", () => {
    using table = openTable(join(folder, "apply", `${group.groupId}.cal.ms`));
    const [polarizationCount = 0, channelCount = 0] = table.cellShape("WEIGHT_SPECTRUM", 0) ?? [];
    const spectrum = new Float32Array(polarizationCount * channelCount);
    const [weight, sigma] = [new Float32Array(2), new Float32Array(2)];
    for (const row of [0, 100, table.rowCount - 1]) {
      table.getArray("WEIGHT_SPECTRUM", row, 1, spectrum);
      table.getArray("WEIGHT", row, 1, weight);
      table.getArray("SIGMA", row, 1, sigma);
      for (let pol = 0; pol < polarizationCount; pol += 1) {
        const used = spectrum.filter((value, at) => at % polarizationCount === pol && value > 0);
        const mean = used.reduce((sum, value) => sum + value, 0) / used.length;
        assert.ok(mean > 0 && Math.abs(weight[pol]! / mean - 1) < 1e-5, `row ${row}, ${mean}`);
        assert.ok(Math.abs(sigma[pol]! ** 2 * mean - 1) < 1e-5);
      }
    }
  });

  test("is refused with a calibrator that is not in the beam", async () => {
    await assert.rejects(solve("away", { calibrator: "3C286" }), {
      tag: "NoCalibrator",
      message: /1331\+305 .* degrees off axis: refused for beam response 0\.000 /,
    });
  });

  test("is refused with a calibrator that the list does not know", async () => {
    await assert.rejects(solve("unknown", { calibrator: "0000+000" }), {
      tag: "NoCalibrator",
      message: "the VLA calibrator list has no 20 cm flux for a calibrator named 0000+000",
    });
  });

  test("registers its table for half a day around its middle, not for 5 minutes", async () => {
    const queries: { text: string; values: readonly unknown[] }[] = [];
    const transaction: Transaction = {
      async query(text, values) {
        queries.push({ text, values });
      },
    };

    const params = calibrationSolveStage.params.parse({ group_id: group.groupId });
    await calibrationSolveStage.register?.(transaction, params, alone.result);

    assert.equal(queries.length, 1);
    const { values } = queries[0]!;
    assert.deepEqual(values.slice(0, 3), [
      `caltables/2026-01-25/${group.groupId}.bcal`,
      group.groupId,
      "0834+555",
    ]);
    const [mid, start, end] = values.slice(3, 6).map(Number);
    assert.deepEqual([start, end], [mid! - 0.5, mid! + 0.5]);
  });

  function measurementSet(): string {
    return join(folder, `${group.groupId}.ms`);
  }

  function tablePath(name: string): string {
    return join(folder, name, `${group.groupId}.bcal`);
  }

  function lookup(name: string): ProductLookup {
    return {
      dataRoot: folder,
      find: async () => measurementSet(),
      findCalibration: async () => givenTable(tablePath(name)),
    };
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
    const parsed = calibrationSolveStage.params.parse({ group_id: group.groupId, ...params });
    const inputs = await calibrationSolveStage.resolve(parsed, lookup(name));
    return calibrationSolveStage.run(inputs, context(name));
  }

  function compareWithTruth(path: string): GainComparison {
    return compareWithTrueGains(path, group.gainsPath);
  }

  function deadAntennas(): { silent: string[]; zero: string[] } {
    const table = readBandpassTable(tablePath("alone"));
    const truth = readTrueGains(group.gainsPath);
    const cells = table.channelCount * 2;
    const dead = truth.antennas.filter((_, index) => truth.gains[2 * index * cells] === 0);
    const main = openTable(measurementSet());
    const antenna1 = main.getScalars("ANTENNA1", 0, main.rowCount, new Int32Array(main.rowCount));
    const antenna2 = main.getScalars("ANTENNA2", 0, main.rowCount, new Int32Array(main.rowCount));
    const vis = new Float32Array(2 * cells);
    const isZero = (antenna: number): boolean => {
      const row = antenna1.findIndex((one, at) => one === antenna && antenna2[at] !== antenna);
      return main.getArray("DATA", row, 1, vis).every((value) => value === 0);
    };
    const zero = dead.filter(isZero);
    const silent = dead.filter((antenna) => !zero.includes(antenna));
    main.close();
    const nameOf = (antenna: number): string => table.antennaNames[antenna]!;
    return { silent: silent.map(nameOf), zero: zero.map(nameOf) };
  }
});

/** Amplitude of the weighted mean: the calibrator is at the phase center, all else averages out. */
function meanAmplitude(path: string): number {
  const table = openTable(path);
  const [polarizationCount = 0, channelCount = 0] = table.cellShape("DATA", 0) ?? [];
  const count = table.rowCount * polarizationCount * channelCount;
  const vis = table.getArray("DATA", 0, table.rowCount, new Float32Array(2 * count));
  const weights = table.getArray("WEIGHT_SPECTRUM", 0, table.rowCount, new Float32Array(count));
  table.close();
  let re = 0;
  let im = 0;
  let total = 0;
  for (let at = 0; at < count; at += 1) {
    re += weights[at]! * vis[2 * at]!;
    im += weights[at]! * vis[2 * at + 1]!;
    total += weights[at]!;
  }
  return Math.hypot(re, im) / total;
}
