import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, test } from "vitest";
import { fluxAtJy, readReferenceCatalog, writeReferenceCatalog } from "./reference-catalog.ts";
import { calibratorFluxJy, findCalibrator, readVlaCalibrators } from "./vla-calibrators.ts";

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

  test.each(["1331+305", "J1331+305", "B1328+307", "3C286"])("knows 3C286 as %s", (name) => {
    assert.equal(findCalibrator(calibrators, name).name, "1331+305");
  });

  // A survey is no name, a name's part is none, and neither is a name without its epoch's B.
  test.each(["JVAS", "CJ2", "VERA", "", "1331+30", "331+305", "3C28", "1328+307", "3c286"])(
    "has no calibrator named %j",
    (name) => {
      assert.throws(() => findCalibrator(calibrators, name), /no 20 cm flux/);
    },
  );

  test.each(["3C279", "3C371", "1911+161"])("has no flux for %s, and puts none in", (name) => {
    assert.throws(() => findCalibrator(calibrators, name), /no 20 cm flux/);
  });

  test("has no two calibrators of one name or alias", () => {
    const names = calibrators.flatMap(({ name, alias }) => (alias === "" ? [name] : [name, alias]));
    assert.equal(new Set(names).size, names.length);
    assert.ok(calibrators.length > 1000);
  });

  // The list's own values at 20 cm. The scale is newer, and 3C138 and 3C196 differ most.
  test.each([
    ["3C286", 202.784533, 30.509155, 15.0],
    ["3C48", 24.422081, 33.159759, 16.5],
    ["3C147", 85.650575, 49.852009, 22.5],
    ["3C138", 80.291192, 16.639459, 8.47],
    ["3C295", 212.836032, 52.202539, 22.8],
    ["3C196", 123.400215, 48.217295, 13.9],
  ])("has %s at its place with a flux within 4 %% of the list's", (name, raDeg, decDeg, listJy) => {
    const { raRad, decRad, fluxJy, standard } = findCalibrator(calibrators, name);

    assert.ok(standard !== undefined);
    assert.ok(Math.abs((raRad * 180) / Math.PI - raDeg) < 2e-6, `${raRad}`);
    assert.ok(Math.abs((decRad * 180) / Math.PI - decDeg) < 2e-6, `${decRad}`);
    assert.ok(Math.abs(fluxJy / listJy - 1) < 0.04, `${fluxJy} Jy, the list has ${listJy}`);
  });

  test("gives fluxes over our band and refuses frequencies it knows nothing of", () => {
    const standard = findCalibrator(calibrators, "3C286");
    const other = findCalibrator(calibrators, "0834+555");

    assert.ok(Math.abs(calibratorFluxJy(standard, 1.4e9) - 15.084) < 0.001);
    assert.ok(Math.abs(calibratorFluxJy(other, 1.4e9) - 8.8) < 1e-12);
    // 8.8 · (1.49875 / 1.4)^−0.3632
    assert.ok(Math.abs(calibratorFluxJy(other, 1.49875e9) - 8.5849) < 0.001);
    assert.throws(() => calibratorFluxJy(other, 1.4), /the flux of 0834\+555 is known from/);
  });
});

describe("a damaged calibrator list", () => {
  const header =
    "name_j2000,name_b1950,alt_name,position_code,ra_deg,dec_deg,band,quality_ABCD,flux_jy";
  test.each([
    ["0001+192,2358+189,,A,0.28,19.2,20cm,PPPP,about 2", /line 2, column flux_jy is "about 2"/],
    ["0001+192,2358+189,,A,0.28,119.2,20cm,PPPP,2", /line 2, column dec_deg is 119\.2/],
    ["0001+192,2358+189,,A,0.28,19.2,20cm,PPZP,2", /line 2, column quality_ABCD is "PPZP"/],
  ])("is refused at the line and column: %s", (line, message) => {
    const path = join(folder, "damaged.csv");
    writeFileSync(path, `${header}\n${line}\n`);

    assert.throws(() => readVlaCalibrators(path), message);
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
