import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { createGainMatrices, dominantEigenvector, stefcal, type GainMatrices } from "./stefcal.ts";

describe("gains from exact products", () => {
  test("are found from the eigenvector whatever the phases are", () => {
    const truth = randomGains(12);
    const matrices = exactMatrices(truth, 7.5);
    const gains = new Float64Array(24);

    dominantEigenvector(matrices, gains);
    const { converged } = stefcal(matrices, gains, 1e-12, 500);

    assert.ok(converged);
    assert.ok(largestProductError(gains, truth) < 1e-5);
  });

  test("have amplitudes, not phases alone: three antennas solved by hand", () => {
    // |g| = 1, 2, 3: products 2, 3 and 6 of a 1 Jy source, all phases zero.
    const matrices = createGainMatrices(3);
    for (const [p, q, product] of [
      [0, 1, 2],
      [0, 2, 3],
      [1, 2, 6],
    ] as const)
      setProduct(matrices, p, q, product, 0, 1);
    const gains = Float64Array.of(1, 0, 1, 0, 1, 0);

    stefcal(matrices, gains, 1e-12, 1000);

    const amplitudes = [0, 1, 2].map((k) => Math.hypot(gains[2 * k]!, gains[2 * k + 1]!));
    amplitudes.forEach((amplitude, k) => {
      assert.ok(Math.abs(amplitude - (k + 1)) < 1e-8);
    });
  });
});

test("an antenna without data ends with gain zero and does not disturb the others", () => {
  const truth = randomGains(8);
  const matrices = exactMatrices(truth, 2);
  for (let q = 0; q < 8; q += 1) setProduct(matrices, 3, q, 0, 0, 0);
  const gains = new Float64Array(16);

  dominantEigenvector(matrices, gains);
  stefcal(matrices, gains, 1e-12, 500);

  assert.equal(Math.hypot(gains[6]!, gains[7]!), 0);
  assert.ok(largestProductError(gains, truth, 3) < 1e-5);
});

test("too few iterations are reported as not converged", () => {
  const matrices = exactMatrices(randomGains(12), 1);
  const gains = new Float64Array(24).fill(1);

  assert.deepEqual(stefcal(matrices, gains, 1e-12, 3), { iterations: 3, converged: false });
});

function randomGains(antennaCount: number): Float64Array {
  let state = 12345;
  const next = (): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
  const gains = new Float64Array(2 * antennaCount);
  for (let k = 0; k < antennaCount; k += 1) {
    const amplitude = 0.7 + 0.6 * next();
    const phase = 2 * Math.PI * next();
    gains[2 * k] = amplitude * Math.cos(phase);
    gains[2 * k + 1] = amplitude * Math.sin(phase);
  }
  return gains;
}

function setProduct(
  { antennaCount, re, im, power }: GainMatrices,
  p: number,
  q: number,
  valueRe: number,
  valueIm: number,
  weight: number,
): void {
  re[p * antennaCount + q] = re[q * antennaCount + p] = weight * valueRe;
  im[p * antennaCount + q] = weight * valueIm;
  im[q * antennaCount + p] = -weight * valueIm;
  power[p * antennaCount + q] = power[q * antennaCount + p] = weight;
}

function exactMatrices(gains: Float64Array, weight: number): GainMatrices {
  const antennaCount = gains.length / 2;
  const matrices = createGainMatrices(antennaCount);
  for (let p = 0; p < antennaCount; p += 1)
    for (let q = p + 1; q < antennaCount; q += 1)
      setProduct(matrices, p, q, ...product(gains, p, q), weight);
  return matrices;
}

function product(gains: Float64Array, p: number, q: number): [number, number] {
  const [pRe, pIm, qRe, qIm] = [gains[2 * p]!, gains[2 * p + 1]!, gains[2 * q]!, gains[2 * q + 1]!];
  return [pRe * qRe + pIm * qIm, pIm * qRe - pRe * qIm];
}

function largestProductError(gains: Float64Array, truth: Float64Array, skip = -1): number {
  let largest = 0;
  for (let p = 0; p < truth.length / 2; p += 1)
    for (let q = p + 1; q < truth.length / 2; q += 1) {
      if (p === skip || q === skip) continue;
      const [re, im] = product(gains, p, q);
      const [trueRe, trueIm] = product(truth, p, q);
      largest = Math.max(largest, Math.hypot(re - trueRe, im - trueIm));
    }
  return largest;
}
