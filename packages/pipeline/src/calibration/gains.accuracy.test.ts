import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { sourceAtPhaseCenter } from "@contimg/astro";
import {
  isCasacoreAvailable,
  openTable,
  readBandpassTable,
  writeBandpassTable,
} from "@contimg/casacore";
import { writeKnownGainsSet, type KnownGains, type KnownGainsOptions } from "@contimg/testkit";
import { afterEach, beforeEach, describe, test } from "vitest";

import { applyGains, averagingFactor } from "./apply-gains.ts";
import { solveGains, type GainSolution } from "./solve-gains.ts";
import { openVisibilitySet } from "./visibility-set.ts";

const FLUX_JY = 8;
const STREAM = { signal: new AbortController().signal, progress: () => undefined };

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "contimg-gains-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!isCasacoreAvailable())("solved gains (need casacore-dev)", () => {
  test("are as near the truth as the noise lets them, and unbiased", async () => {
    const { truth, solution } = await solve({});

    // σ √2 / (S √(times · other antennas)) = 2 √2 / (8 √(8 · 23)) = 0.026 for amplitude 1.
    const { rmsError, scale } = compare(solution, truth);
    assert.ok(rmsError < 0.028, `rms gain error is ${rmsError}`);
    assert.ok(rmsError > 0.022, `rms gain error is ${rmsError}, better than noise allows`);
    assert.ok(Math.abs(scale - 1) < 0.002, `amplitude scale is ${scale}`);
  });

  test("state their own error rightly", async () => {
    const { truth, solution } = await solve({});

    const { normalizedError } = compare(solution, truth);
    assert.ok(Math.abs(normalizedError - 1) < 0.1, `errors over stated errors: ${normalizedError}`);
  });

  test("do not depend on the number of threads", async () => {
    const one = await solve({}, { threadCount: 1 });
    const three = await solve({}, { threadCount: 3 });

    // The threads' channels start from different neighbors; the tolerance is 1e-5.
    const largest = one.solution.gains.reduce(
      (most, value, at) => Math.max(most, Math.abs(value - three.solution.gains[at]!)),
      0,
    );
    assert.ok(largest < 1e-4, `largest difference is ${largest}`);
  });

  test("reject a deaf antenna and leave the others as good", async () => {
    const { truth, solution } = await solve({ deafAntennas: [5] });

    assert.deepEqual(solution.rejectedAntennas, [5]);
    assert.ok(compare(solution, truth).rmsError < 0.029);
  });

  test("have zero phase on the reference antenna that was asked for", async () => {
    const { solution } = await solve({}, { referenceAntennas: [7, 3] });

    assert.equal(solution.referenceAntenna, 7);
    const { channelCount, gains } = solution;
    for (let cell = 7 * channelCount * 2; cell < 8 * channelCount * 2; cell += 1)
      assert.ok(Math.abs(gains[2 * cell + 1]!) < 1e-6);
  });

  test("pass over a dead antenna as reference", async () => {
    const { solution } = await solve({ deafAntennas: [7] }, { referenceAntennas: [7, 3] });

    assert.equal(solution.referenceAntenna, 3);
  });

  test("survive interference, zeros and not-a-numbers", async () => {
    const { truth, solution } = await solve({
      interference: [
        { channel: 4, integration: 2, amplitude: 900 },
        { channel: 9, integration: 5, amplitude: 60 },
      ],
      spoil: (vis, integration) => {
        if (integration === 3) vis.fill(0, 0, vis.length / 2);
        if (integration === 4) for (let at = 0; at < vis.length; at += 97) vis[at] = Number.NaN;
        if (integration === 6) for (let at = 0; at < vis.length; at += 1001) vis[at] = 1e7;
      },
    });

    const { rmsError, scale } = compare(solution, truth);
    assert.ok(rmsError < 0.03, `rms gain error is ${rmsError}`);
    assert.ok(Math.abs(scale - 1) < 0.003, `amplitude scale is ${scale}`);
    assert.ok(solution.usedFraction < 0.96 && solution.usedFraction > 0.9);
  });

  test("are flagged in a channel that is dead, and only there", async () => {
    const { solution } = await solve({
      spoil: (vis) => {
        for (let at = 6; at < vis.length / 4; at += 16) vis.fill(0, 4 * at, 4 * at + 4);
      },
    });

    const { channelCount, flags } = solution;
    const flagged = flags.map((flag, at) => (flag === 1 ? (at >> 1) % channelCount : 255));
    assert.deepEqual([...new Set(flagged)].sort(), [255, 6].sort());
  });

  test("are refused when the source is lost in the noise", async () => {
    await assert.rejects(solve({ fluxJy: 0.05 }), {
      name: "PipelineError",
      tag: "SolutionTooNoisy",
    });
  });

  test("are refused when there is nothing but zeros", async () => {
    await assert.rejects(solve({ spoil: (vis) => vis.fill(0) }), {
      name: "PipelineError",
      tag: "TooFewVisibilities",
    });
  });

  test("stop being solved when the task is cancelled", async () => {
    const path = join(folder, "known.ms");
    writeKnownGainsSet(path, options({}));
    using set = openVisibilitySet(path);

    const signal = AbortSignal.abort(new Error("cancelled by a person"));

    await assert.rejects(solveGains(set, solveOptions({ signal })), /cancelled by a person/);
  });
});

describe.skipIf(!isCasacoreAvailable())("a calibrated copy (needs casacore-dev)", () => {
  test("holds the source's flux on every baseline, without autocorrelations", async () => {
    const { report, table } = await solveAndApply({ deafAntennas: [2] });

    const { mean, vis, rowCount } = readData(table);
    assert.equal(rowCount, 8 * ((23 * 22) / 2));
    assert.deepEqual(report.antennasWithoutSolution, ["3"]);
    assert.ok(Math.abs(mean[0] - FLUX_JY) < 0.02, `mean is ${mean[0]} Jy`);
    assert.ok(Math.abs(mean[1]) < 0.02, `imaginary mean is ${mean[1]} Jy`);
    assert.ok(vis.every(Number.isFinite));
    table.close();
  });

  test("averages four channels and knows how much that weighs", async () => {
    const { report, table } = await solveAndApply({ channelCount: 256, integrationCount: 2 });

    assert.equal(report.averagingFactor, 4);
    const frequencies = openTable(`${table.path}/SPECTRAL_WINDOW`);
    assert.equal(frequencies.getDoubles("CHAN_FREQ", 0)[0], 1.312e9 + 1.5e6);
    assert.equal(frequencies.getDoubles("CHAN_WIDTH", 0)[0], 4e6);
    frequencies.close();
    const { weightedScatter } = readData(table);
    // Σ |g_p g_q|² over the variance of a raw visibility is the inverse variance of the mean.
    assert.ok(Math.abs(weightedScatter / 2 - 1) < 0.05, `scatter is ${weightedScatter}, noise 2`);
    table.close();
  });

  test("leaves interference out and counts it", async () => {
    const { report, table } = await solveAndApply({
      interference: [{ channel: 9, integration: 5, amplitude: 60 }],
    });

    const { vis } = readData(table);
    const loudest = vis.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    assert.ok(loudest < 45, `loudest is ${loudest} Jy`);
    assert.ok(report.clippedFraction > 0.9 / (16 * 8), `clipped ${report.clippedFraction}`);
    assert.ok(report.clippedFraction < 1.2 / (16 * 8), `clipped ${report.clippedFraction}`);
    table.close();
  });

  test("is not made from a table of other channels", async () => {
    const { solution, path } = await solve({ channelCount: 8 });
    writeBandpassTable(join(folder, "other.bcal"), solution, path);
    writeKnownGainsSet(join(folder, "tile.ms"), options({}));
    using set = openVisibilitySet(join(folder, "tile.ms"));

    await assert.rejects(
      applyGains(set, readBandpassTable(join(folder, "other.bcal")), join(folder, "out.ms"), {
        ...STREAM,
        threadCount: 2,
        history: [],
      }),
      { tag: "NoCalibration", message: /has 16 channels .* has 8/ },
    );
  });
});

test("channels are averaged by four at most and never below 64", () => {
  assert.deepEqual([768, 384, 192, 128, 64, 66, 100].map(averagingFactor), [4, 4, 3, 2, 1, 1, 1]);
});

function options(changes: Partial<KnownGainsOptions>): KnownGainsOptions {
  return {
    antennaCount: 24,
    channelCount: 16,
    integrationCount: 8,
    fluxJy: FLUX_JY,
    noise: 2,
    ...changes,
  };
}

function solveOptions(changes: Partial<Parameters<typeof solveGains>[1]>) {
  return {
    ...STREAM,
    threadCount: 2,
    modelOf: () => sourceAtPhaseCenter(FLUX_JY, 24, 256),
    antennaSnrMin: 5,
    referenceAntennas: [],
    ...changes,
  };
}

async function solve(
  changes: Partial<KnownGainsOptions>,
  solving: Partial<Parameters<typeof solveGains>[1]> = {},
): Promise<{ truth: KnownGains; solution: GainSolution; path: string }> {
  const path = mkdtempSync(join(folder, "set-")) + "/known.ms";
  const wanted = options(changes);
  const truth = writeKnownGainsSet(path, wanted);
  using set = openVisibilitySet(path);
  const modelOf = () => sourceAtPhaseCenter(FLUX_JY, 24, wanted.channelCount);
  return { truth, path, solution: await solveGains(set, solveOptions({ modelOf, ...solving })) };
}

async function solveAndApply(changes: Partial<KnownGainsOptions>) {
  const { solution, path } = await solve(changes);
  writeBandpassTable(join(folder, "known.bcal"), solution, path);
  using set = openVisibilitySet(path);
  const bandpass = readBandpassTable(join(folder, "known.bcal"));
  const output = join(folder, "known.cal.ms");
  const report = await applyGains(set, bandpass, output, {
    ...STREAM,
    threadCount: 2,
    history: ["test"],
  });
  return { report, table: openTable(output) };
}

/** Gains against truth; the common phase of each channel, which no data can tell, is taken off. */
function compare(solution: GainSolution, truth: KnownGains) {
  const { antennaCount, channelCount, gains, flags, error } = solution;
  const cells = channelCount * 2;
  const sums = { error: 0, normalized: 0, power: 0, amplitude: 0, trueAmplitude: 0, count: 0 };
  for (let cell = 0; cell < cells; cell += 1) {
    const [cos, sin] = commonPhase(solution, truth, cell);
    for (let antenna = 0; antenna < antennaCount; antenna += 1) {
      const at = antenna * cells + cell;
      if (flags[at] !== 0) continue;
      const re = truth.gains[2 * at]! * cos - truth.gains[2 * at + 1]! * sin;
      const im = truth.gains[2 * at + 1]! * cos + truth.gains[2 * at]! * sin;
      const square = (gains[2 * at]! - re) ** 2 + (gains[2 * at + 1]! - im) ** 2;
      sums.error += square;
      sums.normalized += square / error[at]! ** 2;
      sums.power += re ** 2 + im ** 2;
      sums.amplitude += Math.hypot(gains[2 * at]!, gains[2 * at + 1]!);
      sums.trueAmplitude += Math.hypot(re, im);
      sums.count += 1;
    }
  }
  return {
    rmsError: Math.sqrt(sums.error / sums.power),
    normalizedError: Math.sqrt(sums.normalized / sums.count),
    scale: sums.amplitude / sums.trueAmplitude,
  };
}

/** Cosine and sine of the angle from truth to solution in one channel and polarization. */
function commonPhase(solution: GainSolution, truth: KnownGains, cell: number): [number, number] {
  const cells = solution.channelCount * 2;
  let re = 0;
  let im = 0;
  for (let antenna = 0; antenna < solution.antennaCount; antenna += 1) {
    const at = antenna * cells + cell;
    if (solution.flags[at] !== 0) continue;
    const [gRe, gIm] = [solution.gains[2 * at]!, solution.gains[2 * at + 1]!];
    const [tRe, tIm] = [truth.gains[2 * at]!, truth.gains[2 * at + 1]!];
    re += gRe * tRe + gIm * tIm;
    im += gIm * tRe - gRe * tIm;
  }
  const size = Math.hypot(re, im);
  return [re / size, im / size];
}

function readData(table: ReturnType<typeof openTable>) {
  const rowCount = table.rowCount;
  const [polarizationCount = 0, channelCount = 0] = table.cellShape("DATA", 0) ?? [];
  const count = rowCount * polarizationCount * channelCount;
  const vis = table.getArray("DATA", 0, rowCount, new Float32Array(2 * count));
  const flags = table.getArray("FLAG", 0, rowCount, new Uint8Array(count));
  const weights = table.getArray("WEIGHT_SPECTRUM", 0, rowCount, new Float32Array(count));
  const mean: [number, number] = [0, 0];
  let weight = 0;
  let scatter = 0;
  let good = 0;
  for (let at = 0; at < count; at += 1) {
    if (flags[at] !== 0) continue;
    mean[0] += weights[at]! * vis[2 * at]!;
    mean[1] += weights[at]! * vis[2 * at + 1]!;
    weight += weights[at]!;
    scatter += weights[at]! * vis[2 * at + 1]! ** 2;
    good += 1;
  }
  return {
    rowCount,
    vis,
    mean: [mean[0] / weight, mean[1] / weight] as const,
    weightedScatter: Math.sqrt(scatter / good),
  };
}
