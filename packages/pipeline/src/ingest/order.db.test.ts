/** The order in which files arrive, and who looks when, do not change the groups. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { readdirSync } from "node:fs";
import { join } from "node:path";

import fc from "fast-check";
import { test } from "vitest";

import { parseSubbandPath } from "../groups/subband-file.ts";
import { groupSubbands } from "../groups/group-subbands.ts";
import { ingestBed } from "./testing/ingest-bed.ts";

const bed = ingestBed();
const SUBBANDS = 4;
const CADENCE_SECONDS = 309;
const policy = { expected_subbands: SUBBANDS, min_subbands: 1, wait_seconds: 1000 };

interface Delivery {
  readonly second: number;
  readonly subband: number;
  readonly rank: number;
  /** A fresh ingester looks after this file. */
  readonly look: boolean;
}

/** An observation: each host writes once, up to a minute late, or not at all. */
const observation = fc.array(
  fc.record({
    late: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 60 })),
    isThere: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, fc.boolean()),
    rank: fc.nat(),
    look: fc.boolean(),
  }),
  { minLength: SUBBANDS, maxLength: SUBBANDS },
);

const night = fc.array(observation, { minLength: 1, maxLength: 4 }).map((observations) =>
  observations.flatMap((hosts, index) =>
    hosts
      .map(({ late, isThere, rank, look }, subband) => ({
        ...{ second: index * CADENCE_SECONDS + late, subband, isThere, rank, look },
      }))
      .filter(({ isThere }) => isThere),
  ),
);

test("any order of arrival and any restarts give the groups of the set of files", async () => {
  await fc.assert(
    fc.asyncProperty(night, async (files) => {
      await empty();
      await deliver(files);
      await bed.look({ policy });
      const whole = await bed.runs();
      await bed.look({ policy, at: 2_000 });

      assert.deepEqual(await placed(), expected());
      // Sooner or later each group is run, once: nobody came late.
      const runs = await bed.runs();
      assert.deepEqual(
        runs.map(({ group_id, revision }) => [group_id, revision]),
        [...new Set(Object.values(expected()))].sort().map((groupId) => [groupId, 0]),
      );
      assert.ok(whole.length <= runs.length);
    }),
    { numRuns: 25, interruptAfterTimeLimit: 120_000 },
  );
}, 300_000);

/** Hosts may write twice; then a name given in between may stay, but never who belongs to whom. */
test("second files of a host do not change which files belong together", async () => {
  const second = fc.record({
    ...{ late: fc.integer({ min: 0, max: 30 }), subband: fc.nat(SUBBANDS - 1) },
    ...{ rank: fc.nat(), look: fc.boolean() },
  });
  await fc.assert(
    fc.asyncProperty(night, fc.array(second, { maxLength: 3 }), async (files, seconds) => {
      await empty();
      const twice = seconds.map(({ late, ...file }) => ({ ...file, second: late }));
      const near = files.map((file) => ({
        ...file,
        second: file.second - (file.second % CADENCE_SECONDS) + (file.second % CADENCE_SECONDS) / 2,
      }));
      await deliver(
        [...near, ...twice].map((file) => ({ ...file, second: Math.floor(file.second) })),
      );
      await bed.look({ policy });
      await bed.look({ policy, at: 2_000 });

      assert.deepEqual(partition(await placed()), partition(expected()));
    }),
    { numRuns: 25, interruptAfterTimeLimit: 120_000 },
  );
}, 300_000);

async function deliver(files: readonly Delivery[]): Promise<void> {
  for (const { second, subband, look } of files.toSorted((a, b) => a.rank - b.rank)) {
    bed.deliver(second, subband);
    if (look) await bed.look({ policy });
  }
}

async function placed(): Promise<Record<string, string>> {
  return Object.fromEntries((await bed.files()).map(({ name, group_id }) => [name, group_id]));
}

/** By the pure rule, from all files at once. */
function expected(): Record<string, string> {
  const files = readdirSync(bed.folder).sort().map(parseSubbandPath);
  const groups = groupSubbands(files.filter((file) => file !== undefined));
  return Object.fromEntries(
    groups
      .flatMap(({ groupId, members, duplicates }) =>
        [...members, ...duplicates].map((file): [string, string] => [file.path, groupId]),
      )
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function partition(groups: Readonly<Record<string, string>>): string[][] {
  return Object.values(Object.groupBy(Object.keys(groups), (name) => groups[name]!)).map((names) =>
    names!.sort(),
  );
}

async function empty(): Promise<void> {
  for (const name of readdirSync(bed.folder)) rmSync(join(bed.folder, name));
  await bed.pool.query("truncate contimg.groups, contimg.ingest_folders cascade");
}
