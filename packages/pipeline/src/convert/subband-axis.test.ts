import assert from "node:assert/strict";

import type { Uvh5Header } from "@contimg/formats";
import { describe, test } from "vitest";

import { mergeSubbands } from "./subband-axis.ts";

/** As much of a header as the axis needs. */
function subband(path: string, frequencyHz: number[], widthHz: number) {
  const channelWidthHz = new Float64Array(frequencyHz.length).fill(widthHz);
  const header = { frequencyHz: Float64Array.from(frequencyHz), channelWidthHz };
  // A header has thirty fields; mergeSubbands reads these two.
  return { path, header: header as unknown as Uvh5Header };
}

describe("the frequency axis of a group", () => {
  test("ascends whatever the order of files and channels, and says where each file goes", () => {
    const axis = mergeSubbands([
      subband("sb00", [60, 50, 40], 10),
      subband("sb01", [30, 20, 10], 10),
    ]);
    assert.deepEqual([...axis.frequencyHz], [10, 20, 30, 40, 50, 60]);
    assert.deepEqual(
      axis.places.map((place) => [place.path, place.fileIndex, place.firstChannel]),
      [
        ["sb01", 1, 0],
        ["sb00", 0, 3],
      ],
    );
    assert.ok(axis.places.every((place) => place.isDescending));
  });

  test("takes a rounding of half a raw channel between hosts, and no more", () => {
    const near = [subband("sb00", [40.9, 50.9], 10), subband("sb01", [20, 30], 10)];
    assert.equal(mergeSubbands(near).frequencyHz.length, 4);
    const far = [subband("sb00", [42, 52], 10), subband("sb01", [20, 30], 10)];
    assert.throws(() => mergeSubbands(far), /sb00: freq_array starts at 42 Hz and leaves a gap/);
  });

  test("refuses overlap, other widths and channels that turn back", () => {
    const overlap = [subband("a", [10, 20], 10), subband("b", [20, 30], 10)];
    assert.throws(() => mergeSubbands(overlap), /b: freq_array .* overlaps a/);
    const widths = [subband("a", [10, 20], 10), subband("b", [30, 40], 5)];
    assert.throws(() => mergeSubbands(widths), /b: channel_width is 5 Hz, expected 10 Hz as in a/);
    assert.throws(() => mergeSubbands([subband("a", [10, 20, 15], 10)]), /not monotonic at 15 Hz/);
  });
});
