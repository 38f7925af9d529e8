import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { isHdf5Available } from "../hdf5/file.ts";
import { subtractSources, type SubtractionInput } from "./subtract-sources.ts";

const SPEED_OF_LIGHT_M_S = 299_792_458;
// The second source is so far off that averaging turns its sign on one baseline.
const PATH_M = Float64Array.of(0, 12.5, -30, 4, -71.25, 333);
const ANTENNA_1 = Int32Array.of(0, 0, 1);
const ANTENNA_2 = Int32Array.of(1, 2, 2);
const [FIRST_HZ, STEP_HZ, CHANNEL_COUNT] = [1.311e9, 0.976e6, 19];
const FLUX_JY = Float64Array.from({ length: 2 * CHANNEL_COUNT }, (_, at) => 1 + 0.1 * at);

describe.skipIf(!isHdf5Available())("point sources taken off (needs the HDF5 addon)", () => {
  test("are the direct sum over sources, in every channel and polarization", () => {
    const vis = new Float32Array(2 * 3 * CHANNEL_COUNT * 2);

    subtractSources(inputOf(vis, { steadyJy: Float64Array.of(0, 0), partCount: 1, partHz: 0 }));

    assertNear(vis, (row, channel) => directSum(row, channel, [0, 0], 1));
  });

  test("leave the steady flux, and give back what averaging parts of a channel took", () => {
    const vis = new Float32Array(2 * 3 * CHANNEL_COUNT * 2);
    const steadyJy = Float64Array.of(2, 3);

    subtractSources(inputOf(vis, { steadyJy, partCount: 4, partHz: STEP_HZ / 4 }));

    assertNear(vis, (row, channel) => directSum(row, channel, [2, 3], 4));
  });

  test("are refused where a row names an antenna that there is not", () => {
    const vis = new Float32Array(2 * 3 * CHANNEL_COUNT * 2);
    const options = { steadyJy: Float64Array.of(0, 0), partCount: 1, partHz: 0 };
    const input = { ...inputOf(vis, options), antenna2: Int32Array.of(1, 2, 3) };

    assert.throws(() => {
      subtractSources(input);
    }, /a row names an antenna beyond the 3/);
  });
});

function inputOf(
  vis: Float32Array,
  options: Pick<SubtractionInput, "steadyJy" | "partCount" | "partHz">,
): SubtractionInput {
  return {
    ...{ antennaCount: 3, sourceCount: 2, rowCount: 3, channelCount: CHANNEL_COUNT },
    ...{ polarizationCount: 2, antenna1: ANTENNA_1, antenna2: ANTENNA_2 },
    ...{ pathM: PATH_M, fluxJy: FLUX_JY, firstHz: FIRST_HZ, stepHz: STEP_HZ, vis },
    ...options,
  };
}

/** With each part of a channel at its own frequency, and what is to be left at the middle. */
function directSum(
  row: number,
  channel: number,
  steadyJy: readonly number[],
  partCount: number,
): [number, number] {
  const sum: [number, number] = [0, 0];
  for (const source of [0, 1]) {
    const pathM = PATH_M[3 * source + ANTENNA_1[row]!]! - PATH_M[3 * source + ANTENNA_2[row]!]!;
    const add = (jy: number, hz: number): void => {
      const angle = (2 * Math.PI * hz * pathM) / SPEED_OF_LIGHT_M_S;
      sum[0] += jy * Math.cos(angle);
      sum[1] += jy * Math.sin(angle);
    };
    const middleHz = FIRST_HZ + STEP_HZ * channel;
    for (let part = 0; part < partCount; part++) {
      const offsetHz = (STEP_HZ / partCount) * (part - (partCount - 1) / 2);
      add(FLUX_JY[source * CHANNEL_COUNT + channel]! / partCount, middleHz + offsetHz);
    }
    add(-steadyJy[source]!, middleHz);
  }
  return sum;
}

/** Every visibility was zero before. */
function assertNear(
  vis: Float32Array,
  expected: (row: number, channel: number) => readonly [number, number],
): void {
  for (let row = 0; row < 3; row++) {
    for (let channel = 0; channel < CHANNEL_COUNT; channel++) {
      const [re, im] = expected(row, channel);
      for (const polarization of [0, 1]) {
        const at = 2 * (2 * (row * CHANNEL_COUNT + channel) + polarization);
        const off = Math.hypot(vis[at]! + re, vis[at + 1]! + im);
        assert.ok(off < 1e-3, `row ${row}, channel ${channel} is off by ${off} Jy`);
      }
    }
  }
}
