import assert from "node:assert/strict";

import { createRandom, synthesizeImage, type TrueSource } from "@contimg/testkit";
import { describe, test } from "vitest";

import { ARCSEC_RAD } from "../angle.ts";
import { beamKernel, beamValue, placeErrorRad } from "./beam.ts";
import { findSources } from "./find-sources.ts";
import { fitComponents } from "./fit-gaussian.ts";
import { measureForced } from "./photometry.ts";
import { robustMoments } from "./statistics.ts";

/** A tile's beam: 34″ × 10″ on 3″ pixels. */
const BEAM = { majorRad: 34 * ARCSEC_RAD, minorRad: 10 * ARCSEC_RAD, positionAngleRad: 1.85 };
const CELL = 3 * ARCSEC_RAD;
const KERNEL = beamKernel(BEAM, CELL);
const RMS = 0.5e-3;
const SIDE = 640;

describe("the beam", () => {
  test("is at half power half a FWHM along either axis, and covers the area of the formula", () => {
    const along = 17 / 3;
    const across = 5 / 3;
    const [ux, uy] = [-Math.sin(1.85), Math.cos(1.85)];

    assert.ok(Math.abs(beamValue(KERNEL, along * ux, along * uy) - 0.5) < 1e-12);
    assert.ok(Math.abs(beamValue(KERNEL, across * uy, -across * ux) - 0.5) < 1e-12);
    const area = (Math.PI * 34 * 10) / (4 * Math.LN2) / 9;
    assert.ok(Math.abs(KERNEL.areaPixels - area) < 1e-9);
  });
});

describe("a fit of beams", () => {
  test("recovers two blended sources without noise", () => {
    const truth = [
      { x: 40.3, y: 41.7, flux: 2 },
      { x: 46.1, y: 38.2, flux: 1 },
    ];
    const plane = synthesizeImage({ side: 90, kernel: KERNEL, sources: truth, rms: 0, seed: 1 });

    const fit = fitComponents(plane, KERNEL, [
      { amplitude: 1.7, x: 40, y: 42 },
      { amplitude: 1.2, x: 47, y: 38 },
    ]);

    assert.ok(fit.converged);
    for (const [index, source] of truth.entries()) {
      const fitted = fit.components[index]!;
      assert.ok(Math.abs(fitted.amplitude - source.flux) < 1e-5);
      assert.ok(Math.hypot(fitted.x - source.x, fitted.y - source.y) < 1e-4);
    }
  });
});

describe("forced photometry", () => {
  const truth = scatterSources(60, { from: 8, to: 60 });
  const plane = synthesizeImage({ side: SIDE, kernel: KERNEL, sources: truth, rms: RMS, seed: 3 });
  const measured = measureForced(plane, KERNEL, truth);

  test("has no bias, and errors that tell its scatter, on noise correlated like the beam", () => {
    const pulls = measured.map(({ flux, fluxError }, index) => {
      return (flux - truth[index]!.flux) / fluxError;
    });

    const { median, rms } = robustMoments(pulls);
    assert.ok(Math.abs(median) < 0.4, `bias of ${median} errors`); // 3 σ of a mean of 60
    assert.ok(rms > 0.75 && rms < 1.3, `scatter of ${rms} errors`);
  });

  test("knows the local noise to 10 %", () => {
    const noises = measured.map(({ localRms }) => localRms / RMS);
    const { median, rms } = robustMoments(noises);
    assert.ok(Math.abs(median - 1) < 0.05 && rms < 0.1, `${median} ± ${rms}`);
  });

  test("finds places that are off by as much as their errors say", () => {
    const pulls = measured.map(({ centroid, flux, localRms }, index) => {
      assert.ok(centroid);
      const { x, y } = truth[index]!;
      const error = placeErrorRad(BEAM, flux / localRms) / CELL;
      return Math.hypot(centroid.x - x, centroid.y - y) / error;
    });
    const rms = Math.sqrt(pulls.reduce((sum, pull) => sum + pull * pull, 0) / pulls.length);
    assert.ok(rms > 0.8 && rms < 1.25, `${rms} errors`);
  });

  test("tells two sources apart that are closer than a beam", () => {
    const pair: TrueSource[] = [
      { x: 60, y: 60, flux: 1 },
      { x: 65, y: 59, flux: 0.25 },
    ];
    const blend = synthesizeImage({ side: 130, kernel: KERNEL, sources: pair, rms: 1e-4, seed: 5 });

    const [first, second] = measureForced(blend, KERNEL, pair);

    assert.ok(Math.abs(first!.flux - 1) < 1e-3);
    assert.ok(Math.abs(second!.flux - 0.25) < 1e-3);
    assert.equal(second!.neighborCount, 1);
    const alone = measureForced(blend, KERNEL, [pair[1]!])[0]!;
    assert.ok(alone.flux > 0.5, "the pair does overlap: measured alone it takes the other's flux");
  });

  test("has no number where the image has none", () => {
    const plane = synthesizeImage({ side: 200, kernel: KERNEL, sources: [], rms: RMS, seed: 7 });
    plane.pixels.fill(NaN, 0, 200 * 100);

    const [masked, outside, behind] = measureForced(plane, KERNEL, [
      { x: 100, y: 40 },
      { x: 250, y: 150 },
      undefined,
    ]);

    for (const none of [masked, outside, behind]) assert.ok(Number.isNaN(none!.flux));
  });
});

describe("source finding", () => {
  const options = { kernel: KERNEL, thresholdSigma: 5, noiseBoxPixels: 128, holeBoxPixels: 48 };

  test("finds nine of ten sources from 5 to 8 sigma", () => {
    const truth = scatterSources(400, { from: 5, to: 8 }, 1600);
    const plane = synthesizeImage({
      side: 1600,
      kernel: KERNEL,
      sources: truth,
      rms: RMS,
      seed: 23,
    });

    const found = findSources(plane, { ...options, thresholdSigma: 4.25 });

    const isFound = ({ x, y }: TrueSource): boolean =>
      found.some((source) => Math.hypot(source.x - x, source.y - y) < 6);
    const count = truth.filter(isFound).length;
    // Evenly spread sources lose 4 % to noise below 4.25 sigma; more of these are near 5.
    assert.ok(count >= 0.9 * truth.length, `found ${count} of ${truth.length}`);
  });

  test("finds every source above 8 sigma once, and nothing else", () => {
    const truth = scatterSources(60, { from: 8, to: 200 });
    const plane = synthesizeImage({
      side: SIDE,
      kernel: KERNEL,
      sources: truth,
      rms: RMS,
      seed: 11,
    });

    const found = findSources(plane, options);

    for (const { x, y, flux } of truth) {
      const near = found.filter((source) => Math.hypot(source.x - x, source.y - y) < 5);
      assert.equal(near.length, 1, `${(flux / RMS).toFixed(1)} sigma at ${x}, ${y}`);
    }
    assert.equal(found.length, truth.length);
  });

  test("finds nothing in noise", () => {
    const plane = synthesizeImage({ side: SIDE, kernel: KERNEL, sources: [], rms: RMS, seed: 13 });
    assert.deepEqual(findSources(plane, options), []);
  });

  test("does not believe peaks beside holes as deep", () => {
    const artefacts = [
      { x: 300, y: 300, flux: 10 * RMS },
      { x: 320, y: 330, flux: -10 * RMS },
    ];
    const plane = synthesizeImage({
      side: SIDE,
      kernel: KERNEL,
      sources: artefacts,
      rms: RMS,
      seed: 17,
    });
    assert.deepEqual(findSources(plane, options), []);
  });

  test("does not believe a peak whose mirror image about a bright source is a hole", () => {
    const sources = [
      { x: 320, y: 320, flux: 1200 * RMS },
      { x: 420, y: 321, flux: 9 * RMS },
      { x: 220, y: 319, flux: -8 * RMS },
      // Nothing is opposite to these, and a source of this brightness leaves nothing so strong.
      { x: 330, y: 500, flux: 9 * RMS },
      { x: 90, y: 120, flux: 150 * RMS },
      { x: 150, y: 130, flux: 9 * RMS },
    ];
    const plane = synthesizeImage({ side: SIDE, kernel: KERNEL, sources, rms: RMS, seed: 29 });

    const found = findSources(plane, { ...options, holeBoxPixels: 16 });

    const places = found.map(({ x, y }) => [Math.round(x / 10) * 10, Math.round(y / 10) * 10]);
    assert.deepEqual(places.slice(0, 2), [
      [320, 320],
      [90, 120],
    ]);
    assert.deepEqual(
      places.slice(2).toSorted(([a], [b]) => a! - b!),
      [
        [150, 130],
        [330, 500],
      ],
    );
  });

  test("finds what lies at the edge, and not what lies beyond it", () => {
    const sources = [
      { x: 4.3, y: 320, flux: 15 * RMS },
      { x: 400, y: SIDE - 3.6, flux: 15 * RMS },
      { x: -3, y: 150, flux: 100 * RMS },
    ];
    const plane = synthesizeImage({ side: SIDE, kernel: KERNEL, sources, rms: RMS, seed: 31 });

    const places = findSources(plane, options).map(({ x, y }) => [Math.round(x), Math.round(y)]);

    assert.equal(places.length, 2, JSON.stringify(places));
    for (const { x, y } of sources.slice(0, 2))
      assert.ok(
        places.some((place) => Math.hypot(place[0]! - x, place[1]! - y) < 3),
        JSON.stringify(places),
      );
  });

  test("does not believe a peak on a bright source's sidelobe, but one beside it", () => {
    const sources = [
      { x: 200, y: 200, flux: 2 },
      { x: 400, y: 200, flux: 0.005 },
      { x: 200, y: 450, flux: 0.005 },
    ];
    const plane = synthesizeImage({ side: SIDE, kernel: KERNEL, sources, rms: RMS, seed: 19 });
    const lobes = [
      { x: SIDE / 2, y: SIDE / 2, flux: 1 },
      { x: SIDE / 2 + 200, y: SIDE / 2, flux: 0.06 },
    ];
    const psf = synthesizeImage({ side: SIDE, kernel: KERNEL, sources: lobes, rms: 0, seed: 0 });

    const response = new Float32Array(SIDE * SIDE).fill(0.5);
    const found = findSources(plane, { ...options, psf, response });

    const places = found.map(({ x, y }) => [Math.round(x / 10) * 10, Math.round(y / 10) * 10]);
    assert.deepEqual(places, [
      [200, 200],
      [200, 450],
    ]);
  });
});

/** On a loose grid, so that none overlap; fluxes spread evenly in the logarithm [σ]. */
function scatterSources(
  count: number,
  sigmas: { from: number; to: number },
  side = SIDE,
): TrueSource[] {
  const random = createRandom(101);
  const columnCount = Math.ceil(Math.sqrt(count));
  const step = side / columnCount;
  return Array.from({ length: count }, (_, index) => ({
    x: ((index % columnCount) + 0.35 + 0.3 * random()) * step,
    y: (Math.floor(index / columnCount) + 0.35 + 0.3 * random()) * step,
    flux: RMS * sigmas.from * (sigmas.to / sigmas.from) ** random(),
  }));
}
