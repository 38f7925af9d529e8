import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { isCasacoreAvailable } from "@contimg/casacore";
import { writeKnownGainsSet, type KnownGainsOptions } from "@contimg/testkit";
import { afterEach, beforeEach, describe, test } from "vitest";

import { PipelineError } from "../errors.ts";
import { givenTable } from "../registry/decision.ts";
import type { ProductLookup, RunContext } from "../stage.ts";
import { calibrationApplyStage } from "./calibration-apply.ts";
import { calibrationSolveStage } from "./calibration-solve.ts";

const GROUP_ID = "2026-01-25T22:26:05";
const pythonCasacoreExists =
  spawnSync("/usr/bin/python3", ["-c", "import casacore.tables"]).status === 0;

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "contimg-faults-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!isCasacoreAvailable())("bad input (needs casacore-dev)", () => {
  test("a Measurement Set that is not there is named", async () => {
    await assert.rejects(solve(), { tag: "MalformedFile", message: /known\.ms is not a Measur/ });
    await assert.rejects(apply(), { tag: "MalformedFile", message: /known\.ms does not say when/ });
  });

  test("a calibration table that is not there is named", async () => {
    writeSet({});

    await assert.rejects(apply(), {
      tag: "MalformedFile",
      message: /\.bcal is not a bandpass table .* does not exist/,
    });
  });

  test("a Measurement Set in place of a calibration table is refused", async () => {
    writeSet({});

    const error = await failure(apply({ calibration_table_path: join(folder, "known.ms") }));

    assert.equal(error.tag, "MalformedFile");
    assert.match(String(error.cause), /"Measurement Set" of "", expected "B Jones"/);
  });

  test("a truncated column fails with the path and the column", async () => {
    writeSet({});
    const largest = readdirSync(join(folder, "known.ms"))
      .map((name) => join(folder, "known.ms", name))
      .filter((path) => statSync(path).isFile())
      .sort((a, b) => statSync(b).size - statSync(a).size)[0]!;
    truncateSync(largest, 1000);

    await assert.rejects(solve(), /known\.ms: reading column DATA/);
  });

  test("a tile of which half the data are not numbers is refused with the fraction", async () => {
    writeSet({});
    await solve();
    rmSync(join(folder, "known.ms"), { recursive: true });
    writeSet({ spoil: (vis) => vis.fill(Number.NaN, 0, Math.floor(0.6 * vis.length)) });

    const error = await failure(apply({ flagged_fraction_max: 0.5 }));

    assert.equal(error.tag, "TooFewVisibilities");
    assert.match(error.message, /known\.ms: (5|6)\d\.\d % .* expected at most 50 %/);
    assert.ok(Number(error.fields["unusableFraction"]) > 0.5);
  });

  test("a tile of zeros is refused", async () => {
    writeSet({ spoil: (vis) => vis.fill(0) });

    await assert.rejects(solve(), { tag: "TooFewVisibilities" });
  });

  test("a source that is tracked gets no flux of 1 Jy by default: it is asked for", () => {
    const tracked = { group_id: GROUP_ID, pointing: "tracking" };

    assert.throws(() => calibrationSolveStage.params.parse(tracked), /flux_jy[\s\S]*flux in Jy/);
  });

  test.skipIf(!pythonCasacoreExists)(
    "a MODEL_DATA of zeros is no sky: the model is made, not read (needs python3-casacore)",
    async () => {
      writeSet({});
      const { quality: without } = await solve();
      const add =
        "import sys; from casacore.tables import addImagingColumns, table; " +
        "addImagingColumns(sys.argv[1]); t = table(sys.argv[1], readonly=False, ack=False); " +
        "t.putcol('MODEL_DATA', 0 * t.getcol('MODEL_DATA')); t.close()";
      execFileSync("/usr/bin/python3", ["-c", add, join(folder, "known.ms")], { stdio: "ignore" });
      rmSync(join(folder, "run"), { recursive: true });

      const { quality } = await solve();

      assert.deepEqual(quality.metrics, without.metrics);
      assert.ok(Math.abs(quality.metrics["median_amplitude"]! - 1) < 0.3);
    },
  );

  test("an unknown parameter is refused before anything runs", () => {
    assert.throws(
      () => calibrationSolveStage.params.parse({ group_id: GROUP_ID, solint: "inf" }),
      /solint/,
    );
    assert.throws(() => calibrationApplyStage.params.parse({ group_id: "yesterday" }), /such as/);
  });
});

const lookup: ProductLookup = {
  dataRoot: "/nowhere",
  find: async () => join(folder, "known.ms"),
  findCalibration: async () => givenTable(join(folder, "run", `${GROUP_ID}.bcal`)),
};

function writeSet(changes: Partial<KnownGainsOptions>): void {
  writeKnownGainsSet(join(folder, "known.ms"), {
    ...{ antennaCount: 14, channelCount: 8, integrationCount: 3, fluxJy: 20, noise: 1 },
    ...changes,
  });
}

function context(): RunContext {
  mkdirSync(join(folder, "run"), { recursive: true });
  return {
    stageFolder: join(folder, "run"),
    signal: new AbortController().signal,
    threadCount: 2,
    progress: () => undefined,
  };
}

async function solve() {
  const params = calibrationSolveStage.params.parse({
    group_id: GROUP_ID,
    pointing: "tracking",
    flux_jy: 20,
  });
  return calibrationSolveStage.run(await calibrationSolveStage.resolve(params, lookup), context());
}

async function apply(
  changes: { calibration_table_path?: string; flagged_fraction_max?: number } = {},
) {
  const params = calibrationApplyStage.params.parse({
    group_id: GROUP_ID,
    calibration_table_path: join(folder, "run", `${GROUP_ID}.bcal`),
    ...changes,
  });
  return calibrationApplyStage.run(await calibrationApplyStage.resolve(params, lookup), context());
}

async function failure(work: Promise<unknown>): Promise<PipelineError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof PipelineError, String(error));
    return error;
  }
  return assert.fail("the work should have failed");
}
