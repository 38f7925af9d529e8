import assert from "node:assert/strict";

import fc from "fast-check";
import { describe, test } from "vitest";

import type { BandpassArrays } from "./bandpass.ts";
import { fitDelay, fitDelays } from "./delay.ts";

const CHANNELS = 64;
const BAND_HZ = 187.5e6;
const FREQUENCY_HZ = Float64Array.from(
  { length: CHANNELS },
  (_, k) => 1.31125e9 + ((k + 0.5) * BAND_HZ) / CHANNELS,
);

describe("a delay", () => {
  test("is found to a femtosecond from clean phases, up to half a turn a channel", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -165, max: 165, noNaN: true }),
        fc.double({ min: -3, max: 3, noNaN: true }),
        (delayNs, phaseRad) => {
          const fit = fitDelay(phasorsOf(delayNs, phaseRad), FREQUENCY_HZ);
          assert.ok(Math.abs(fit!.delaySeconds * 1e9 - delayNs) < 1e-6, `${fit!.delaySeconds}`);
          assert.ok(fit!.coherence > 1 - 1e-9);
        },
      ),
    );
  });

  test("is found through noise as well as it says", () => {
    const pulls = Array.from({ length: 300 }, (_, seed) => {
      const fit = fitDelay(phasorsOf(50, 1, 0.2, seed + 1), FREQUENCY_HZ)!;
      assert.ok(Math.abs(fit.delaySeconds - 50e-9) < 0.5e-9);
      return (fit.delaySeconds - 50e-9) / fit.errorSeconds;
    });
    const rms = Math.sqrt(pulls.reduce((sum, pull) => sum + pull ** 2, 0) / pulls.length);
    assert.ok(Math.abs(rms - 1) < 0.12, `errors over stated errors: ${rms}`);
  });

  test("is found at full resolution where single channels are off by a radian", () => {
    const frequencyHz = Float64Array.from({ length: 768 }, (_, k) => 1.31125e9 + k * 244_140.625);
    for (let seed = 1; seed <= 20; seed += 1) {
      const phasor = phasorsOf(50, 1, 1, seed, frequencyHz);
      const { delaySeconds } = fitDelay(phasor, frequencyHz)!;
      // σ = 1 / (2π · 54 MHz · √768) = 0.11 ns.
      assert.ok(Math.abs(delaySeconds - 50e-9) < 0.6e-9, `seed ${seed}: ${delaySeconds}`);
    }
  });

  test("is found across a gap in the band", () => {
    const phasor = phasorsOf(-50, 0.5, 0.02);
    phasor.fill(0, 2 * 20, 2 * 30);
    phasor.fill(0, 0, 2 * 3);

    assert.ok(Math.abs(fitDelay(phasor, FREQUENCY_HZ)!.delaySeconds + 50e-9) < 0.05e-9);
  });

  test("is not made from three channels, nor from none", () => {
    const phasor = new Float64Array(2 * CHANNELS);
    assert.equal(fitDelay(phasor, FREQUENCY_HZ), undefined);
    phasor.fill(1, 0, 6);
    assert.equal(fitDelay(phasor, FREQUENCY_HZ), undefined);
  });
});

test("delays of a bandpass are against the reference antenna's", () => {
  const arrays = bandpassOf([3, 8, -4]);
  arrays.flags.fill(1, 2 * CHANNELS, 3 * CHANNELS);

  const { delaySeconds, flags } = fitDelays(arrays, FREQUENCY_HZ, 0);

  assert.deepEqual(Array.from(flags), [0, 0, 1]);
  assert.ok(Math.abs(delaySeconds[0]!) < 1e-15);
  assert.ok(Math.abs(delaySeconds[1]! - 5e-9) < 1e-14, `${delaySeconds[1]}`);
});

function phasorsOf(
  delayNs: number,
  phaseRad: number,
  noiseRad = 0,
  seed = 1,
  frequencyHz = FREQUENCY_HZ,
): Float64Array {
  const random = mulberry(seed);
  const phasor = new Float64Array(2 * frequencyHz.length);
  for (const [k, channelHz] of frequencyHz.entries()) {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const turned = 2 * Math.PI * delayNs * 1e-9 * (channelHz - 1.405e9);
    const angle = phaseRad + turned + noiseRad * normal;
    phasor[2 * k] = Math.cos(angle);
    phasor[2 * k + 1] = Math.sin(angle);
  }
  return phasor;
}

function bandpassOf(delaysNs: readonly number[]): BandpassArrays {
  const count = delaysNs.length * CHANNELS;
  return {
    antennaCount: delaysNs.length,
    channelCount: CHANNELS,
    polarizationCount: 1,
    gains: Float32Array.from(delaysNs.flatMap((delay) => [...phasorsOf(delay, 0.3 * delay)])),
    error: new Float32Array(count),
    snr: new Float32Array(count).fill(100),
    noise: new Float32Array(count).fill(1),
    flags: new Uint8Array(count),
    iterations: new Int16Array(CHANNELS).fill(6),
  };
}

/** Numbers in 0 ≤ x < 1. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
