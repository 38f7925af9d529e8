import assert from "node:assert/strict";

import { ARCSEC_RAD, DEGREE_RAD, skyToPixel, type Wcs } from "@contimg/astro";
import type { CatalogSource } from "@contimg/formats";
import { describe, test } from "vitest";

import { sourcesInField } from "./catalog-field.ts";
import { toCsv } from "./csv.ts";
import { judge } from "../quality/gate.ts";
import { measured } from "../quality/measured.ts";
import { THRESHOLDS } from "../quality/thresholds.ts";
import { measureImage, theoreticalNoiseJy } from "./quality.ts";
import { matchDetections, summarize } from "./validate.ts";

const WCS: Wcs = {
  projection: "SIN",
  referenceRaRad: 0,
  referenceDecRad: 0.9,
  referenceX: 50,
  referenceY: 50,
  radPerPixel: [-3 * ARCSEC_RAD, 0, 0, 3 * ARCSEC_RAD],
};
const RMS = 1e-3;
const OPTIONS = { matchRadiusArcsec: 10, responseMin: 0.3, judgedSnrMin: 8, countedSnrMin: 5 };

describe("validation", () => {
  test("compares at the image's frequency, over the beam, across right ascension 0", () => {
    const { field, catalog } = setup();
    const expected = sourcesInField(catalog, field, 0.2);
    // S ∝ ν^−1 halves from 0.7 to 1.4 GHz; the beam halves it again.
    const pixel = skyToPixel(WCS, catalog[0]!)!;
    const detection = { ...pixel, y: pixel.y + 1, amplitude: 0.05, localRms: RMS, snr: 50 };

    const validated = matchDetections([detection], expected, field, OPTIONS);

    const { match } = validated[0]!;
    assert.equal(match?.name, "A");
    assert.ok(Math.abs(match.fluxRatio - 1) < 1e-9);
    assert.ok(Math.abs(match.northArcsec - 3) < 1e-3 && Math.abs(match.eastArcsec) < 0.01);
  });

  test("counts what should be found, what was, and what nobody knows", () => {
    const { field, catalog } = setup();
    const expected = sourcesInField(catalog, field, 0.2);
    const at = (index: number) => skyToPixel(WCS, catalog[index]!)!;
    const detections = [
      { ...at(0), amplitude: 0.05, localRms: RMS, snr: 50 },
      { x: 90, y: 90, amplitude: 0.006, localRms: RMS, snr: 6 },
      { x: 70, y: 90, amplitude: 0.0047, localRms: RMS, snr: 4.7 },
    ];
    const validated = matchDetections(detections, expected, field, OPTIONS);

    const summary = summarize(validated, expected, () => RMS, OPTIONS);

    // A and B are above 8 sigma, C is at 2, D is on the far side of the sky.
    assert.equal(summary.expected_count, 2);
    assert.equal(summary.found_count, 1);
    assert.equal(summary.unmatched_count, 1);
    assert.equal(summary.completeness, 0.5);
  });

  test("measures the astrometry: an image that is shifted says by how much", () => {
    const { field, catalog } = setup();
    const expected = sourcesInField(catalog, field, 0.2);
    const offsetsOf = (eastArcsec: number, northArcsec: number) => {
      const detections = catalog.slice(0, 2).map((source) => {
        const { x, y } = skyToPixel(WCS, source)!;
        // Pixels of 3 arcsec, east to the left.
        const place = { x: x - eastArcsec / 3, y: y + northArcsec / 3 };
        return { ...place, amplitude: 0.05, localRms: RMS, snr: 50 };
      });
      const validated = matchDetections(detections, expected, field, OPTIONS);
      return summarize(validated, expected, () => RMS, OPTIONS);
    };

    const [exact, shifted] = [offsetsOf(0, 0), offsetsOf(-1.5, 2)];
    const none = summarize([], expected, () => RMS, OPTIONS);

    assert.ok(exact.rms_offset_arcsec! < 0.01, `${exact.rms_offset_arcsec}`);
    assert.ok(Math.abs(shifted.median_east_arcsec! + 1.5) < 0.01, `${shifted.median_east_arcsec}`);
    assert.ok(Math.abs(shifted.median_north_arcsec! - 2) < 0.01, `${shifted.median_north_arcsec}`);
    assert.ok(Math.abs(shifted.rms_offset_arcsec! - 2.5) < 0.01, `${shifted.rms_offset_arcsec}`);
    assert.equal(none.rms_offset_arcsec, null, "nothing was measured, so nothing is said");
  });

  test("of an empty field measures nothing, which is not the same as passing", () => {
    const { field } = setup();
    const summary = summarize(matchDetections([], [], field, OPTIONS), [], () => RMS, OPTIONS);

    const gate = judge("validation", measured({ ...summary }).metrics, THRESHOLDS);

    assert.equal(gate.verdict, "warn");
    assert.ok(gate.findings.some(({ text }) => /completeness .* was not measured/.test(text)));
  });
});

describe("image quality", () => {
  test("knows the noise of 96 antennas, 187.5 MHz and 309 s: 0.20 mJy", () => {
    const noiseJy = theoreticalNoiseJy({
      sefdJy: 6500,
      channelWidthHz: 187.5e6 / 768,
      integrationSeconds: 309.24 / 24,
      visibilityCount: ((96 * 95) / 2) * 768 * 24,
    });
    // The telescope's own figure, which counts both polarizations: σ = SEFD/√(2 N(N−1) Δν t).
    assert.ok(Math.abs(noiseJy - 6500 / Math.sqrt(2 * 96 * 95 * 187.5e6 * 309.24)) < 1e-9);
    assert.ok(Math.abs(noiseJy - 0.2e-3) < 0.01e-3);
  });
});

test("dynamic range is peak over noise: one source among a million pixels counts", () => {
  const width = 1000;
  const wave = (_: unknown, at: number): number => Math.sin(at * 1.618) * RMS;
  const pixels = Float32Array.from({ length: width * width }, wave);
  pixels[500 * width + 500] = 1;
  const beam = { majorArcsec: 12, minorArcsec: 10, positionAngleDeg: 0 };

  const measuredImage = measureImage({ width, height: width, pixels }, beam, RMS);

  // A percentile of the pixels does not see the source at all: it would be about 2.
  assert.equal(measuredImage.peak_jy, 1);
  assert.ok(Math.abs(measuredImage.dynamic_range * measuredImage.rms_jy - 1) < 1e-9);
  assert.ok(measuredImage.dynamic_range > 500, `${measuredImage.dynamic_range}`);
});

test("CSV quotes what needs it and leaves missing numbers empty", () => {
  const rows = [{ name: 'a,"b"', value: 1.5, missing: null }];
  assert.equal(toCsv(["name", "value", "missing"], rows), 'name,value,missing\n"a,""b""",1.5,\n');
});

function setup() {
  const source = (name: string, raDeg: number, decRad: number, fluxJy: number): CatalogSource => ({
    name,
    raRad: raDeg * DEGREE_RAD,
    decRad,
    fluxJy,
    referenceFrequencyHz: 0.7e9,
    spectralIndex: -1,
  });
  const catalog = [
    source("A", 359.995, 0.9, 0.2),
    source("B", 0.01, 0.9003, 0.04),
    source("C", 0.01, 0.8998, 0.008),
    source("D", 180, 0.5, 10),
  ];
  const response = new Float32Array(100 * 100).fill(0.5);
  const field = { wcs: WCS, width: 100, height: 100, response, frequencyHz: 1.4e9 };
  return { catalog, field };
}
