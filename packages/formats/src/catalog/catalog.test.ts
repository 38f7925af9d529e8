import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, test } from "vitest";
import { fluxAtJy, readReferenceCatalog, writeReferenceCatalog } from "./reference-catalog.ts";
import { findCalibrator, readVlaCalibrators } from "./vla-calibrators.ts";

const folder = mkdtempSync(join(tmpdir(), "catalog-test-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("the VLA calibrator list", () => {
  const path = fileURLToPath(new URL("../../../../data/vla_calibrators.csv", import.meta.url));
  const calibrators = readVlaCalibrators(path);

  test("gives flux and spectral index of a calibrator from its 20 cm and 6 cm entries", () => {
    const { fluxJy, spectralIndex, quality } = findCalibrator(calibrators, "0834+555");

    assert.equal(fluxJy, 8.8);
    assert.equal(quality, "SPPP");
    // ln(5.6 / 8.8) / ln(4.86 / 1.4)
    assert.ok(Math.abs(spectralIndex - -0.3632) < 1e-4);
  });

  test("knows aliases, and names what it does not know", () => {
    assert.equal(findCalibrator(calibrators, "3C286").name, "1331+305");
    assert.throws(
      () => findCalibrator(calibrators, "0000+000"),
      /no 20 cm flux .* named 0000\+000/,
    );
  });
});

describe("the reference catalog", () => {
  const source = {
    name: "J0834",
    raRad: 2.2467,
    decRad: 0.9699,
    fluxJy: 0.25,
    referenceFrequencyHz: 1.4e9,
    spectralIndex: -0.75,
  };

  test("is read as it was written", () => {
    const path = join(folder, "catalog.csv");
    writeReferenceCatalog(path, [source]);

    const [read] = readReferenceCatalog(path);

    assert.equal(read!.name, "J0834");
    assert.ok(Math.abs(read!.raRad - source.raRad) < 2e-9);
    assert.ok(Math.abs(fluxAtJy(source, 2.8e9) - 0.25 * 2 ** -0.75) < 1e-12);
  });

  test("names file, line and column of a bad value", () => {
    const path = join(folder, "bad.csv");
    writeReferenceCatalog(path, [source]);
    writeFileSync(
      path,
      "name,ra_deg,dec_deg,flux_jy,reference_frequency_hz,spectral_index\na,1,91,1,1,0",
    );

    assert.throws(
      () => readReferenceCatalog(path),
      /bad\.csv: line 2, column dec_deg is 91, expected/,
    );
  });
});
