import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, test } from "vitest";

import { isCasacoreAvailable } from "./addon.ts";
import { createMeasurementSet, putIntegration } from "./measurement-set.ts";
import { openTable } from "./table.ts";

const PYTHON = "/usr/bin/python3";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "contimg-casacore-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!isCasacoreAvailable())("a new Measurement Set (needs casacore-dev)", () => {
  test("gives back the visibilities that were put, by rows and across a shared buffer", () => {
    const path = join(folder, "small.ms");
    const vis = writeSmallSet(path);

    using table = openTable(path);
    const back = new Float32Array(new SharedArrayBuffer(vis.byteLength / 3));
    table.getArray("DATA", 2, 1, back);

    assert.deepEqual(Array.from(back), Array.from(vis.subarray(24, 36)));
    assert.equal(table.rowCount, 3);
  });

  test("is written on another thread, and refuses every call meanwhile", async () => {
    const path = join(folder, "small.ms");
    writeSmallSet(path);
    using table = openTable(path, { writable: true });
    const vis = Float32Array.from({ length: 36 }, (_, at) => -at);

    const writing = table.putArrayAsync("DATA", 0, 3, vis);

    assert.throws(() => table.rowCount, /small\.ms: .*another thread is writing/);
    assert.throws(() => {
      table.close();
    }, /small\.ms: closing: another thread is writing/);
    await writing;
    assert.deepEqual(table.getArray("DATA", 0, 3, new Float32Array(36)), vis);
    await assert.rejects(
      table.putArrayAsync("DATA", 1, 3, vis),
      /small\.ms: writing column DATA: rows 1 to 3 .* there are 3/,
    );
  });

  test("still finds its subtables after it was renamed", () => {
    writeSmallSet(join(folder, "small.ms"));
    renameSync(join(folder, "small.ms"), join(folder, "moved.ms"));

    using table = openTable(join(folder, "moved.ms"));

    assert.deepEqual(table.keywords()["FIELD"], { table: join(folder, "moved.ms", "FIELD") });
  });

  test("refuses to overwrite another", () => {
    writeSmallSet(join(folder, "small.ms"));

    assert.throws(() => writeSmallSet(join(folder, "small.ms")), /small\.ms/);
  });

  test.skipIf(!hasPythonCasacore())("is read by python-casacore (needs python3-casacore)", () => {
    const path = join(folder, "small.ms");
    const vis = writeSmallSet(path);

    const seen = refereeReport(path);

    assert.deepEqual(seen.data, Array.from(vis));
    assert.deepEqual(seen.shape, [3, 3, 2]);
    assert.deepEqual(seen.flag, [0, 1, 0]);
    assert.deepEqual(seen.corr_type, [9, 12]);
    assert.deepEqual(seen.corr_product, [
      [0, 0],
      [1, 1],
    ]);
    assert.deepEqual(seen.chan_freq, [1.3e9, 1.4e9, 1.5e9]);
    assert.equal(seen.freq_ref, 5);
    assert.deepEqual(seen.phase_dir, [1, 0.5]);
    assert.deepEqual(seen.uvw_ref, { type: "uvw", Ref: "J2000" });
    assert.equal(seen.data_manager, "TiledColumnStMan");
    assert.deepEqual(seen.feed, [
      ["X", "Y"],
      [1, 0, 0, 1],
    ]);
    assert.equal(seen.telescope, "OVRO_MMA");
    assert.equal(seen.history, "made for a test");
    assert.deepEqual(seen.rows, {
      TIME: [60000.005 * 86400, 60000.005 * 86400, 60000.005 * 86400],
      STATE_ID: [-1, -1, -1],
      ANTENNA1: [0, 0, 1],
      ANTENNA2: [0, 1, 1],
    });
    assert.deepEqual(seen.sigma, [0.5, 0.5]);
  });
});

describe.skipIf(!isCasacoreAvailable())("an error from casacore (needs casacore-dev)", () => {
  test.each([
    ["a column that is not there", "DATB", 0, 3, 36, /small\.ms: reading column DATB: .*no such/],
    ["rows beyond the end", "DATA", 1, 3, 36, /column DATA: rows 1 to 3 .* there are 3/],
    ["a buffer of the wrong length", "DATA", 0, 3, 35, /column DATA: .*35 elements, expected 36/],
    ["a buffer of the wrong kind", "UVW", 0, 3, 9, /column UVW: .*another kind/],
  ])("names path and column of %s", (_what, column, startRow, rowCount, length, message) => {
    writeSmallSet(join(folder, "small.ms"));
    using table = openTable(join(folder, "small.ms"));

    assert.throws(
      () => table.getArray(column, startRow, rowCount, new Float32Array(length)),
      message,
    );
  });

  test("names the path that is no table", () => {
    assert.throws(() => openTable("/nowhere.ms"), /\/nowhere\.ms does not exist/);
  });

  test("meets whoever uses a table after closing it", () => {
    writeSmallSet(join(folder, "small.ms"));
    const table = openTable(join(folder, "small.ms"));
    table.close();

    assert.throws(() => table.rowCount, /small\.ms: counting rows: the table is closed/);
  });
});

test.skipIf(!isCasacoreAvailable())(
  "antenna lists of different lengths are refused with their numbers (needs casacore-dev)",
  () => {
    assert.throws(
      () => writeSmallSet(join(folder, "small.ms"), { stations: ["only one"] }),
      /2 antenna names need as many stations/,
    );
  },
);

/** Three rows of three channels and two polarizations; the second row is flagged. */
function writeSmallSet(path: string, antennas: { stations?: string[] } = {}): Float32Array {
  using table = createMeasurementSet(path, {
    telescopeName: "OVRO_MMA",
    observer: "test",
    project: "test",
    antennas: {
      names: ["1", "2"],
      stations: antennas.stations ?? ["DSA-001", "DSA-002"],
      positionsM: Float64Array.of(-2409761, -4478100, 3838761, -2409756, -4478103, 3838761),
      dishDiameterM: Float64Array.of(4.65, 4.65),
    },
    frequencyHz: Float64Array.of(1.3e9, 1.4e9, 1.5e9),
    channelWidthHz: 1e8,
    correlationTypes: [9, 12],
    field: { name: "test", raRad: 1, decRad: 0.5 },
    startMjd: 60000,
    endMjd: 60000.01,
    history: ["made for a test"],
  });
  table.addRows(3);
  const vis = Float32Array.from({ length: 36 }, (_, index) => index + 0.25);
  table.putArray("DATA", 0, 3, vis);
  table.putArray(
    "FLAG",
    0,
    3,
    Uint8Array.from({ length: 18 }, (_, k) => Number(k >= 6 && k < 12)),
  );
  putIntegration(table, 0, {
    timeMjd: 60000.005,
    intervalSeconds: 12.5,
    antenna1: Int32Array.of(0, 0, 1),
    antenna2: Int32Array.of(0, 1, 1),
    uvwM: Float64Array.of(0, 0, 0, 5, 3, 1, 0, 0, 0),
    weight: new Float32Array(6).fill(4),
  });
  return vis;
}

interface RefereeReport {
  [key: string]: unknown;
}

function refereeReport(path: string): RefereeReport {
  const script = `
import json, sys
import casacore.tables as ct
path = sys.argv[1]
t = ct.table(path, ack=False)
sub = lambda name: ct.table(path + '/' + name, ack=False)
d = t.getcol('DATA')
print(json.dumps(dict(
  data=d.view('f4').ravel().tolist(), shape=list(d.shape),
  flag=[int(f.all()) for f in t.getcol('FLAG')],
  corr_type=sub('POLARIZATION').getcell('CORR_TYPE', 0).tolist(),
  corr_product=sub('POLARIZATION').getcell('CORR_PRODUCT', 0).tolist(),
  chan_freq=sub('SPECTRAL_WINDOW').getcell('CHAN_FREQ', 0).tolist(),
  freq_ref=sub('SPECTRAL_WINDOW').getcell('MEAS_FREQ_REF', 0),
  phase_dir=sub('FIELD').getcell('PHASE_DIR', 0).ravel().tolist(),
  uvw_ref=t.getcolkeyword('UVW', 'MEASINFO'),
  data_manager=t.getdminfo('DATA')['TYPE'],
  feed=[sub('FEED').getcell('POLARIZATION_TYPE', 1)['array']
        if isinstance(sub('FEED').getcell('POLARIZATION_TYPE', 1), dict)
        else list(sub('FEED').getcell('POLARIZATION_TYPE', 1)),
        sub('FEED').getcell('POL_RESPONSE', 1).real.ravel().tolist()],
  telescope=sub('OBSERVATION').getcell('TELESCOPE_NAME', 0),
  history=sub('HISTORY').getcell('MESSAGE', 0),
  rows={c: t.getcol(c).tolist() for c in ('TIME', 'STATE_ID', 'ANTENNA1', 'ANTENNA2')},
  sigma=t.getcell('SIGMA', 2).tolist())))`;
  const output = execFileSync(PYTHON, ["-c", script, path], { encoding: "utf8" });
  return JSON.parse(output) as RefereeReport;
}

function hasPythonCasacore(): boolean {
  try {
    execFileSync(PYTHON, ["-c", "import casacore.tables"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
