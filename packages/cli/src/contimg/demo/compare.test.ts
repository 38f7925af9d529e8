import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { compareTile, summarize } from "./compare.ts";

const truth = {
  group_id: "2026-01-25T22:26:05",
  sources: [
    { name: "bright", ra_deg: 359.9999, dec_deg: 55, mid_band_flux_jy: 1 },
    { name: "lost", ra_deg: 10, dec_deg: 55, mid_band_flux_jy: 0.1 },
    { name: "faint", ra_deg: 12, dec_deg: 55, mid_band_flux_jy: 0.007 },
  ],
};

describe("a tile compared with its truth", () => {
  test("counts sources above 8 σ of the local noise, found or not", () => {
    const tile = compareTile(truth, photometry(), detections([0.0003, 55]));

    assert.deepEqual(
      tile.sources.map(({ name, found, fluxRatio }) => ({ name, found, fluxRatio })),
      [
        { name: "bright", found: true, fluxRatio: 0.99 },
        { name: "lost", found: false, fluxRatio: 1.01 },
      ],
    );
  });

  test("calls a detection false when nothing was injected there, however faint", () => {
    const tile = compareTile(truth, photometry(), detections([12, 55], [20, 55]));

    assert.equal(tile.falseDetections, 1);
  });

  test("calls none false below 5 σ, where noise makes peaks", () => {
    const weak = { sources: [{ ra_deg: 20, dec_deg: 55, snr: 4.9 }] };

    assert.equal(compareTile(truth, photometry(), weak).falseDetections, 0);
  });

  test("counts faint sources apart, found or not", () => {
    const tile = compareTile(truth, photometry(), detections([12, 55]));
    const missed = compareTile(truth, photometry(), detections());

    assert.deepEqual(tile.faint, { injected: 1, found: 1 });
    assert.deepEqual(missed.faint, { injected: 1, found: 0 });
  });

  test("expects of a bright source an error of a hundredth, of a faint one its noise", () => {
    const { sources } = compareTile(truth, photometry(), detections());

    const [bright, lost] = sources.map(({ fluxPull }) => fluxPull);
    assert.ok(Math.abs(bright! + 0.01 / Math.hypot(0.001, 0.01)) < 1e-9);
    assert.ok(Math.abs(lost! - 0.001 / Math.hypot(0.001, 0.001)) < 1e-9);
  });

  test("sums up over tiles", () => {
    const tile = compareTile(truth, photometry(), detections([0, 55]));

    const summary = summarize([tile, tile]);

    assert.equal(summary.medianFluxRatio, 1);
    assert.equal(summary.injectedAbove8Sigma, 4);
    assert.equal(summary.found, 2);
    assert.equal(summary.medianOffsetArcsec, 0.2);
    assert.ok(Math.abs(summary.rmsOffsetArcsec! - 0.2) < 1e-12);
    assert.ok(Math.abs(summary.offsetPull! - 2) < 1e-12);
    assert.deepEqual([summary.foundFaint, summary.injectedFaint], [0, 2]);
    assert.ok(Math.abs((summary.fluxRatioStd ?? 0) - 0.01 * Math.sqrt(4 / 3)) < 1e-9);
  });

  test("judges no place that the noise alone may move too far", () => {
    const { measurements } = photometry();
    const noisy = measurements.map((each) => ({ ...each, offset_error_arcsec: 0.31 }));
    const tile = compareTile(truth, { measurements: noisy }, detections());

    assert.equal(summarize([tile]).rmsOffsetArcsec, null);
  });

  test("has no medians without sources", () => {
    assert.equal(summarize([]).medianFluxRatio, null);
  });
});

function photometry() {
  const row = (
    source_name: string,
    flux_jy: number,
    offset_arcsec: number | null,
    offset_error_arcsec: number | null,
  ) => ({
    ...{ source_name, ra_deg: 0, dec_deg: 55, flux_jy, flux_error_jy: 0.001, snr: 100 },
    ...{ local_rms_jy: 0.001, offset_arcsec, offset_error_arcsec },
  });
  return {
    measurements: [
      row("bright", 0.99, 0.2, 0.1),
      row("lost", 0.101, null, null),
      row("faint", 0, 1, 1),
    ],
  };
}

function detections(...positions: [number, number][]) {
  return { sources: positions.map(([ra_deg, dec_deg]) => ({ ra_deg, dec_deg, snr: 9 })) };
}
