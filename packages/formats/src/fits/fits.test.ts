import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import fc from "fast-check";
import { afterAll, beforeAll, describe, test } from "vitest";

import { writeFitsTable } from "./bintable.ts";
import { formatCard, parseCard } from "./card.ts";
import { encodeChecksum, onesComplementSum, wordsOf } from "./checksum.ts";
import { FitsHeader, formatHeader, parseHeader } from "./header.ts";
import { readFitsHeader, readFitsImage, writeFitsImage } from "./image.ts";

const REFEREE = fileURLToPath(new URL("./fits.referee.py", import.meta.url));
const astropyExists = spawnSync("/usr/bin/python3", ["-c", "import astropy"]).status === 0;

const fitsverifyExists = spawnSync("fitsverify", ["-h"]).error === undefined;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "contimg-fits-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe("a FITS card", () => {
  test.each([
    { keyword: "OBJECT", value: "O'Neill / 3C 48", comment: "quotes and a slash" },
    { keyword: "BMAJ", value: -1.25e-17, comment: "tiny" },
    { keyword: "NAXIS1", value: 4096, comment: "" },
    { keyword: "EXTEND", value: false, comment: "no" },
  ])("keeps $keyword = $value through text", (card) => {
    const text = formatCard(card);

    assert.equal(text.length, 80);
    assert.deepEqual(parseCard(text), card);
  });

  test("reads Fortran exponents", () => {
    assert.equal(parseCard("CRVAL1  =          1.5D+02 / deg".padEnd(80)).value, 150);
  });

  test("alone refuses a string that needs a second one", () => {
    assert.throws(() => formatCard({ keyword: "CALTBL", value: "x".repeat(69) }), /CALTBL/);
  });

  test("of any plain text, quotes and blanks and all, comes back whole", () => {
    const texts = fc.array(fc.constantFrom("a", "'", " ", "&", "/", "=", "Z"), { maxLength: 300 });
    fc.assert(
      fc.property(texts, (letters) => {
        // Trailing blanks carry no meaning, and a trailing & means that more follows.
        const value = `${letters.join("")}.`;
        const bytes = formatHeader([
          { keyword: "SIMPLE", value: true },
          { keyword: "CALTBL1", value, comment: "long" },
          { keyword: "NANT", value: 63, comment: "after it" },
        ]);

        const { header } = parseHeader(bytes, "made in memory");

        assert.equal(bytes.length % 2880, 0);
        assert.equal(header.text("CALTBL1"), value);
        assert.equal(header.number("NANT"), 63);
      }),
    );
  });

  test("refuses a number that is none", () => {
    assert.throws(() => formatCard({ keyword: "BMAJ", value: NaN }), /BMAJ has the value NaN/);
  });
});

describe("the checksum", () => {
  test("of any sum is letters and digits whose words add up to its complement", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (sum) => {
        const text = encodeChecksum(sum);

        assert.match(text, /^[0-9A-Za-z]{16}$/);
        // The value lies one byte before a word's border; sixteen zeros stand for nothing.
        const aligned = Buffer.from(text.slice(1) + text[0]!, "ascii");
        const zeros = Buffer.from("0".repeat(16), "ascii");
        const added = onesComplementSum(wordsOf(aligned), sum);
        const expected = onesComplementSum(wordsOf(zeros), 0xffff_ffff);
        assert.equal(added % 0xffff_ffff, expected % 0xffff_ffff);
      }),
    );
  });
});

describe("a FITS image", () => {
  test.skipIf(!astropyExists)("and a table mean to astropy what they mean to us", async () => {
    await writeFitsImage(join(folder, "ours.fits"), exampleImage());
    await writeFitsTable(join(folder, "table.fits"), "SOURCES", [
      { name: "ra_deg", unit: "deg", values: Float64Array.of(359.999, 0.001, NaN) },
      { name: "name", values: ["A", "longest name", ""] },
    ]);

    const text = execFileSync("/usr/bin/python3", [REFEREE, folder, "ours.fits", "table.fits"]);

    assert.deepEqual(JSON.parse(text.toString().replace("NaN", "null")), {
      image: {
        shape: [1, 1, 2, 3],
        first_row: [1, 2, null],
        second_row: [-4, 5.5, 6],
        object: "field",
        bmaj: 0.01,
        flag: true,
        history: ["made for a test"],
      },
      table: {
        columns: ["ra_deg", "name"],
        units: ["deg", ""],
        ra: [359.999, 0.001, null],
        names: ["A", "longest name", ""],
      },
    });
    const doubles = await readFitsImage(join(folder, "f64.fits"));
    assert.deepEqual([doubles.width, doubles.height], [4, 3]);
    assert.deepEqual([...doubles.pixels.slice(0, 5)], [-3, -2, -1, 0, 1]);
    const scaled = await readFitsImage(join(folder, "i16.fits"));
    assert.deepEqual([...scaled.pixels.slice(0, 3)], [NaN, 9, 9.5]);
    await assert.rejects(
      readFitsImage(join(folder, "cube.fits")),
      /axes are \[4, 3, 2\], expected one/,
    );
  });

  test("comes back as it was written, byte order and all", async () => {
    const image = exampleImage();
    await writeFitsImage(join(folder, "round.fits"), image);

    const back = await readFitsImage(join(folder, "round.fits"));

    assert.deepEqual(back.pixels, image.pixels);
    assert.equal(back.header.text("OBJECT"), "field");
    assert.equal((await readFile(join(folder, "round.fits"))).length % 2880, 0);
    assert.equal((await readFitsHeader(join(folder, "round.fits"))).number("NAXIS2"), 2);
  });

  test("that was cut short is refused with both sizes", async () => {
    await writeFitsImage(join(folder, "whole.fits"), exampleImage());
    const bytes = await readFile(join(folder, "whole.fits"));
    await writeFile(join(folder, "cut.fits"), bytes.subarray(0, 2880 + 8));

    await assert.rejects(
      readFitsImage(join(folder, "cut.fits")),
      /cut\.fits: 3 x 2 pixels need 2904 bytes, the file has 2888/,
    );
  });

  test("that is something else is refused by its first bytes", async () => {
    await writeFile(join(folder, "not.fits"), "\x89HDF\r\n".padEnd(4000, "x"));

    await assert.rejects(readFitsImage(join(folder, "not.fits")), /begins with ".+HDF/);
  });

  test("carries sums that a changed bit breaks", async () => {
    const path = join(folder, "summed.fits");
    await writeFitsImage(path, exampleImage());
    const bytes = await readFile(path);
    const total = (file: Buffer): number => onesComplementSum(wordsOf(file));

    assert.equal(total(bytes), 0xffff_ffff, "the whole unit adds up to all ones");
    assert.equal((await readFitsHeader(path)).text("DATASUM"), String(0x4130_0002));
    bytes[2880 + 5]! ^= 1;
    assert.notEqual(total(bytes), 0xffff_ffff);
  });

  test.skipIf(!fitsverifyExists)(
    `satisfies fitsverify${fitsverifyExists ? "" : " (Debian package fitsverify is absent)"}`,
    async () => {
      const path = join(folder, "verified.fits");
      const image = exampleImage();
      image.header.set("LONGSTRN", "OGIP 1.0").set("CALTBL1", "it's/".repeat(30), "long");
      await writeFitsImage(path, image);
      await writeFitsTable(join(folder, "verified-table.fits"), "SOURCES", [
        { name: "ra_deg", unit: "deg", values: Float64Array.of(1, 2) },
      ]);

      for (const file of [path, join(folder, "verified-table.fits")]) {
        const { stdout } = spawnSync("fitsverify", [file], { encoding: "utf8" });
        assert.match(stdout, /found 0 warning\(s\) and 0 error\(s\)/, stdout);
      }
    },
  );

  test("names the card that is missing", () => {
    const header = new FitsHeader([{ keyword: "BMAJ", value: "wide" }], "a.fits");

    assert.throws(() => header.number("BMAJ"), /a\.fits: card BMAJ is "wide", expected a number/);
    assert.throws(() => header.number("BMIN"), /card BMIN is absent/);
  });
});

function exampleImage() {
  const header = new FitsHeader()
    .set("OBJECT", "field")
    .set("BMAJ", 0.01, "[deg]")
    .set("FLAG", true)
    .set("CTYPE3", "FREQ")
    .set("CTYPE4", "STOKES")
    .addHistory("made for a test");
  return { header, width: 3, height: 2, pixels: Float32Array.of(1, 2, NaN, -4, 5.5, 6) };
}
