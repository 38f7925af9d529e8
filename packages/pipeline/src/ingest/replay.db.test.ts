/** Two months of the telescope's own timestamps through the whole of ingest. */
import assert from "node:assert/strict";
import { linkSync, rmSync } from "node:fs";
import { join } from "node:path";

import { test } from "vitest";

import { clusterByAnchor } from "../groups/group-subbands.ts";
import { ingestBed } from "./testing/ingest-bed.ts";
import { realFiles, realTimestamps } from "./testing/real-files.ts";

const bed = ingestBed();

test("the fixture holds the 6,276 timestamps, 212 of them of a whole group", () => {
  const stamps = realTimestamps();
  assert.equal(stamps.length, 6_276);
  assert.equal(stamps.filter(({ count }) => count === 16).length, 212);
});

test.each([
  [2, 2_190],
  [30, 2_377],
  [60, 2_380],
  [120, 2_388],
])("within %d s, %d groups have exactly sixteen files", (toleranceSeconds, wanted) => {
  const files = realTimestamps().map(({ stamp, unixMs, count }) => ({
    ...{ path: stamp, timestamp: stamp, unixMs, subbandIndex: 0, count },
  }));
  const counts = clusterByAnchor(files, { toleranceSeconds }).map((cluster) =>
    cluster.files.reduce((sum, file) => sum + file.count, 0),
  );
  assert.equal(counts.filter((count) => count === 16).length, wanted);
});

test("through ingest they give 2,424 groups, of which 2,380 are whole and run", async () => {
  const files = realFiles();
  // Links: forty thousand names need no forty thousand files.
  const whole = bed.deliver(0, 0);
  const empty = bed.deliver(0, 1, "");
  for (const { name, isEmpty } of files) linkSync(isEmpty ? empty : whole, join(bed.folder, name));
  for (const path of [whole, empty]) rmSync(path);

  const first = await bed.look();
  const later = await bed.look({ at: 400 });
  const last = await bed.look({ at: 90_000 });

  assert.equal(first.seenCount, files.length);
  // The two stamps with 240 and 80 files of size 0 are no observations.
  assert.equal(first.quarantined.length, 180);
  assert.equal(first.spawned.length, 2_380);
  const groups = await bed.groups();
  assert.equal(groups.length, 2_424);
  const count = (state: string) => groups.filter((group) => group.state === state).length;
  assert.equal(count("complete"), 2_380);
  assert.equal(count("partial"), later.spawned.length);
  assert.equal(count("refused"), last.refused.length);
  assert.equal(later.spawned.length + last.refused.length, 44);
  assert.equal((await bed.runs()).length, 2_380 + later.spawned.length);
  assert.deepEqual((await bed.look({ at: 1e6 })).spawned, []);
}, 600_000);
