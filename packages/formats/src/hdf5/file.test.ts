import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, test } from "vitest";
import { temporaryFolder } from "../uvh5/fixtures.ts";
import { createHdf5, isHdf5Available, openHdf5 } from "./file.ts";

const folder = temporaryFolder();
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe.skipIf(!isHdf5Available())("an HDF5 file (needs the addon)", () => {
  test("refuses integers that a double cannot hold", () => {
    const path = join(folder, "integers.h5");
    const file = createHdf5(path);
    file.createDataset("n", { type: "int64", shape: [2] });
    file.writeSlab("n", [0], [2], BigInt64Array.of(1n, 2n ** 53n + 1n));
    file.close();

    const read = openHdf5(path);

    assert.throws(
      () => read.readNumbers("n"),
      /integers\.h5: dataset n holds 9007199254740993, which is beyond 2\^53/,
    );
    read.close();
  });

  test("reads any box of a chunked dataset as a plain array would give it", () => {
    const path = join(folder, "boxes.h5");
    const shape = [37, 5, 6];
    const values = Float32Array.from({ length: 37 * 30 }, (_, k) => k);
    const file = createHdf5(path);
    file.createDataset("d", { type: "float32", shape, maxShape: [-1, 5, 6], chunk: [8, 5, 4] });
    file.writeSlab("d", [0, 0, 0], shape, values);
    file.close();

    const read = openHdf5(path);
    const out = new Float32Array(11 * 2 * 5);
    const extremes = read.readSlab("d", [6, 3, 1], [11, 2, 5], out);
    read.close();

    const expected: number[] = [];
    for (let i = 6; i < 17; i++) {
      for (let j = 3; j < 5; j++) for (let k = 1; k < 6; k++) expected.push(30 * i + 6 * j + k);
    }
    assert.deepEqual(Array.from(out), expected);
    assert.deepEqual(extremes, { absMax: Math.max(...expected), min: Math.min(...expected) });
  });

  test("reads never-written chunks as zeros", () => {
    const path = join(folder, "holes.h5");
    const file = createHdf5(path);
    file.createDataset("d", { type: "float32", shape: [8, 2], chunk: [4, 2] });
    file.writeSlab("d", [4, 0], [4, 2], new Float32Array(8).fill(7));
    file.close();

    const read = openHdf5(path);
    const out = new Float32Array(16).fill(-1);
    read.readSlab("d", [0, 0], [8, 2], out);
    read.close();

    assert.deepEqual(Array.from(out), [
      ...new Array<number>(8).fill(0),
      ...new Array<number>(8).fill(7),
    ]);
  });

  test("refuses a box outside the data, naming both shapes", () => {
    const path = join(folder, "outside.h5");
    const file = createHdf5(path);
    file.createDataset("d", { type: "float64", shape: [3] });

    assert.throws(
      () => file.readSlab("d", [2], [2], new Float64Array(2)),
      /dataset d has shape \[3\], but the box from \[2\] of \[2\] was asked for/,
    );
    file.close();
  });

  test("says that it is closed", () => {
    const file = createHdf5(join(folder, "closed.h5"));
    file.close();

    assert.throws(() => file.readNumbers("d"), /closed\.h5: is closed/);
  });
});
