/** Faults of single antennas against simulated truth: each is found, named, and done without. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { sourceAtPhaseCenter } from "@contimg/astro";
import { isCasacoreAvailable, openTable, readBandpassTable } from "@contimg/casacore";
import { writeKnownGainsSet, type KnownGains, type KnownGainsOptions } from "@contimg/testkit";
import { afterEach, beforeEach, describe, test } from "vitest";

import type { ProductLookup } from "../stage.ts";
import { calibrationSolveStage, type SolveParams } from "../stages/calibration-solve.ts";
import { ANTENNA_LIMITS } from "./antenna-report.ts";
import { solveGains, type GainSolution, type SolveOptions } from "./solve-gains.ts";
import { openVisibilitySet } from "./visibility-set.ts";

const GROUP_ID = "2026-01-25T22:26:05";
/** The band of the telescope in 64 channels. */
const BAND = { channelCount: 64, channelWidthHz: 187.5e6 / 64 };
const SIZE = { antennaCount: 16, integrationCount: 6, fluxJy: 8, noise: 1 };

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "contimg-antennas-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!isCasacoreAvailable())("wrong delays (need casacore-dev)", () => {
  const delaysNs = new Map([
    [3, 5],
    [9, 50],
  ]);

  test("of 5 and 50 ns on two antennas are found within 0.1 ns", async () => {
    const { truth, solution } = await solve({ ...SIZE, ...BAND, delaysNs });

    const { delays, referenceAntenna } = solution;
    for (let at = 0; at < delays.delaySeconds.length; at += 1) {
      const reference = truth.delaysNs[2 * referenceAntenna + (at % 2)]!;
      const wantedNs = truth.delaysNs[at]! - reference;
      const offNs = 1e9 * delays.delaySeconds[at]! - wantedNs;
      assert.equal(delays.flags[at], 0);
      assert.ok(Math.abs(offNs) < 0.1, `antenna ${at >> 1}: ${offNs} ns off ${wantedNs} ns`);
      assert.ok(Math.abs(offNs) < 5 * delays.errorSeconds[at]! * 1e9 + 1e-9);
    }
  });

  test("are taken off before channels are summed, and are in the gains all the same", async () => {
    const set = { ...SIZE, ...BAND, delaysNs };
    const bandpass = { channelsPerSolution: 4 };
    const { truth, solution } = await solve(set, { bandpass });
    const careless = await solve(set, { bandpass, delayMaxSeconds: 1 });

    assert.ok(solution.delaysTakenOff.includes(9));
    assert.deepEqual(careless.solution.delaysTakenOff, []);
    // 50 ns turn by more than half a turn over 11.7 MHz: the sum loses a third of the amplitude.
    assert.ok(amplitudeError(solution, truth, 9) < 0.02);
    assert.ok(amplitudeError(careless.solution, truth, 9) > 0.2);
  });

  test("are named by antenna and receptor, and written as a K table", async () => {
    writeKnownGainsSet(join(folder, "known.ms"), { ...SIZE, ...BAND, delaysNs });
    const { result } = await runStage({});

    const named = result["long_delays"];
    assert.ok(Array.isArray(named));
    assert.equal(named.length, 2, named.join("\n"));
    assert.match(
      named[0]!,
      /^antenna 10, first receptor: delay .*\d ± 0\.0\d ns, the median antenna's is -?\d\.\d\d ns$/,
    );
    assert.match(named[1]!, /^antenna 10, second receptor: delay [45]\d\./);
    using table = openTable(join(folder, "run", `${GROUP_ID}.kcal`));
    assert.deepEqual(table.info().subType, "K Jones");
    const ns = table.getArray("FPARAM", 9, 1, new Float32Array(2));
    assert.ok(Math.abs(ns[0]! - 50) < 7, `${ns[0]} ns`);
  });
});

describe.skipIf(!isCasacoreAvailable())("bad antennas (need casacore-dev)", () => {
  // 104, 105, … are preferred as reference, in this order.
  const names = Array.from({ length: 16 }, (_, antenna) =>
    String(antenna < 12 ? antenna + 1 : antenna + 92),
  );
  const set = { ...SIZE, channelCount: 16, names };

  test("a dead and a noisy one are left out by name, each with its reason", async () => {
    writeKnownGainsSet(join(folder, "known.ms"), {
      ...set,
      deafAntennas: [4],
      noiseFactors: new Map([[7, 6]]),
    });
    const { result, quality } = await runStage({});

    assert.deepEqual(result.rejected_antennas, ["5", "8"]);
    const [dead, noisy] = result["antenna_findings"] as string[];
    assert.match(dead!, /^antenna 5: signal-to-noise ratio \d\.\d, expected at least 5/);
    assert.match(noisy!, /^antenna 8: noise \d\.\d times the median antenna's, expected at most 3/);
    assert.equal(quality.metrics["rejected_count"], 2);
    assert.equal(quality.metrics["active_count"], 16);
    // Of 16 active antennas two are flagged whole.
    assert.ok(Math.abs(quality.metrics["flagged_fraction"]! - 2 / 16) < 0.01);
    const { flags } = readBandpassTable(join(folder, "run", `${GROUP_ID}.bcal`));
    const cells = 16 * 2;
    for (const antenna of [4, 7])
      assert.ok(flags.subarray(antenna * cells, (antenna + 1) * cells).every((flag) => flag === 1));
  });

  test("an antenna that is zero throughout counts as absent", async () => {
    const truth = writeKnownGainsSet(join(folder, "known.ms"), { ...set, spoil: zero(6, 16) });
    assert.equal(truth.antennaCount, 16);
    const { quality } = await runStage({});

    assert.equal(quality.metrics["active_count"], 15);
    assert.equal(quality.metrics["flagged_fraction"], 0);
  });

  test("one whose phase moves within the tile is left out for it", async () => {
    writeKnownGainsSet(join(folder, "known.ms"), {
      ...set,
      phaseDeg: (antenna, integration) => (antenna === 2 ? 25 * integration : 0),
    });
    const { result } = await runStage({ gain_interval_s: 13 });

    assert.deepEqual(result.rejected_antennas, ["3"]);
    // Six steps of 25°: 43° rms.
    assert.match(String(result["antenna_findings"]), /^antenna 3: phase moves by 4\d degrees rms/);
  });

  test("are passed over as reference, and the next in the operators' order is taken", async () => {
    writeKnownGainsSet(join(folder, "known.ms"), {
      ...set,
      deafAntennas: [12],
      noiseFactors: new Map([[13, 6]]),
      phaseDeg: (antenna, integration) => (antenna === 14 ? 25 * integration : 0),
    });
    const { result } = await runStage({ gain_interval_s: 13 });

    assert.equal(result.reference_antenna, "107");
    assert.deepEqual(result["skipped_references"], ["104", "105", "106"]);
  });

  test("are no reference when they are to be skipped", async () => {
    writeKnownGainsSet(join(folder, "known.ms"), set);
    const { result } = await runStage({ skip_references: ["104", "106"] });

    assert.equal(result.reference_antenna, "105");
  });

  test("are kept when the limits say so", async () => {
    writeKnownGainsSet(join(folder, "known.ms"), { ...set, noiseFactors: new Map([[7, 6]]) });
    const { result } = await runStage({
      antenna_limits: { ...ANTENNA_LIMITS, noise_ratio_max: 20 },
    });

    assert.deepEqual(result.rejected_antennas, []);
  });
});

describe.skipIf(!isCasacoreAvailable())("gains in time (need casacore-dev)", () => {
  const set = {
    ...SIZE,
    noise: 0.3,
    channelCount: 16,
    phaseDeg: (antenna: number, integration: number) =>
      antenna === 3 && integration >= 3 ? 10 : 0,
  };

  test("follow a phase that steps by 10° within the tile, and are 1 elsewhere", async () => {
    const { solution } = await solve(set, { gainIntervalSeconds: 38.6, referenceAntennas: [0] });

    const { timeGains } = solution;
    assert.equal(timeGains.intervalCount, 2);
    const step = (antenna: number, pol: number): number => {
      const at = (interval: number): number => (interval * 16 + antenna) * 2 + pol;
      return phaseDegOf(timeGains.gains, at(1)) - phaseDegOf(timeGains.gains, at(0));
    };
    for (const pol of [0, 1]) {
      assert.ok(Math.abs(step(3, pol) - 10) < 0.6, `${step(3, pol)}`);
      assert.ok(Math.abs(step(5, pol)) < 0.6, `${step(5, pol)}`);
    }
    const sizes = Array.from({ length: 2 * 16 * 2 }, (_, at) =>
      Math.hypot(timeGains.gains[2 * at]!, timeGains.gains[2 * at + 1]!),
    );
    for (const size of sizes) assert.ok(Math.abs(size - 1) < 0.02, `${size}`);
  });

  test("are written interval by interval as a G table", async () => {
    writeKnownGainsSet(join(folder, "known.ms"), set);
    const { outputs, result } = await runStage({ gain_interval_s: 38.6 });

    assert.deepEqual(
      outputs.map(({ kind, finalPath }) => [kind, finalPath.slice(-4)]),
      [
        ["calibration-table", "bcal"],
        ["delay-table", "kcal"],
        ["gain-table", "gcal"],
      ],
    );
    assert.equal(result["gain_interval_count"], 2);
    using table = openTable(join(folder, "run", `${GROUP_ID}.gcal`));
    assert.equal(table.rowCount, 2 * 16);
    const seconds = table.getScalars("TIME", 0, 32, new Float64Array(32));
    assert.ok(Math.abs(seconds[16]! - seconds[0]! - 3 * 12.884902) < 1e-3);
  });

  test.skipIf(spawnSync("/usr/bin/python3", ["-c", "import casacore.tables"]).status !== 0)(
    "and the bandpass are what python-casacore reads (needs python3-casacore)",
    async () => {
      writeKnownGainsSet(join(folder, "known.ms"), set);
      await runStage({});
      const code = `
import sys
from casacore.tables import table
for suffix, column in (("bcal", "CPARAM"), ("kcal", "FPARAM"), ("gcal", "CPARAM")):
    with table(sys.argv[1] + suffix, ack=False) as one:
        print(one.info()["subType"], *one.getcol(column).shape, one.getkeyword("ParType"))
`;
      const path = join(folder, "run", `${GROUP_ID}.`);
      const read = spawnSync("/usr/bin/python3", ["-c", code, path], { encoding: "utf8" });

      assert.equal(
        read.stdout,
        "B Jones 16 16 2 Complex\nK Jones 16 1 2 Float\nG Jones 16 1 2 Complex\n",
        read.stderr,
      );
    },
  );
});

const lookup: ProductLookup = {
  dataRoot: "/nowhere",
  find: async () => join(folder, "known.ms"),
  findCalibration: async () => assert.fail("a solve asks for no calibration"),
};

async function runStage(params: Partial<SolveParams>) {
  const parsed = calibrationSolveStage.params.parse({
    ...{ group_id: GROUP_ID, pointing: "tracking", flux_jy: SIZE.fluxJy },
    ...params,
  });
  mkdirSync(join(folder, "run"), { recursive: true });
  return calibrationSolveStage.run(await calibrationSolveStage.resolve(parsed, lookup), {
    stageFolder: join(folder, "run"),
    signal: new AbortController().signal,
    threadCount: 2,
    progress: () => undefined,
  });
}

async function solve(
  set: KnownGainsOptions,
  options: Partial<SolveOptions> = {},
): Promise<{ truth: KnownGains; solution: GainSolution }> {
  const path = join(mkdtempSync(join(folder, "set-")), "known.ms");
  const truth = writeKnownGainsSet(path, set);
  using visibilities = openVisibilitySet(path);
  const solution = await solveGains(visibilities, {
    signal: new AbortController().signal,
    progress: () => undefined,
    threadCount: 2,
    modelOf: () => sourceAtPhaseCenter(set.fluxJy, set.antennaCount, set.channelCount),
    antennaLimits: ANTENNA_LIMITS,
    referenceAntennas: [],
    gainIntervalSeconds: 60,
    delayMaxSeconds: 5e-9,
    ...options,
  });
  return { truth, solution };
}

/** Of an antenna's mean amplitude. */
function amplitudeError({ gains, channelCount }: GainSolution, truth: KnownGains, antenna: number) {
  let [sum, wanted] = [0, 0];
  for (let at = antenna * channelCount * 2; at < (antenna + 1) * channelCount * 2; at += 1) {
    sum += Math.hypot(gains[2 * at]!, gains[2 * at + 1]!);
    wanted += Math.hypot(truth.gains[2 * at]!, truth.gains[2 * at + 1]!);
  }
  return Math.abs(sum / wanted - 1);
}

function phaseDegOf(gains: Float32Array, at: number): number {
  return (Math.atan2(gains[2 * at + 1]!, gains[2 * at]!) * 180) / Math.PI;
}

/** Zeroes all rows of an antenna: rows run (0,0), (0,1) … over pairs p ≤ q. */
function zero(antenna: number, antennaCount: number): (vis: Float32Array) => void {
  return (vis) => {
    const rowLength = (2 * vis.length) / (antennaCount * (antennaCount + 1));
    let row = 0;
    for (let p = 0; p < antennaCount; p += 1)
      for (let q = p; q < antennaCount; q += 1, row += 1)
        if (p === antenna || q === antenna) vis.fill(0, row * rowLength, (row + 1) * rowLength);
  };
}
