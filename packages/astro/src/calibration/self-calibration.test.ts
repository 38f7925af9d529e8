import assert from "node:assert/strict";

import { describe, test } from "vitest";

import {
  addModelled,
  chiSquareOf,
  correctMatrices,
  gainScatter,
  solveAmplitudes,
  solvePhases,
  sumIntervals,
} from "./self-calibration.ts";
import { createGainMatrices, type GainMatrices } from "./stefcal.ts";

const ANTENNA_COUNT = 8;
const CHANNEL_COUNT = 4;

describe("gains of calibrated data against a model", () => {
  test("are found by interval, to the mean phase of the antennas", () => {
    const phase = (antenna: number, time: number): number => 0.1 * (antenna - 3.5) * (time - 1.5);
    const all = matrices(4, (antenna, time) => [1, phase(antenna, time)]);

    const solved = solvePhases(all, [1, 2, 3, 4], 3);

    for (let time = 0; time < 4; time += 1)
      for (let antenna = 0; antenna < ANTENNA_COUNT; antenna += 1) {
        const at = time * ANTENNA_COUNT + antenna;
        const [re, im] = [solved.gains[2 * at]!, solved.gains[2 * at + 1]!];
        assert.ok(Math.abs(Math.atan2(im, re) - phase(antenna, time)) < 1e-3);
        assert.ok(Math.abs(Math.hypot(re, im) - 1) < 1e-6);
      }
    const left = chiSquareOf(correctMatrices(all, solved)) / chiSquareOf(all);
    assert.ok(left < 1e-4, `${left} of chi-square is left`);
    assert.ok(gainScatter(solved, all).phaseRad > 0.1);
  });

  test("of phases that cancel over an interval are none, and chi-square says so", () => {
    const all = matrices(4, (antenna, time) => [1, 0.1 * (antenna - 3.5) * (time - 1.5)]);

    const solved = solvePhases(all, [4], 3);

    assert.ok(gainScatter(solved, all).phaseRad < 0.02);
    const left = chiSquareOf(correctMatrices(all, solved)) / chiSquareOf(all);
    assert.ok(left > 0.9 && left < 1.1, `${left} of chi-square is left`);
  });

  test("have amplitudes whose geometric mean is 1, whatever the model's flux", () => {
    const amplitude = (antenna: number): number => 1.3 * Math.exp(0.1 * (antenna - 3.5));
    const all = matrices(2, (antenna) => [amplitude(antenna), 0]);

    const { gains } = solveAmplitudes(all, 10);

    for (let antenna = 0; antenna < ANTENNA_COUNT; antenna += 1)
      assert.ok(Math.abs(gains[2 * antenna]! - amplitude(antenna) / 1.3) < 1e-3);
  });

  test("below the least ratio of signal to noise are 1 and flagged", () => {
    const all = matrices(2, (antenna) => [1, 0.3 * (antenna % 2)]);

    const solved = solvePhases(all, [2], 1e9);

    assert.ok(solved.flags.every((flag) => flag === 1));
    assert.deepEqual([...solved.gains.slice(0, 4)], [1, 0, 1, 0]);
    assert.equal(gainScatter(solved, all).solvedFraction, 0);
  });

  test("do not see flagged visibilities nor autocorrelations", () => {
    const pairs = { antenna1: Int32Array.of(0, 0), antenna2: Int32Array.of(0, 1) };
    const slab = {
      vis: Float32Array.of(9, 9, 9, 9, 2, 1, 7, 7),
      model: Float32Array.of(1, 0, 1, 0, 1, 1, 1, 0),
      flags: Uint8Array.of(0, 0, 0, 1),
      weights: Float32Array.of(1, 1, 3, 1),
      ...{ channelCount: 2, polarizationCount: 1 },
    };
    const sum = createGainMatrices(2);

    addModelled([sum], slab, pairs, [0]);

    // 3 · (2 + i)(1 − i) = 9 − 3i, 3 · |1 + i|² = 6.
    assert.deepEqual([...sum.re, ...sum.im], [0, 9, 9, 0, 0, -3, 3, 0]);
    assert.deepEqual([...sum.power], [0, 6, 6, 0]);
    assert.equal(sumIntervals([[sum], [sum]], [2])[0]![0]!.power[1], 12);
  });
});

/** [integration][1 polarization] of a 2 Jy source seen through g = amplitude · exp(i phase). */
function matrices(
  integrationCount: number,
  gainOf: (antenna: number, time: number) => readonly [number, number],
): GainMatrices[][] {
  const antenna1: number[] = [];
  const antenna2: number[] = [];
  for (let p = 0; p < ANTENNA_COUNT; p += 1)
    for (let q = p + 1; q < ANTENNA_COUNT; q += 1) {
      antenna1.push(p);
      antenna2.push(q);
    }
  const count = antenna1.length * CHANNEL_COUNT;
  return Array.from({ length: integrationCount }, (_, time) => {
    const vis = new Float32Array(2 * count);
    for (let at = 0; at < count; at += 1) {
      const row = Math.floor(at / CHANNEL_COUNT);
      const [p, q] = [gainOf(antenna1[row]!, time), gainOf(antenna2[row]!, time)];
      // Noise that is no noise: a little that no gain explains.
      const odd = 1e-3 * Math.sin(37 * at + time);
      vis[2 * at] = 2 * p[0] * q[0] * Math.cos(p[1] - q[1]) + odd;
      vis[2 * at + 1] = 2 * p[0] * q[0] * Math.sin(p[1] - q[1]) - odd;
    }
    const sum = createGainMatrices(ANTENNA_COUNT);
    const slab = {
      ...{ vis, channelCount: CHANNEL_COUNT, polarizationCount: 1 },
      model: Float32Array.from({ length: 2 * count }, (__, at) => (at % 2 === 0 ? 2 : 0)),
      flags: new Uint8Array(count),
      weights: new Float32Array(count).fill(1),
    };
    const rows = { antenna1: Int32Array.from(antenna1), antenna2: Int32Array.from(antenna2) };
    addModelled([sum], slab, rows, [0]);
    return [sum];
  });
}
