import assert from "node:assert/strict";
import { describe, test } from "vitest";
import { isHdf5Available } from "../hdf5/file.ts";
import { placeSubband } from "./place-subband.ts";

/** One baseline of antennas 0 and 1; two descending channels after one of another subband. */
const layout = {
  baselineCount: 1,
  bandChannelCount: 3,
  firstChannel: 1,
  channelCount: 2,
  isDescending: true,
  polarizationSource: Int32Array.of(0, 1),
};
/** Antenna 0 turns by i in the last channel, antenna 1 not at all. */
const rotation = {
  phasors: Float64Array.of(1, 0, 1, 0, 0, 1, 1, 0, 1, 0, 1, 0),
  antenna1: Int32Array.of(0),
  antenna2: Int32Array.of(1),
};
const block = {
  vis: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  flags: Uint8Array.of(0, 0, 1, 0),
  nsamples: Float32Array.of(2, 0, 2, 2),
};

describe.skipIf(!isHdf5Available())("a subband in its band (needs the addon)", () => {
  test("is ascending, turned, conjugated, and flagged where nothing was measured", async () => {
    const band = emptyBand();

    const flaggedCount = await placeSubband(block, layout, rotation, band);

    // File channel 1 as it is; file channel 0 times i: (1 + 2i) i = -2 + i. Then the conjugates.
    assert.deepEqual(Array.from(band.vis), [9, 9, 9, 9, 5, -6, 7, -8, -2, -1, -4, -3]);
    assert.deepEqual(Array.from(band.flags), [9, 9, 1, 0, 0, 1]);
    assert.deepEqual(Array.from(band.weights), [9, 9, 2, 2, 2, 0]);
    assert.equal(flaggedCount, 2);
  });

  test("may have its polarizations in another order", async () => {
    const band = emptyBand();

    await placeSubband(
      block,
      { ...layout, polarizationSource: Int32Array.of(1, 0) },
      rotation,
      band,
    );

    assert.deepEqual(Array.from(band.vis), [9, 9, 9, 9, 7, -8, 5, -6, -4, -3, -2, -1]);
    assert.deepEqual(Array.from(band.flags), [9, 9, 0, 1, 1, 0]);
  });

  test.each([
    ["a block too small", { vis: new Float32Array(7) }, {}, /vis does not hold 8 values/],
    ["channels beyond the band", {}, { firstChannel: 2 }, /not within the band/],
    ["a polarization that is not there", {}, { polarizationSource: Int32Array.of(0, 2) }, /not in/],
  ])("is refused with %s", (_what, otherBlock, otherLayout, message) => {
    assert.throws(
      () =>
        placeSubband(
          { ...block, ...otherBlock },
          { ...layout, ...otherLayout },
          rotation,
          emptyBand(),
        ),
      message,
    );
  });
});

function emptyBand() {
  return {
    vis: new Float32Array(12).fill(9),
    flags: new Uint8Array(6).fill(9),
    weights: new Float32Array(6).fill(9),
  };
}
