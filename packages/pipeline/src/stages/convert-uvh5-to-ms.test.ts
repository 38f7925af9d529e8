import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { isCasacoreAvailable, openTable } from "@contimg/casacore";
import { isHdf5Available } from "@contimg/formats";
import { writePointSourceGroup } from "@contimg/testkit";
import { afterEach, beforeEach, describe, test } from "vitest";
import { z } from "zod";

import { PipelineError } from "../errors.ts";
import type { ProductLookup, RunContext } from "../stage.ts";
import { gateWord } from "../testing/gate-word.ts";
import { convertUvh5ToMsStage as stage } from "./convert-uvh5-to-ms.ts";

const GROUP_ID = "2026-01-25T22:26:05";
const SOURCES = [{ raRad: 5.99, decRad: 0.951, fluxJy: 1 }];
const addonsExist = isCasacoreAvailable() && isHdf5Available();

let dataRoot: string;

beforeEach(async () => {
  dataRoot = await mkdtemp(join(tmpdir(), "convert-stage-"));
  mkdirSync(join(dataRoot, "stage"));
});
afterEach(() => rm(dataRoot, { recursive: true }));

describe.skipIf(!addonsExist)("the stage convert-uvh5-to-ms", () => {
  test("finds a group by its id and writes its Measurement Set into the stage folder", async () => {
    writeGroup(16);
    const params = stage.params.parse({ group_id: GROUP_ID, role: "calibrators" });
    const inputs = await stage.resolve(params, lookup());
    assert.equal(inputs.input_paths.length, 16);
    assert.ok(stage.outputBytes(inputs) > 1_000_000);

    const notes: string[] = [];
    const { outputs, quality } = await stage.run(inputs, context(notes));
    assert.deepEqual(
      readdirSync(join(dataRoot, "stage")),
      ["flags.json", "flags.svg", "ms"].map((extension) => `${GROUP_ID}.${extension}`),
    );
    assert.equal(outputs[0]?.finalPath, `ms/calibrators/2026-01-25/${GROUP_ID}.ms`);
    assert.equal(outputs[0].metadata["channel_count"], 48);
    assert.equal(gateWord(stage, quality), "pass");
    assert.equal(notes.at(-1), "integration 4 of 4");
    using table = openTable(join(dataRoot, "stage", outputs[0].stagePath));
    assert.equal(table.rowCount, 4 * 190);
  });

  test("flags what it converts and says why, or keeps the files' flags when told so", async () => {
    const input_paths = writeGroup(2, (subband, vis) => {
      // The fifth of 190 baselines is loud at the third of four times, in one of three channels.
      if (subband === 1) vis[4 * 3 * (2 * 190 + 5)] = 1000;
    });
    const params = { group_id: GROUP_ID, input_paths, expected_subbands: 2 };
    const flagged = await flagsOf({ ...params });
    const asInFiles = await flagsOf({ ...params, flagging: { strategy: "off" } });

    assert.equal(asInFiles.sum, 0);
    // Nineteen autocorrelations of six channels and two polarizations at each of four times, and
    // what is loud in one polarization in both.
    assert.equal(flagged.sum, 19 * 6 * 2 * 4 + 2);
    assert.deepEqual(flagged.kinds, ["measurement-set", "flag-statistics", "flag-plot"]);
    assert.deepEqual(asInFiles.kinds, ["measurement-set"]);
    assert.ok(flagged.statistics.flagged_fraction < 0.01);
    assert.ok((flagged.statistics.by_reason["baseline-outlier"] ?? 0) > 0);
    assert.equal(flagged.statistics.axes.antenna.length, 19);
  });

  test("gives a tile its start, middle and end, not one instant for all", async () => {
    const input_paths = writeGroup(2);
    const params = stage.params.parse({ group_id: GROUP_ID, input_paths, expected_subbands: 2 });

    const { result } = await stage.run(await stage.resolve(params, lookup()), context([]));

    const times = timesSchema.parse(result);
    const seconds = (times.end_mjd - times.start_mjd) * 86_400;
    assert.ok(Math.abs(seconds - 4 * 12.884902) < 0.01, `${seconds} s`);
    assert.ok(Math.abs(times.mid_mjd - (times.start_mjd + times.end_mjd) / 2) < 1e-9);
  });

  test("writes its set once: no copy of the files or of the set is staged", async () => {
    const input_paths = writePointSourceGroup({
      ...{ folder: join(dataRoot, "incoming"), groupId: GROUP_ID, sources: SOURCES },
      ...{ subbandCount: 16, timeCount: 24 },
    });
    const params = stage.params.parse({ group_id: GROUP_ID, input_paths });
    const inputs = await stage.resolve(params, lookup());
    const before = bytesWritten();

    await stage.run(inputs, context([]));

    const writtenBytes = bytesWritten() - before;
    const outputBytes = bytesBelow(join(dataRoot, "stage"));
    assert.ok(writtenBytes < 1.3 * outputBytes + 1e6, `${writtenBytes} for ${outputBytes}`);
    assert.ok(outputBytes > 4e6, "a second writing would not show");
  });

  test("names the subband that is missing before anything is read", async () => {
    const paths = writeGroup(16);
    await rm(paths[9]!);
    const params = stage.params.parse({ group_id: GROUP_ID });
    await assert.rejects(stage.resolve(params, lookup()), (error) => {
      assert.ok(error instanceof PipelineError && error.tag === "MissingSubband");
      assert.match(error.message, /15 of 16 subbands, missing sb09/);
      return true;
    });
  });

  test("takes named files, as many as are expected", async () => {
    const input_paths = writeGroup(2);
    const params = { group_id: GROUP_ID, input_paths };
    const given = stage.params.parse({ ...params, expected_subbands: 2 });
    assert.deepEqual((await stage.resolve(given, lookup())).input_paths, input_paths);
    const message = /input_paths names 2 files, expected 16/;
    await assert.rejects(stage.resolve(stage.params.parse(params), lookup()), message);
  });

  test("leaves its folder empty when a file turns out bad on the way", async () => {
    const input_paths = writeGroup(2, (subband, vis) => {
      if (subband === 1) vis[vis.length - 1] = Infinity;
    });
    const params = stage.params.parse({ group_id: GROUP_ID, input_paths, expected_subbands: 2 });
    const inputs = await stage.resolve(params, lookup());
    await assert.rejects(stage.run(inputs, context([])), /sb01.* not finite/);
    assert.deepEqual(readdirSync(join(dataRoot, "stage")), []);
  });
});

test("the params of convert-uvh5-to-ms refuse what cannot be meant", () => {
  const refused: Record<string, unknown>[] = [
    { group_id: "yesterday" },
    { group_id: GROUP_ID, phase_center_ra_deg: 10 },
    { group_id: GROUP_ID, dut1_seconds: 37 },
    { group_id: GROUP_ID, tolerance: 60 },
  ];
  for (const params of refused) {
    assert.ok(!stage.params.safeParse(params).success, JSON.stringify(params));
  }
});

const timesSchema = z.object({ start_mjd: z.number(), mid_mjd: z.number(), end_mjd: z.number() });

/** By this process so far, to the cache or through it; proc(5). */
function bytesWritten(): number {
  const text = readFileSync("/proc/self/io", "utf8");
  return Number(/^wchar: (\d+)$/m.exec(text)?.[1]);
}

function bytesBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

const statisticsSchema = z.object({
  flagged_fraction: z.number(),
  by_reason: z.record(z.string(), z.number()),
  axes: z.object({ antenna: z.array(z.string()) }),
});

/** Converts, and tells how many flags the Measurement Set has and what is said of them. */
async function flagsOf(given: Record<string, unknown>) {
  const inputs = await stage.resolve(stage.params.parse(given), lookup());
  const { outputs } = await stage.run(inputs, context([]));
  const folder = join(dataRoot, "stage");
  using table = openTable(join(folder, `${GROUP_ID}.ms`));
  const [polarizations = 0, channels = 0] = table.cellShape("FLAG", 0) ?? [];
  const flags = new Uint8Array(table.rowCount * channels * polarizations);
  table.getArray("FLAG", 0, table.rowCount, flags);
  const path = join(folder, `${GROUP_ID}.flags.json`);
  const statistics = existsSync(path)
    ? statisticsSchema.parse(JSON.parse(readFileSync(path, "utf8")))
    : { flagged_fraction: 0, by_reason: {}, axes: { antenna: [] } };
  table.close();
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
  return {
    sum: flags.reduce((sum, flag) => sum + flag, 0),
    kinds: outputs.map(({ kind }) => kind),
    statistics: statisticsSchema.parse(statistics),
  };
}

function writeGroup(
  subbandCount: number,
  spoil: (subband: number, vis: Float32Array) => void = () => undefined,
): string[] {
  return writePointSourceGroup({
    folder: join(dataRoot, "incoming"),
    groupId: GROUP_ID,
    sources: SOURCES,
    subbandCount,
    spoil: (subband, { vis }) => {
      spoil(subband, vis);
    },
  });
}

function lookup(): ProductLookup {
  const unused = () => Promise.reject(new Error("conversion asks the registry for nothing"));
  return { dataRoot, find: unused, findCalibration: unused };
}

function context(notes: string[]): RunContext {
  const stageFolder = join(dataRoot, "stage");
  assert.ok(existsSync(stageFolder));
  return {
    stageFolder,
    signal: new AbortController().signal,
    threadCount: 2,
    progress: (_fraction, note) => notes.push(note),
  };
}
