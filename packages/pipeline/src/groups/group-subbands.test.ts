import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";
import { afterEach, beforeEach, describe, test } from "vitest";

import { PipelineError } from "../errors.ts";
import { findGroupFiles, listGroups } from "./find-group-files.ts";
import { groupSubbands, missingSubbands, SUBBAND_COUNT } from "./group-subbands.ts";
import { parseSubbandPath, subbandCode } from "./subband-file.ts";
import type { SubbandFile } from "./subband-file.ts";

const START_UNIX_MS = Date.parse("2026-01-25T22:26:05Z");

function file(secondsAfterStart: number, subbandIndex: number): SubbandFile {
  const time = new Date(START_UNIX_MS + 1000 * secondsAfterStart).toISOString().slice(0, 19);
  const parsed = parseSubbandPath(`/in/${time}_${subbandCode(subbandIndex)}.hdf5`);
  assert.ok(parsed);
  return parsed;
}

describe("a subband file's name", () => {
  test("carries its time and subband", () => {
    const parsed = parseSubbandPath("/data/incoming/2026-01-25T22:26:05_sb07.hdf5");
    assert.equal(parsed?.timestamp, "2026-01-25T22:26:05");
    assert.equal(parsed.subbandIndex, 7);
  });

  test("is not one while the file is being written, nor with anything else around it", () => {
    for (const name of [
      "2026-01-25T22:26:05_sb07_incomplete.hdf5",
      "2026-01-25T22:26:05_sb7.hdf5",
      "2026-13-45T22:26:05_sb07.hdf5",
      "x2026-01-25T22:26:05_sb07.hdf5",
      "2026-01-25T22:26:05_sb07.hdf5.part",
    ]) {
      assert.equal(parseSubbandPath(name), undefined, name);
    }
  });
});

describe("a group", () => {
  test("gathers hosts that stamped the same observation up to 60 s apart", () => {
    const files = [file(59, 3), file(0, 0), file(1, 1), file(17, 2), file(309, 0), file(310, 1)];
    const groups = groupSubbands(files);
    assert.deepEqual(
      groups.map((group) => [group.groupId, group.members.map((m) => m.subbandIndex)]),
      [
        ["2026-01-25T22:26:05", [0, 1, 2, 3]],
        ["2026-01-25T22:31:14", [0, 1]],
      ],
    );
  });

  test("is anchored: a row of files 40 s apart does not creep into one group", () => {
    const groups = groupSubbands([file(0, 0), file(40, 1), file(80, 2), file(120, 3)]);
    assert.deepEqual(
      groups.map((group) => group.members.length),
      [2, 2],
    );
  });

  test("keeps the file nearest to its anchor when a host wrote twice, and names the other", () => {
    const [group] = groupSubbands([file(0, 0), file(30, 5), file(2, 5)]);
    assert.equal(group?.members[1]?.timestamp, "2026-01-25T22:26:07");
    assert.equal(group.duplicates[0]?.timestamp, "2026-01-25T22:26:35");
  });

  test("crosses midnight", () => {
    const names = ["2026-01-25T23:59:59_sb00.hdf5", "2026-01-26T00:00:01_sb01.hdf5"];
    const files = names.map(parseSubbandPath).filter((parsed) => parsed !== undefined);
    assert.equal(groupSubbands(files).length, 1);
  });

  test("comes out whole for any real jitter and any order of arrival", () => {
    const jitter = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(jitter, jitter, fc.infiniteStream(fc.nat()), (first, second, order) => {
        const files = [
          ...first.map((seconds, subband) => file(seconds, subband)),
          ...second.map((seconds, subband) => file(309 + seconds, subband)),
        ];
        const shuffled = files
          .map((member) => ({ member, rank: order.next().value as number }))
          .toSorted((a, b) => a.rank - b.rank);
        const groups = groupSubbands(shuffled.map(({ member }) => member));
        assert.equal(groups.length, 2);
        for (const group of groups) {
          assert.equal(group.members.length, SUBBAND_COUNT);
          assert.deepEqual(missingSubbands(group), []);
        }
      }),
    );
  });
});

describe("a folder of files", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "groups-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test("yields the paths of a whole group by any timestamp near its id", async () => {
    await deliver(0, 16);
    await writeFile(join(folder, "2026-01-25T22:31:14_sb00_incomplete.hdf5"), "");
    const paths = await findGroupFiles(folder, "2026-01-25T22:26:07");
    assert.equal(paths.length, 16);
    assert.match(paths[15]!, /_sb15\.hdf5$/);
    assert.equal((await listGroups(folder)).length, 1);
  });

  test("refuses a group that lacks a subband and names the missing one", async () => {
    await deliver(0, 16);
    await rm(join(folder, "2026-01-25T22:26:05_sb11.hdf5"));
    await assert.rejects(findGroupFiles(folder, "2026-01-25T22:26:05"), (error) => {
      assert.ok(error instanceof PipelineError);
      assert.equal(error.tag, "MissingSubband");
      assert.match(error.message, /15 of 16 subbands, missing sb11/);
      return true;
    });
  });

  test("says that a group is not there at all", async () => {
    await deliver(0, 16);
    await assert.rejects(
      findGroupFiles(folder, "2026-01-25T23:00:00"),
      /2026-01-25T23:00:00 has no subband files/,
    );
  });

  async function deliver(secondsAfterStart: number, subbandCount: number): Promise<void> {
    const time = new Date(START_UNIX_MS + 1000 * secondsAfterStart).toISOString().slice(0, 19);
    for (let subband = 0; subband < subbandCount; subband += 1) {
      await writeFile(join(folder, `${time}_${subbandCode(subband)}.hdf5`), "");
    }
  }
});
