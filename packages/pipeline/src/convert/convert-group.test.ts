import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { DEGREE_RAD, earthOrientation, icrsOfHourAngleDec } from "@contimg/astro";
import { isCasacoreAvailable, openTable } from "@contimg/casacore";
import { isHdf5Available } from "@contimg/formats";
import { SITE, writePointSourceGroup } from "@contimg/testkit";
import { afterEach, beforeEach, describe, test } from "vitest";

import { PipelineError } from "../errors.ts";
import type { PipelineErrorTag } from "../errors.ts";
import { convertGroup } from "./convert-group.ts";
import type { ConversionRequest } from "./convert-group.ts";

const addonsExist = isCasacoreAvailable() && isHdf5Available();
const refereeExists =
  addonsExist &&
  spawnSync("/usr/bin/python3", ["-c", "import astropy, casacore, h5py"]).status === 0;
const REAL_DATA = process.env["CONTIMG_REAL_DATA"] ?? "";
const HERA = join(REAL_DATA, "hera_zen.2458098.45361.HH_downselected.uvh5");
const ATA = join(REAL_DATA, "ata_3c286_C0352.uvh5");

interface Verdict {
  row_count: number;
  columns: string[];
  time_error_s: number;
  interval_error_s: number;
  antenna_errors: number;
  position_error_m: number;
  names_equal: boolean;
  frequency_error_hz: number;
  is_ascending: boolean;
  correlation_types_equal: boolean;
  center_error_arcsec: number;
  uvw_error_m: number;
  vis_error: number;
  unturned_error: number;
  flag_errors: number;
}

let folder: string;
let output: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "convert-"));
  output = join(folder, "group.ms");
});
afterEach(() => rm(folder, { recursive: true }));

describe.skipIf(!refereeExists)("a converted group, to h5py, astropy and python-casacore,", () => {
  test("has the times in MJD seconds, antennas, channels, flags, uvw, visibilities", async () => {
    const inputPaths = writePointSourceGroup({
      folder,
      sources: sourcesOffCenter(),
      spoil(subband, { flags }) {
        for (let at = subband; at < flags.length; at += 97) flags[at] = 1;
      },
    });
    await convertGroup({ inputPaths, outputPath: output, dut1Seconds: 0.1 });

    const verdict = askReferee(0.1, inputPaths);
    assertAgreement(verdict);
    assert.equal(verdict.row_count, 4 * 190);
    assert.ok(!verdict.columns.includes("WEIGHT_SPECTRUM"));
    // The referee's pole is the mean one too, and what remains is nutation and the Sun's gravity.
    assert.ok(verdict.center_error_arcsec < 0.05, `${verdict.center_error_arcsec}″`);
    // 0.05″ on 2.6 km at 1.5 GHz are 0.02 rad.
    assert.ok(verdict.vis_error < 0.02, `${verdict.vis_error}`);
  });

  test.skipIf(!existsSync(HERA))(
    "equals a real file of HERA, visibility by visibility",
    async () => {
      await convertGroup({ inputPaths: [HERA], outputPath: output, dut1Seconds: 0.235_216 });

      const verdict = askReferee(0.235_216, [HERA]);
      assertAgreement(verdict);
      assert.equal(verdict.row_count, 360);
      // The real pole of 2017 is 0.2″ from the mean one.
      assert.ok(verdict.center_error_arcsec < 0.3, `${verdict.center_error_arcsec}″`);
      assert.ok(verdict.vis_error < 1e-3, `${verdict.vis_error}`);
    },
  );

  test("puts four polarizations in order and takes ascending files as they are", async () => {
    const inputPaths = writePointSourceGroup({
      folder,
      sources: sourcesOffCenter(),
      polarizationCodes: [-6, -8, -5, -7],
      spoil(_subband, { vis }, description) {
        for (const [at, value] of vis.entries()) vis[at] = value + (at % 8);
        description.frequencyHz.reverse();
      },
    });
    await convertGroup({ inputPaths, outputPath: output });
    assertAgreement(askReferee(0, inputPaths));
  });
});

describe.skipIf(!addonsExist)("a group", () => {
  test("keeps nsamples as weights where they differ, and flags empty samples", async () => {
    const inputPaths = writePointSourceGroup({
      folder,
      sources: sourcesOffCenter(),
      timeCount: 3,
      spoil(subband, { nsamples }) {
        // Only late, so that the writer finds out after rows have been written.
        if (subband === 2) nsamples.set([0, 0.5, 2], nsamples.length - 3);
      },
    });
    const conversion = await convertGroup({ inputPaths, outputPath: output });

    assert.ok(conversion.hasWeightSpectrum);
    using table = openTable(output);
    const weights = table.getArray("WEIGHT_SPECTRUM", 569, 1, new Float32Array(24));
    const flags = table.getArray("FLAG", 569, 1, new Uint8Array(24));
    assert.equal(table.rowCount, 570);
    // Subband 2 of 4 is the second from below; its channels turn round, polarizations do not.
    assert.deepEqual([...weights.subarray(6, 12)], [0.5, 2, 1, 0, 1, 1]);
    assert.deepEqual([...flags.subarray(6, 12)], [0, 0, 0, 1, 0, 0]);
  });

  test("needs no weights when a subband is a flagged placeholder without samples", async () => {
    const inputPaths = writePointSourceGroup({
      folder,
      sources: sourcesOffCenter(),
      spoil(subband, { vis, flags, nsamples }) {
        if (subband !== 1) return;
        vis.fill(0);
        flags.fill(1);
        nsamples.fill(0);
      },
    });
    const conversion = await convertGroup({ inputPaths, outputPath: output });
    assert.ok(!conversion.hasWeightSpectrum);
    assert.equal(conversion.flaggedFraction, 0.25);
  });

  test("gets the phase center that is asked for", async () => {
    const inputPaths = writePointSourceGroup({ folder, sources: sourcesOffCenter() });
    const center = { raRad: 1.2, decRad: 0.93 };
    await convertGroup({ inputPaths, outputPath: output, center });
    using field = openTable(`${output}/FIELD`);
    assert.deepEqual([...field.getDoubles("PHASE_DIR", 0)], [1.2, 0.93]);
  });
});

describe.skipIf(!addonsExist)("a bad group is refused and leaves nothing behind:", () => {
  test("half a file", async () => {
    const inputPaths = write();
    await truncate(inputPaths[1]!, 100_000);
    await assertRefused({ inputPaths }, "MalformedFile", /sb01\.hdf5: .*truncated/);
  });

  test("values that are not numbers", async () => {
    const inputPaths = write((subband, { vis }) => {
      if (subband === 3) vis[vis.length - 1] = NaN;
    });
    const message = /sb03\.hdf5: Data\/visdata has a value that is not finite in integrations 3/;
    await assertRefused({ inputPaths }, "UnphysicalData", message);
  });

  test("a subband of zeros", async () => {
    const inputPaths = write((subband, { vis }) => {
      if (subband === 2) vis.fill(0);
    });
    const message = /sb02\.hdf5: visdata is zero in every sample/;
    await assertRefused({ inputPaths }, "UnphysicalData", message);
  });

  test("a tile whose every sample is flagged", async () => {
    const inputPaths = write((_subband, { flags }) => flags.fill(1));
    await assertRefused({ inputPaths }, "UnphysicalData", /flags are set on every sample/);
  });

  test("a subband that points elsewhere than the first", async () => {
    const inputPaths = write((subband, _data, description) => {
      if (subband === 1) Object.assign(description, { pointingDecRad: 54.4 * DEGREE_RAD });
    });
    const message = /sb01\.hdf5: phase_center_dec is 54\.400°, expected 54\.570° as in .*sb00/;
    await assertRefused({ inputPaths }, "WrongDeclination", message);
  });

  test("a pointing that is not the expected one", async () => {
    const request = { inputPaths: write(), expectedDeclinationRad: 16.1 * DEGREE_RAD };
    const message = /phase_center_dec is 54\.570°, expected 16\.100° as in the request/;
    await assertRefused(request, "WrongDeclination", message);
  });

  test("a declination in degrees where radians are due", async () => {
    const inputPaths = write((_subband, _data, description) => {
      Object.assign(description, { pointingDecRad: 54.57 });
    });
    await assertRefused({ inputPaths }, "WrongDeclination", /expected a value within ±90°/);
  });

  test("a gap in the band, and a subband that comes twice", async () => {
    const inputPaths = write();
    const gap = inputPaths.filter((path) => !path.includes("sb02"));
    await assertRefused({ inputPaths: gap }, "MalformedFile", /leaves a gap above .*sb03/);
    const twice = [...inputPaths, inputPaths[0]!];
    await assertRefused({ inputPaths: twice }, "MalformedFile", /sb00.* overlaps .*sb00/);
  });

  test("subbands of two observations", async () => {
    const inputPaths = write((subband, _data, description) => {
      if (subband === 3) description.timesMjd[2]! += 10 / 86_400;
    });
    const message = /sb03\.hdf5: time_array of integration 2 is 6\d+\.\d+, expected/;
    await assertRefused({ inputPaths }, "MalformedFile", message);
  });

  test.skipIf(!existsSync(ATA))("a real file with values of 1e34", async () => {
    await assertRefused({ inputPaths: [ATA] }, "UnphysicalData", /nsamples|visdata/);
  });

  test("work that is aborted on the way", async () => {
    const abort = new AbortController();
    const request = {
      inputPaths: write(),
      outputPath: output,
      signal: abort.signal,
      onIntegration(done: number) {
        if (done === 2) abort.abort(new Error("stopped by a person"));
      },
    };
    await assert.rejects(convertGroup(request), /stopped by a person/);
    assertNothingLeft();
  });

  function write(spoil?: Parameters<typeof writePointSourceGroup>[0]["spoil"]): string[] {
    return writePointSourceGroup({
      folder,
      sources: sourcesOffCenter(),
      ...(spoil !== undefined && { spoil }),
    });
  }
});

async function assertRefused(
  request: Omit<ConversionRequest, "outputPath">,
  tag: PipelineErrorTag,
  message: RegExp,
): Promise<void> {
  await assert.rejects(convertGroup({ ...request, outputPath: output }), (error) => {
    assert.ok(error instanceof PipelineError, String(error));
    assert.equal(error.tag, tag);
    assert.match(error.message, message);
    return true;
  });
  assertNothingLeft();
}

function assertNothingLeft(): void {
  const left = readdirSync(folder).filter((name) => !name.endsWith(".hdf5"));
  assert.deepEqual(left, []);
}

function assertAgreement(verdict: Verdict): void {
  const exact = {
    time_error_s: 0,
    interval_error_s: 0,
    antenna_errors: 0,
    flag_errors: 0,
    frequency_error_hz: 0,
    names_equal: true,
    is_ascending: true,
    correlation_types_equal: true,
  };
  for (const [quantity, expected] of Object.entries(exact)) {
    assert.equal(verdict[quantity as keyof typeof exact], expected, quantity);
  }
  assert.ok(verdict.position_error_m < 1e-6, `positions off by ${verdict.position_error_m} m`);
  assert.ok(verdict.uvw_error_m < 0.02, `uvw off by ${verdict.uvw_error_m} m`);
  // Turned back by its own w a visibility is the file's, but for the rounding of float32.
  assert.ok(verdict.unturned_error < 1e-6, `visibilities off by ${verdict.unturned_error}`);
}

function askReferee(dut1Seconds: number, inputPaths: readonly string[]): Verdict {
  const script = fileURLToPath(new URL("./convert-group.referee.py", import.meta.url));
  const args = [script, output, String(dut1Seconds), ...inputPaths];
  const run = spawnSync("/usr/bin/python3", args, { encoding: "utf8" });
  assert.equal(run.status, 0, run.stderr);
  return JSON.parse(run.stdout) as Verdict;
}

/** Two sources that no reflection maps onto one another. */
function sourcesOffCenter() {
  const earth = earthOrientation(61_065.935, SITE);
  const place = (hourAngleDeg: number, decDeg: number, fluxJy: number) => ({
    ...icrsOfHourAngleDec(earth, hourAngleDeg * DEGREE_RAD, decDeg * DEGREE_RAD),
    fluxJy,
  });
  return [place(0.2, 54.7, 1), place(-0.1, 54.5, 0.4)];
}
