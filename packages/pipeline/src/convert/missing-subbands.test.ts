import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { isCasacoreAvailable, openTable } from "@contimg/casacore";
import { isHdf5Available } from "@contimg/formats";
import { writePointSourceGroup } from "@contimg/testkit";
import { afterEach, beforeEach, describe, test } from "vitest";

import { convertGroup } from "./convert-group.ts";

const addonsExist = isCasacoreAvailable() && isHdf5Available();
const CHANNELS = 3;
const POLARIZATIONS = 2;
/** Channels of the whole group that come from sb03, sb02, sb01, sb00. */
const CHANNEL_COUNT = 4 * CHANNELS;
const PRESENT_CHANNELS = [0, 1, 2, 6, 7, 8];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "missing-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe.skipIf(!addonsExist)("a group that lacks the highest and a middle subband", () => {
  test("becomes a whole band with flagged channels of no weight, the others as ever", async () => {
    const paths = write();
    const whole = await convert(paths, "whole.ms");
    const part = await convert([paths[3]!, paths[1]!], "part.ms");

    assert.deepEqual(part.missing, [0, 2]);
    assert.deepEqual(part.frequencyHz.length, CHANNEL_COUNT);
    for (const [channel, hz] of whole.frequencyHz.entries()) {
      assert.ok(Math.abs(part.frequencyHz[channel]! - hz) < 1, `channel ${channel}: ${hz}`);
    }
    assert.equal(part.flaggedFraction, 0.5);
    compareRows();
  });

  test("is refused where nobody asked for that", async () => {
    const [, first, , third] = write();
    await assert.rejects(
      convertGroup({ inputPaths: [first!, third!], outputPath: join(folder, "part.ms") }),
      /leaves a gap above/,
    );
  });

  test("is refused when a file's frequencies are not those of its number", async () => {
    const paths = write((subband, description) => {
      if (subband === 3) description.frequencyHz.forEach((_hz, at, all) => (all[at]! += 5e6));
    });
    await assert.rejects(convert([paths[1]!, paths[3]!], "part.ms"), (error: Error) => {
      assert.match(error.message, /sb03.* starts at .* Hz, expected .* Hz from .*sb01.*numbers/);
      return true;
    });
  });
});

/** Row by row: where there are data both sets have the same, where not there is nothing. */
function compareRows(): void {
  using whole = openTable(join(folder, "whole.ms"));
  using part = openTable(join(folder, "part.ms"));
  assert.equal(part.rowCount, whole.rowCount);
  for (let row = 0; row < whole.rowCount; row += 97) {
    const expected = whole.getCell("DATA", row);
    const found = part.getCell("DATA", row);
    const flags = part.getCell("FLAG", row);
    const weights = part.getCell("WEIGHT_SPECTRUM", row);
    for (let item = 0; item < CHANNEL_COUNT * POLARIZATIONS; item += 1) {
      const isPresent = PRESENT_CHANNELS.includes(Math.floor(item / POLARIZATIONS));
      assert.equal(Number(flags[item]), isPresent ? 0 : 1);
      assert.equal(Number(weights[item]) > 0, isPresent);
      for (const part_ of [2 * item, 2 * item + 1]) {
        assert.equal(found[part_], isPresent ? expected[part_] : 0);
      }
    }
  }
}

function convert(inputPaths: string[], name: string) {
  return convertGroup({ inputPaths, outputPath: join(folder, name), flagMissingOf: 4 });
}

/** nsamples differ, so that weights have a column. */
function write(
  change: (subband: number, description: { frequencyHz: Float64Array }) => void = () => undefined,
): string[] {
  return writePointSourceGroup({
    folder,
    sources: [{ raRad: 5.99, decRad: 0.951, fluxJy: 1 }],
    spoil: (subband, { nsamples }, description) => {
      nsamples[7] = 0.5;
      change(subband, description);
    },
  });
}
