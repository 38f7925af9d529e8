/** Real HDF5 files, whole and not. */
import assert from "node:assert/strict";
import {
  copyFileSync,
  readFileSync,
  renameSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { isHdf5Available } from "@contimg/formats";
import { writePointSourceGroup } from "@contimg/testkit";
import { afterEach, beforeEach, describe, test } from "vitest";

import { probeSubband } from "./probe-file.ts";

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "probe-"));
  if (isHdf5Available()) [path] = writePointSourceGroup({ folder, subbandCount: 2 }) as [string];
});
afterEach(() => rm(folder, { recursive: true }));

describe.skipIf(!isHdf5Available())("a look into a subband file", () => {
  test("finds its times, its declination and a digest of its content", async () => {
    const found = await probe(path);
    assert.ok("digest" in found);
    assert.ok(Math.abs(found.startMjd - 61_065.934_705) < 1e-5, String(found.startMjd));
    assert.ok(found.endMjd > found.startMjd + 4 * (12 / 86_400));
    assert.ok(Math.abs(found.declinationRad! - 0.952_43) < 1e-4);
    assert.match(found.digest, /^[0-9a-f]{64}$/);
  });

  test("gives a copy the same digest and another observation another one", async () => {
    const first = await probe(path);
    copyFileSync(path, join(folder, "copy.hdf5"));
    utimesSync(path, new Date(), new Date());
    const [, other] = writePointSourceGroup({
      ...{ folder: join(folder, "other"), subbandCount: 2 },
      sources: [{ raRad: 5.99, decRad: 0.951, fluxJy: 1 }],
    });
    assert.deepEqual(await probe(join(folder, "copy.hdf5")), first);
    const second = await probe(other!);
    assert.ok("digest" in first && "digest" in second && first.digest !== second.digest);
  });

  test.each([
    ["0 bytes", (bytes: Buffer) => bytes.subarray(0, 0)],
    ["its first half", (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ["all but its last byte", (bytes: Buffer) => bytes.subarray(0, -1)],
    ["text", () => Buffer.from("500 Internal Server Error")],
    ["zeros of its full size, as a copy that reserved them", (b: Buffer) => Buffer.alloc(b.length)],
  ])("refuses %s", async (_what, spoil) => {
    writeFileSync(path, spoil(readFileSync(path)));
    const found = await probe(path);
    assert.ok("refusal" in found);
    assert.ok(found.refusal.startsWith(path), found.refusal);
  });

  test("refuses a name hours away from its content", async () => {
    const wrong = join(folder, "2026-01-25T20:26:05_sb00.hdf5");
    renameSync(path, wrong);
    const found = await probe(wrong);
    assert.ok("refusal" in found);
    assert.match(found.refusal, /time_array starts 7\d\d\d s after the time in its name/);
  });

  test("refuses what is not there any more", async () => {
    const found = await probe(join(folder, "2026-01-25T20:26:05_sb03.hdf5"));
    assert.ok("refusal" in found);
    truncateSync(path, 10);
  });
});

const probe = probeSubband;
