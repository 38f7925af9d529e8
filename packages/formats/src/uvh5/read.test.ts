import assert from "node:assert/strict";
import { copyFileSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, test } from "vitest";
import { askH5py, editWithH5py, fixture, hasH5py } from "./fixtures.ts";
import { realDataPath, sha256, temporaryFolder } from "./fixtures.ts";
import { isHdf5Available } from "../hdf5/file.ts";
import { Uvh5File } from "./read.ts";
import { writeUvh5 } from "./write.ts";

const folder = temporaryFolder();
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const heraPath = realDataPath("hera_zen.2458098.45361.HH_downselected.uvh5");
const ataPath = realDataPath("ata_3c286_C0352.uvh5");

describe.skipIf(!isHdf5Available() || !hasH5py)("a damaged file (needs addon and h5py)", () => {
  const refusals = [
    ["without uvw", "del f['Header/uvw_array']", /Header\/uvw_array is missing/],
    ["without data", "del f['Data/visdata']", /Data\/visdata is missing/],
    [
      "with a time that is NaN",
      "f['Header/time_array'][17] = np.nan",
      /time_array is NaN at index 17/,
    ],
    [
      "that counts wrongly",
      "f['Header/Nblts'][()] = 451",
      /Nblts is 451, expected Ntimes × Nbls = 30×15/,
    ],
    [
      "ordered by baseline",
      "f['Header/time_array'][:] = np.tile(f['Header/time_array'][::15], 15)",
      /rows must be ordered by time, then baseline/,
    ],
    [
      "whose baselines change",
      "f['Header/ant_1_array'][20] = 4",
      /ant_1_array is 4 in row 20, expected 1 as in row 5/,
    ],
    [
      "with an unknown antenna",
      "f['Header/ant_2_array'][:] += 100",
      /names antenna 100, which antenna_numbers does not have/,
    ],
    [
      "with another shape",
      "del f['Data/flags']; f['Data/flags'] = np.zeros((450, 48, 1), bool)",
      /Data\/flags has shape \[450, 48, 1\], expected \[450, 48, 2\] or \[450, 1, 48, 2\]/,
    ],
    [
      "with a NaN in the sampled rows",
      "f['Data/visdata'][3, 0, 5, 1] = np.nan",
      /Data\/visdata has a value that is not finite in the first 15 rows of integration 0/,
    ],
    [
      "with a filter that is not installed",
      "v = f['Data/nsamples'][()]; del f['Data/nsamples']; " +
        "p = h5py.h5p.create(h5py.h5p.DATASET_CREATE); " +
        "p.set_chunk((64, 1, 48, 2)); p.set_filter(32008, h5py.h5z.FLAG_OPTIONAL, ()); " +
        "s = h5py.h5s.create_simple(v.shape); " +
        "h5py.h5d.create(f['Data'].id, b'nsamples', h5py.h5t.IEEE_F32LE, s, p)",
      /Data\/nsamples is stored with HDF5 filter 32008 \(.+\), whose plugin is not installed/,
    ],
  ] as const;

  test.each(refusals)("%s is refused by name", (what, damage, message) => {
    const path = writeFixture(what);
    editWithH5py(path, damage);

    assert.throws(
      () => new Uvh5File(path),
      (error: Error) => error.message.startsWith(`${path}: `) && message.test(error.message),
    );
  });

  test("cut short is refused with libhdf5's reason", () => {
    const path = writeFixture("cut");
    truncateSync(path, 100_000);

    assert.throws(() => new Uvh5File(path), /cannot be opened as HDF5: truncated file/);
  });

  test("is refused while it streams, when only a later value is bad", async () => {
    const path = writeFixture("late");
    editWithH5py(path, "f['Data/visdata'][20 * 15, 0, 0, 0] = 3e31");
    using file = new Uvh5File(path);
    const vis = new Float32Array(2 * file.integrationItemCount);
    await file.readIntegrations(19, 1, { vis });

    await assert.rejects(
      file.readIntegrations(20, 1, { vis }),
      /Data\/visdata reaches 3\.0e\+31, expected below 1e30, in integrations 20 to 20/,
    );
  });

  test("that does not exist is refused by path", () => {
    assert.throws(() => new Uvh5File(join(folder, "absent.hdf5")), /absent\.hdf5: .*No such file/);
  });
});

describe.skipIf(!isHdf5Available() || !hasH5py)(
  "other writers' files (need addon and h5py)",
  () => {
    test.each([
      ["without the window axis", "np.complex64, compression='gzip'", "flat"],
      ["of 64-bit complex numbers", "np.complex128", "wide"],
      ["of complex integers", "np.dtype([('r', '<i4'), ('i', '<i4')])", "integer"],
    ])("%s give the same numbers", async (_, dtype, name) => {
      const path = writeFixture(name);
      editWithH5py(
        path,
        "v = np.round(f['Data/visdata'][:, 0] * 100); n = np.zeros(v.shape, '<i4,<i4'); " +
          "n.dtype.names = ('r', 'i'); n['r'] = v.real; n['i'] = v.imag; " +
          "[f.__delitem__('Data/' + k) for k in ('visdata', 'flags', 'nsamples')]; " +
          `f['Data'].create_dataset('visdata', data=n if '${name}' == 'integer' else v, dtype=${dtype}); ` +
          "f['Data/flags'] = np.zeros(v.shape, bool); f['Data/nsamples'] = np.ones(v.shape, 'f4')",
      );
      const expected = fixture().data.vis.map((value) => Math.round(Math.fround(value * 100)));

      using file = new Uvh5File(path);
      const vis = new Float32Array(expected.length);
      await file.readIntegrations(0, file.header.timeCount, { vis });

      const wrong = vis.findIndex((value, k) => Math.abs(value - expected[k]!) > 1);
      assert.equal(wrong, -1, `value ${wrong}`);
    });
  },
);

describe.skipIf(heraPath === undefined || !hasH5py)(
  "HERA's file (needs real data and h5py)",
  () => {
    test("gives visibilities, LZF flags and samples bit for bit as h5py does", async () => {
      const found = askH5py(heraPath!);

      using file = new Uvh5File(heraPath!);
      const itemCount = file.integrationItemCount * file.header.timeCount;
      const vis = new Float32Array(2 * itemCount);
      const flags = new Uint8Array(itemCount);
      const nsamples = new Float32Array(itemCount);
      await file.readIntegrations(0, file.header.timeCount, { vis, flags, nsamples });

      assert.equal(sha256(vis), found["Data/visdata"]?.sha256);
      assert.equal(sha256(flags), found["Data/flags"]?.sha256);
      assert.equal(sha256(nsamples), found["Data/nsamples"]?.sha256);
      // Rows name antenna numbers 0, 1, 11, …; as indices they would be other antennas.
      assert.equal(file.header.antennaNames[file.header.antenna1Index[0]!], "HH0");
      assert.equal(file.header.timeCount, 10);
    });

    test("cut in the middle of its data is refused", () => {
      const path = join(folder, "hera-cut.uvh5");
      copyFileSync(heraPath!, path);
      truncateSync(path, 300_000);

      assert.throws(() => new Uvh5File(path), /truncated file/);
    });
  },
);

describe.skipIf(ataPath === undefined || !isHdf5Available())("ATA's file (needs real data)", () => {
  test("is refused for its unphysical values", () => {
    assert.throws(
      () => new Uvh5File(ataPath!),
      /Data\/nsamples is -1\.2e\+12, expected 0 or more, in the first 256 rows of integration 0/,
    );
  });
});

function writeFixture(name: string): string {
  const { description, data } = fixture();
  return writeUvh5(join(folder, `${name.replaceAll(" ", "-")}_sb00`), description, data);
}
