import assert from "node:assert/strict";
import { renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, test } from "vitest";

import { fieldIs } from "@contimg/absurd";
import { ALL_SUBBANDS, fileName, ingestBed, stampAt } from "./testing/ingest-bed.ts";

const group = (): string => stampAt(0);
const bed = ingestBed();

describe("a whole group", () => {
  test("is given to the queue once, however often and by whomever it is looked at", async () => {
    const paths = bed.deliverGroup(0);

    const [first] = await Promise.all([bed.look(), bed.look()]);
    const again = await bed.look({ at: 1e5 });

    assert.equal(first.paused, null);
    assert.equal(again.seenCount, 0);
    assert.deepEqual(again.spawned, []);
    const runs = await bed.runs();
    assert.equal(runs.length, 1);
    const { tasks } = await bed.client.list({
      conditions: [fieldIs("workflow", runs[0]!.workflow_id)],
    });
    assert.deepEqual(tasks.map((task) => task.taskName).sort(), [
      ...["calibration-apply", "convert-uvh5-to-ms", "imaging", "photometry", "validation"],
    ]);
    const convert = tasks.find((task) => task.taskName === "convert-uvh5-to-ms")!;
    const { params } = await bed.client.show(convert.taskId);
    const wanted = { group_id: group(), input_paths: paths, expected_subbands: 16 };
    assert.deepEqual(params, wanted);
    assert.deepEqual(await bed.groups(), [
      { group_id: group(), state: "complete", reason: "all subbands" },
    ]);
  });

  test("has the name of its earliest file, and the other stamps lead to it", async () => {
    for (const subband of ALL_SUBBANDS) bed.deliver(subband === 7 ? 0 : 17, subband);

    await bed.look();

    const [run] = await bed.runs();
    assert.equal(run?.group_id, group());
    const meant = await bed.pool.query(
      "select contimg.group_of_stamp($1) as late, contimg.group_of_stamp($2) as own",
      [stampAt(17), group()],
    );
    assert.deepEqual(meant.rows, [{ late: group(), own: group() }]);
    await assert.rejects(
      bed.pool.query("update contimg.groups set group_id = $1", [stampAt(17)]),
      /has had its id for good since/,
    );
  });

  test("is moved to an earlier name only while files are missing", async () => {
    bed.deliverGroup(10, ALL_SUBBANDS.slice(1));
    await bed.look();
    assert.deepEqual(
      (await bed.groups()).map(({ group_id }) => group_id),
      [stampAt(10)],
    );

    bed.deliver(0, 0);
    await bed.look();

    assert.deepEqual(
      (await bed.groups()).map(({ group_id, state }) => [group_id, state]),
      [[group(), "complete"]],
    );
  });
});

describe("a file that is still being written", () => {
  test("is left alone under its unfinished name", async () => {
    bed.deliverGroup(0, ALL_SUBBANDS.slice(1));
    writeFileSync(join(bed.folder, `${group()}_sb00_incomplete.hdf5`), "whole");

    await bed.look();

    assert.equal((await bed.files()).length, 15);
    assert.deepEqual(await bed.runs(), []);
  });

  test("is taken when its size has stayed the same for a while, and looked into then", async () => {
    const path = bed.deliver(0, 0, "wh");
    grow(path, "wh", 5);
    assert.equal((await bed.look({ at: 10 })).pendingCount, 1);
    grow(path, "whole", 11);

    const growing = await bed.look({ at: 12 });
    const settled = await bed.look({ at: 14 });

    assert.equal(growing.takenCount, 0);
    assert.equal(settled.takenCount, 1);
  });

  test("is taken at once when it has the size that it must have", async () => {
    grow(bed.deliver(0, 0), "whole", 0);

    const report = await bed.look({ at: 0, policy: { expected_bytes: 5 } });

    assert.equal(report.takenCount, 1);
  });

  test("is not called corrupt before it has been quiet for a minute", async () => {
    const path = bed.deliver(0, 0, "wh");
    grow(path, "wh", 0);
    await bed.look({ at: 0 });
    assert.deepEqual((await bed.look({ at: 30 })).quarantined, []);
    assert.equal((await bed.files())[0]?.state, "arriving");

    const [bad] = (await bed.look({ at: 61 })).quarantined;

    assert.match(bad!.reason, /wh is no subband/);
  });
});

describe("a corrupt file", () => {
  test("is quarantined with its reason and stays where it is", async () => {
    bed.deliverGroup(0, ALL_SUBBANDS.slice(1));
    const path = bed.deliver(0, 0, "truncated");

    const report = await bed.look();

    assert.deepEqual(report.quarantined, [{ path, reason: `${path}: truncated is no subband` }]);
    const [row] = await bed.files();
    assert.deepEqual([row?.state, row?.group_id], ["quarantined", group()]);
    assert.match((await bed.groups())[0]!.reason!, /missing sb00; quarantined: sb00 \(.*truncated/);
  });

  test("is taken when the host sends it again whole", async () => {
    bed.deliverGroup(0, ALL_SUBBANDS.slice(1));
    bed.deliver(0, 0, "truncated");
    await bed.look();

    bed.deliver(0, 0, "whole again");
    await bed.look({ at: 5 });
    await bed.look({ at: 10 });

    assert.equal((await bed.runs()).length, 1);
    assert.equal((await bed.files())[0]?.state, "whole");
  });

  test("that claims a subband which the telescope does not have is no group's", async () => {
    bed.deliver(0, 16);

    const [bad] = (await bed.look()).quarantined;

    assert.match(bad!.reason, /sb16 is no subband, expected sb00 to sb15/);
  });
});

describe("a second file of a subband", () => {
  test("leaves the nearer one to the group while files come", async () => {
    bed.deliver(0, 1);
    bed.deliver(30, 5);
    await bed.look();
    bed.deliver(2, 5);

    await bed.look();

    assert.deepEqual(
      (await bed.files()).map(({ name, state }) => [name, state]),
      [
        [fileName(0, 1), "whole"],
        [fileName(2, 5), "whole"],
        [fileName(30, 5), "duplicate"],
      ],
    );
    assert.match((await bed.files())[2]!.reason!, /sb05 of the group is .*22:26:07_sb05.hdf5/);
  });

  test("changes nothing after the group was run", async () => {
    for (const subband of ALL_SUBBANDS) bed.deliver(subband === 5 ? 27 : 10, subband);
    await bed.look();

    bed.deliver(8, 5);
    await bed.look({ at: 1000 });

    assert.equal((await bed.runs()).length, 1);
    assert.deepEqual(
      (await bed.groups()).map(({ group_id, state }) => [group_id, state]),
      [[stampAt(10), "complete"]],
    );
    const late = (await bed.files()).find((file) => file.name === fileName(8, 5));
    assert.deepEqual([late?.state, late?.group_id], ["duplicate", stampAt(10)]);
  });
});

describe("a file that is replaced under its name", () => {
  test("makes a new revision of a chain that was given the old content", async () => {
    bed.deliverGroup(0);
    await bed.look();
    bed.deliver(0, 3, "whole, and better");

    await bed.look({ at: 100 });
    assert.equal((await bed.runs()).length, 1);
    await bed.look({ at: 103 });
    const report = await bed.look({ at: 500 });

    assert.deepEqual(
      report.spawned.map(({ groupId, revision, reason }) => [groupId, revision, reason]),
      [[group(), 1, "sb03 replaced"]],
    );
    const [first] = await bed.runs();
    const { tasks } = await bed.client.list({
      conditions: [fieldIs("workflow", first!.workflow_id)],
    });
    assert.ok(tasks.every((task) => task.status === "cancelled"));
  });

  test("by the same content, as a second copy does, changes nothing", async () => {
    const [path] = bed.deliverGroup(0);
    await bed.look();
    utimesSync(path!, new Date(), new Date());

    const report = await bed.look({ at: 400 });
    await bed.look({ at: 2e9 });

    assert.equal(report.seenCount, 1);
    assert.equal((await bed.runs()).length, 1);
  });

  test("again and again is not run for ever", async () => {
    bed.deliverGroup(0);
    await bed.look();
    for (let round = 1; round <= 4; round += 1) {
      bed.deliver(0, 3, `whole ${round}`);
      await bed.look({ at: 1000 * round });
      await bed.look({ at: 1000 * round + 500, policy: { reruns_max: 2 } });
      await bed.look({ at: 1000 * round + 900, policy: { reruns_max: 2 } });
    }

    assert.equal((await bed.runs()).length, 3);
    assert.match((await bed.groups())[0]!.reason!, /sb03 replaced; not run again after 2 reruns/);
  });
});

describe("a file that disappears", () => {
  test("before its group was run is missed, and its own group with it", async () => {
    bed.deliverGroup(0, [0, 1]);
    const alone = bed.deliver(309, 0);
    await bed.look();
    rmSync(alone);

    const report = await bed.look();

    assert.equal(report.goneCount, 1);
    assert.deepEqual(
      (await bed.groups()).map(({ group_id }) => group_id),
      [group()],
    );
  });

  test("after its group was run, as housekeeping does, changes nothing", async () => {
    const paths = bed.deliverGroup(0);
    await bed.look();
    renameSync(paths[0]!, join(bed.folder, "..", "kept.hdf5"));

    await bed.look({ at: 400 });
    await bed.look({ at: 1e6 });

    assert.equal((await bed.runs()).length, 1);
    assert.match((await bed.groups())[0]!.reason!, /sb00 of the last run are no longer there/);
  });
});

/** Changes content and time of a file. */
function grow(path: string, text: string, secondsAfterStart: number): void {
  writeFileSync(path, text);
  const time = new Date(Date.parse(`${group()}Z`) + 1000 * secondsAfterStart);
  utimesSync(path, time, time);
}
