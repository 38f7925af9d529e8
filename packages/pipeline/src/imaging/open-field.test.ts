/** What photometry and validation read is in the units that FITS says, or is refused. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { FitsHeader, writeFitsImage } from "@contimg/formats";
import { afterEach, beforeEach, describe, test } from "vitest";

import { openField } from "./open-field.ts";

const SIDE = 40;
const CELL_DEG = 3 / 3600;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "open-field-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe("an image", () => {
  test("in Jy/beam with a beam in degrees is taken as it says", async () => {
    const { image, beam } = await openWith({});

    assert.equal(image.pixels[0], 5);
    assert.ok(Math.abs((beam.majorRad * 180 * 3600) / Math.PI - 12) < 1e-9);
  });

  test.each([["mJy/beam"], ["JY/PIXEL"], [undefined]])(
    "in %s is refused: Jy are not guessed from the values",
    async (unit) => {
      await assert.rejects(openWith({ unit }), {
        tag: "MalformedFile",
        message: new RegExp(`image\\.fits: card BUNIT is ${String(unit)}, expected Jy/beam`),
      });
    },
  );

  test("with a beam of 12 in BMAJ is refused: 12 deg are not taken for arcsec", async () => {
    await assert.rejects(openWith({ beamDeg: 12 }), {
      tag: "MalformedFile",
      message: /image\.fits: card BMAJ is 12\.00 deg, expected at most the image's 0\.0333 deg/,
    });
  });
});

async function openWith(changes: { unit?: string | undefined; beamDeg?: number }) {
  const { beamDeg = 12 / 3600 } = changes;
  const unit = "unit" in changes ? changes.unit : "Jy/beam";
  const header = new FitsHeader()
    .set("CTYPE1", "RA---SIN")
    .set("CTYPE2", "DEC--SIN")
    .set("CRVAL1", 128.7)
    .set("CRVAL2", 55.57)
    .set("CRPIX1", SIDE / 2 + 1)
    .set("CRPIX2", SIDE / 2 + 1)
    .set("CDELT1", -CELL_DEG)
    .set("CDELT2", CELL_DEG)
    .set("BMAJ", beamDeg)
    .set("BMIN", beamDeg)
    .set("BPA", 0)
    .set("RESTFRQ", 1.4e9)
    .set("MJD-AVG", 61_065.9);
  if (unit !== undefined) header.set("BUNIT", unit);
  const pixels = new Float32Array(SIDE * SIDE).fill(5);
  const [imagePath, beamPath] = [join(folder, "image.fits"), join(folder, "pb.fits")];
  const image = { header, width: SIDE, height: SIDE, pixels };
  await writeFitsImage(imagePath, image);
  await writeFitsImage(beamPath, image);
  return openField(imagePath, beamPath);
}
