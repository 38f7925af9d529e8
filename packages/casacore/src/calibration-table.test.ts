import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, test } from "vitest";

import { isCasacoreAvailable } from "./addon.ts";
import { readBandpassTable, writeBandpassTable } from "./calibration-table.ts";
import { createMeasurementSet } from "./measurement-set.ts";
import { openTable } from "./table.ts";

const REAL_DATA = process.env["CONTIMG_REAL_DATA"] ?? "";
const CASA_TABLE = join(REAL_DATA, "sma.ms.bcal.tar.gz");

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "contimg-bcal-"));
  if (isCasacoreAvailable()) writeOurs();
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!isCasacoreAvailable())("a bandpass table (needs casacore-dev)", () => {
  test("gives back gains, errors, flags and the reference antenna", () => {
    const read = readBandpassTable(join(folder, "ours.bcal"));

    const { gains, error, snr, flags } = solutions();
    assert.deepEqual(
      { ...read, frequencyHz: Array.from(read.frequencyHz) },
      {
        ...{ gains, error, snr, flags },
        antennaCount: 3,
        channelCount: 4,
        polarizationCount: 2,
        referenceAntenna: 1,
        timeMjd: 60000.25,
        intervalSeconds: 300,
        antennaNames: ["1", "2", "3"],
        frequencyHz: [1.1e9, 1.2e9, 1.3e9, 1.4e9],
        measurementSetName: "solved.ms",
      },
    );
  });

  test("is not read from a table of another kind", () => {
    assert.throws(
      () => readBandpassTable(join(folder, "solved.ms")),
      /solved\.ms: the table is "Measurement Set" of "", expected "B Jones"/,
    );
  });

  test.skipIf(!existsSync(CASA_TABLE))(
    "has the columns, types and keywords of CASA's own (needs the real data)",
    () => {
      execFileSync("tar", ["xzf", CASA_TABLE, "-C", folder], { stdio: "ignore" });
      using casa = openTable(join(folder, "sma.ms.bcal"));
      using ours = openTable(join(folder, "ours.bcal"));

      assert.deepEqual(ours.info(), casa.info());
      assert.deepEqual(ours.columnNames(), casa.columnNames());
      for (const column of casa.columnNames()) {
        assert.deepEqual(ours.columnInfo(column), casa.columnInfo(column), column);
        assert.deepEqual(ours.keywords(column), casa.keywords(column), column);
      }
      // We do not claim to be a version of CASA.
      const wanted = Object.keys(casa.keywords()).filter((name) => name !== "CASA_Version");
      assert.deepEqual(Object.keys(ours.keywords()).sort(), wanted.sort());
      assert.equal(ours.cellShape("WEIGHT", 0), casa.cellShape("WEIGHT", 0));
    },
  );

  test.skipIf(!existsSync(CASA_TABLE))(
    "of CASA's has cells we can read (needs the real data)",
    () => {
      using casa = openTable(join(folder, "sma.ms.bcal"));

      const gains = casa.getCell("CPARAM", 0);

      assert.deepEqual(casa.cellShape("CPARAM", 0), [2, 512]);
      assert.ok(gains instanceof Float32Array);
      assert.equal(gains.length, 2 * 2 * 512);
      assert.ok(gains.every(Number.isFinite));
    },
  );
});

function solutions() {
  const cells = 3 * 4 * 2;
  return {
    antennaCount: 3,
    channelCount: 4,
    polarizationCount: 2,
    gains: Float32Array.from({ length: 2 * cells }, (_, index) => index / 8),
    error: Float32Array.from({ length: cells }, (_, index) => index / 64),
    snr: Float32Array.from({ length: cells }, (_, index) => 100 + index),
    flags: Uint8Array.from({ length: cells }, (_, index) => Number(index % 5 === 0)),
    referenceAntenna: 1,
    timeMjd: 60000.25,
    intervalSeconds: 300,
  };
}

function writeOurs(): void {
  createMeasurementSet(join(folder, "solved.ms"), {
    telescopeName: "OVRO_MMA",
    observer: "test",
    project: "test",
    antennas: {
      names: ["1", "2", "3"],
      stations: ["a", "b", "c"],
      positionsM: new Float64Array(9),
      dishDiameterM: new Float64Array(3).fill(4.65),
    },
    frequencyHz: Float64Array.of(1.1e9, 1.2e9, 1.3e9, 1.4e9),
    channelWidthHz: 1e8,
    correlationTypes: [9, 12],
    field: { name: "test", raRad: 1, decRad: 0.5 },
    startMjd: 60000,
    endMjd: 60000.5,
    history: [],
  }).close();
  writeBandpassTable(join(folder, "ours.bcal"), solutions(), join(folder, "solved.ms"));
}
