import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, describe, test } from "vitest";

import { isCasacoreAvailable } from "./addon.ts";
import { readBandpassTable } from "./calibration-table.ts";
import { writeDelayTable, writeGainTable } from "./gain-tables.ts";
import { createMeasurementSet } from "./measurement-set.ts";
import { openTable } from "./table.ts";

const PYTHON = "/usr/bin/python3";
const isPythonCasacoreThere = spawnSync(PYTHON, ["-c", "import casacore.tables"]).status === 0;
const FREQUENCY_HZ = [1.1e9, 1.2e9, 1.3e9, 1.4e9];

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "contimg-gain-tables-"));
  if (isCasacoreAvailable()) writeTables();
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!isCasacoreAvailable())("delay and gain tables (need casacore-dev)", () => {
  test("are not taken for a bandpass", () => {
    assert.throws(
      () => readBandpassTable(join(folder, "tile.kcal")),
      /is "Calibration" of "K Jones", expected "B Jones"/,
    );
    assert.throws(() => readBandpassTable(join(folder, "tile.gcal")), /of "G Jones", expected/);
  });

  test("leave the spectral window of the set that was solved as it was", () => {
    using windows = openTable(join(folder, "tile.ms", "SPECTRAL_WINDOW"));

    assert.deepEqual(Array.from(windows.getDoubles("CHAN_FREQ", 0)), FREQUENCY_HZ);
  });

  test.skipIf(!isPythonCasacoreThere)(
    "are read by python-casacore as written (needs python3-casacore)",
    () => {
      const { K, G } = askPython();

      assert.deepEqual(K.info, { type: "Calibration", subType: "K Jones", readme: "" });
      assert.deepEqual(K.keywords, { ParType: "Float", MSName: "tile.ms", VisCal: "K Jones" });
      assert.equal(K.type, "float32");
      assert.deepEqual(K.shape, [3, 1, 2]);
      // Nanoseconds.
      assert.deepEqual(K.values, [[0, 0, 5, -50, 0.5, 0]]);
      assert.deepEqual(K.flags, [0, 0, 0, 0, 0, 1]);
      assert.deepEqual(K.snr.map(Math.round), [0, 0, 50, 500, 5, 0]);
      assert.deepEqual([K.channel_count, K.channel_hz], [1, [1.25e9]]);
      assert.ok(K.columns.includes("FPARAM") && !K.columns.includes("CPARAM"));

      assert.deepEqual(G.info, { type: "Calibration", subType: "G Jones", readme: "" });
      assert.deepEqual(G.keywords, { ParType: "Complex", MSName: "tile.ms", VisCal: "G Jones" });
      assert.deepEqual([G.type, G.shape], ["complex64", [6, 1, 2]]);
      const { gains } = gainSolutions();
      assert.deepEqual(
        G.values,
        [0, 1].map((part) => Array.from(gains.filter((_, at) => at % 2 === part))),
      );
      assert.deepEqual(G.antenna1, [0, 1, 2, 0, 1, 2]);
      assert.deepEqual(G.antenna2, [1, 1, 1, 1, 1, 1]);
      assert.deepEqual(
        G.seconds.map((seconds) => seconds / 86_400),
        [60000.25, 60000.25, 60000.25, 60000.75, 60000.75, 60000.75],
      );
    },
  );
});

interface Described {
  info: object;
  keywords: object;
  columns: string[];
  shape: number[];
  type: string;
  values: number[][];
  flags: number[];
  snr: number[];
  seconds: number[];
  antenna1: number[];
  antenna2: number[];
  channel_hz: number[];
  channel_count: number;
}

function askPython(): { K: Described; G: Described } {
  const script = fileURLToPath(new URL("./gain-tables.referee.py", import.meta.url));
  const paths = [join(folder, "tile.kcal"), join(folder, "tile.gcal")];
  const run = spawnSync(PYTHON, [script, ...paths], { encoding: "utf8" });
  assert.equal(run.status, 0, run.stderr);
  return JSON.parse(run.stdout) as { K: Described; G: Described };
}

function gainSolutions() {
  const cells = 2 * 3 * 2;
  return {
    ...{ intervalCount: 2, antennaCount: 3, polarizationCount: 2 },
    gains: Float32Array.from({ length: 2 * cells }, (_, at) => 1 + at / 32),
    error: new Float32Array(cells).fill(0.125),
    snr: new Float32Array(cells).fill(8),
    flags: new Uint8Array(cells),
    referenceAntenna: 1,
    timesMjd: [60000.25, 60000.75],
    intervalSeconds: 43_200,
  };
}

function writeTables(): void {
  const measurementSet = join(folder, "tile.ms");
  createMeasurementSet(measurementSet, {
    ...{ telescopeName: "OVRO_MMA", observer: "test", project: "test" },
    antennas: {
      names: ["1", "2", "3"],
      stations: ["a", "b", "c"],
      positionsM: new Float64Array(9),
      dishDiameterM: new Float64Array(3).fill(4.65),
    },
    frequencyHz: Float64Array.from(FREQUENCY_HZ),
    channelWidthHz: 1e8,
    correlationTypes: [9, 12],
    field: { name: "test", raRad: 1, decRad: 0.5 },
    startMjd: 60000,
    endMjd: 60001,
    history: [],
  }).close();
  const delays = {
    ...{ antennaCount: 3, polarizationCount: 2 },
    delaySeconds: Float64Array.of(0, 0, 5e-9, -50e-9, 0.5e-9, 0),
    errorSeconds: Float64Array.of(0, 0, 1e-10, 1e-10, 1e-10, 0),
    flags: Uint8Array.of(0, 0, 0, 0, 0, 1),
    ...{ referenceAntenna: 0, timeMjd: 60000.5, intervalSeconds: 86_400 },
  };
  writeDelayTable(join(folder, "tile.kcal"), delays, measurementSet);
  writeGainTable(join(folder, "tile.gcal"), gainSolutions(), measurementSet);
}
