import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, test } from "vitest";
import { guessChunk } from "./chunks.ts";
import { askH5py, editWithH5py, fixture, hasH5py, sha256, temporaryFolder } from "./fixtures.ts";
import { isHdf5Available } from "../hdf5/file.ts";
import { Uvh5File } from "./read.ts";
import { writeUvh5 } from "./write.ts";

const folder = temporaryFolder();
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe.skipIf(!isHdf5Available() || !hasH5py)("a written file (needs addon and h5py)", () => {
  test("holds for h5py exactly the values given", () => {
    const { description, data } = fixture();

    const found = askH5py(writeUvh5(join(folder, "values_sb00"), description, data));

    assert.equal(found["Data/visdata"]?.sha256, sha256(data.vis));
    assert.equal(found["Data/flags"]?.sha256, sha256(data.flags));
    assert.equal(found["Data/nsamples"]?.sha256, sha256(data.nsamples));
    assert.equal(found["Header/extra_keywords/phase_center_epoch"]?.text, "HADEC");
    assert.deepEqual(found["Header/freq_array"]?.values, [Array.from(description.frequencyHz)]);
    assert.deepEqual(found["Header/polarization_array"]?.values, [-5, -6]);
    assert.deepEqual(found["Header/antenna_names"]?.text, ["1", "2", "3", "4", "5", "6", "7"]);
  });

  test("has the types, shapes and chunks of the telescope's own files", () => {
    const { description, data } = fixture();

    const found = askH5py(writeUvh5(join(folder, "layout_sb00"), description, data));

    const layout = (name: string): unknown[] => {
      const entry = found[name];
      return [entry?.dtype, entry?.shape, entry?.maxshape, entry?.chunks];
    };
    const grown = [null, 1, 48, 2];
    assert.deepEqual(layout("Data/visdata"), [
      "complex64",
      [450, 1, 48, 2],
      grown,
      [128, 1, 12, 1],
    ]);
    assert.deepEqual(layout("Data/flags"), ["bool", [450, 1, 48, 2], grown, [256, 1, 24, 1]]);
    assert.deepEqual(layout("Data/nsamples"), ["float32", [450, 1, 48, 2], grown, [256, 1, 12, 1]]);
    assert.deepEqual(layout("Header/uvw_array"), ["float32", [450, 3], [null, 3], [512, 3]]);
    assert.deepEqual(layout("Header/time_array"), ["float64", [450], [null], [1024]]);
    assert.deepEqual(layout("Header/ant_1_array"), ["int64", [450], [null], [1024]]);
    assert.deepEqual(layout("Header/Nbls"), ["int64", [], [], null]);
    assert.deepEqual(layout("Header/channel_width"), ["float64", [], [], null]);
    assert.deepEqual(layout("Header/antenna_names"), ["|S4", [7], [7], null]);
    assert.equal(found["Header/extra_keywords/phase_center_epoch"]?.isVariableString, true);
    assert.equal(found["Header/phase_type"]?.text, "drift");
    assert.equal(found["Header/phase_center_catalog/0/cat_name"], undefined);
  });

  test("is read back by integration, in any order of reads", async () => {
    const { description, data } = fixture();
    using file = new Uvh5File(writeUvh5(join(folder, "again_sb00"), description, data));
    const perTime = file.integrationItemCount;
    const vis = new Float32Array(data.vis.length);
    const flags = new Uint8Array(data.flags.length);

    const pieces = [
      [9, 21],
      [0, 1],
      [1, 8],
    ] as const;
    for (const [first, count] of pieces) {
      await file.readIntegrations(first, count, {
        vis: vis.subarray(2 * perTime * first, 2 * perTime * (first + count)),
        flags: flags.subarray(perTime * first, perTime * (first + count)),
      });
    }

    assert.equal(sha256(vis), sha256(data.vis));
    assert.equal(sha256(flags), sha256(data.flags));
    assert.deepEqual(file.header.antenna2Index, description.antenna2Index);
    assert.deepEqual(file.header.phaseCenter, { kind: "drift", declinationRad: 0.95 });
    const timeErrorDays = file.header.timesMjd.map((mjd, t) => mjd - description.timesMjd[t]!);
    // A JD in float64 is good to 40 µs.
    assert.ok(Math.max(...timeErrorDays.map(Math.abs)) < 5e-10);
  });

  test("that cannot be written leaves nothing behind", () => {
    const { description, data } = fixture();
    const stem = join(folder, "short_sb00");

    assert.throws(
      () => writeUvh5(stem, description, { ...data, vis: data.vis.subarray(0, 100) }),
      /short_sb00_incomplete\.hdf5: dataset Data\/visdata: the box needs 345600 B .*got 400/,
    );

    assert.ok(!existsSync(`${stem}_incomplete.hdf5`) && !existsSync(`${stem}.hdf5`));
  });

  test("takes its final name only when it is whole", () => {
    const { description, data } = fixture();
    const stem = join(folder, "taken_sb00");
    mkdirSync(`${stem}.hdf5`);

    assert.throws(() => writeUvh5(stem, description, data), /EISDIR|EEXIST|ENOTEMPTY/);

    assert.ok(!existsSync(`${stem}_incomplete.hdf5`));
  });
});

describe.skipIf(!hasH5py)("the chunk rule (needs h5py)", () => {
  test("chooses what h5py chooses", () => {
    const shapes = [
      [0],
      [0, 3],
      [0, 1, 48, 2],
      [0, 1, 4, 2],
      [0, 1, 384, 4],
      [5000, 700],
      [3, 1, 2],
    ];
    const path = join(folder, "chunks.h5");
    const make = shapes.map((shape, k) => {
      const axes = shape.map((length) => (length === 0 ? "None" : length)).join(",");
      return `f.create_dataset("d${k}", (${shape.join(",")},), "c8", chunks=True, maxshape=(${axes},))`;
    });
    editWithH5py(path, make.join("; "), "w");

    const found = askH5py(path);

    shapes.forEach((shape, k) => {
      assert.deepEqual(guessChunk(shape, 8), found[`d${k}`]?.chunks, `shape ${shape.join("×")}`);
    });
  });
});
