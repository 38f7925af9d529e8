/**
 * The test that settles signs: a source that was put into the sky is imaged by WSClean, which
 * shares no code with us, and must stand where it was put.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ARCSEC_RAD, DEGREE_RAD, earthOrientation, icrsOfHourAngleDec } from "@contimg/astro";
import type { RaDec } from "@contimg/astro";
import { isCasacoreAvailable, openTable } from "@contimg/casacore";
import { isHdf5Available, readFitsImage } from "@contimg/formats";
import { SITE, writePointSourceGroup } from "@contimg/testkit";
import { afterAll, beforeAll, describe, test } from "vitest";

import { convertGroup } from "./convert-group.ts";

const ENVIRONMENT = { ...process.env, OPENBLAS_NUM_THREADS: "1" };
const wscleanExists =
  isCasacoreAvailable() &&
  isHdf5Available() &&
  spawnSync("wsclean", ["--version"], { env: ENVIRONMENT }).status === 0;
const aoflaggerExists = wscleanExists && spawnSync("aoflagger", ["--version"]).status === 0;

const CELL_ARCSEC = 3;
const PIXEL_COUNT = 512;
const START_MJD = 61_065.934_78;
const TIME_COUNT = 24;

describe.skipIf(!wscleanExists)("a source 10 arcmin off the phase center", () => {
  let folder: string;
  let measurementSet: string;
  let center: RaDec;
  let source: RaDec;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "sky-"));
    measurementSet = join(folder, "group.ms");
    const midMjd = START_MJD + ((TIME_COUNT - 1) / 2) * (12.884_902 / 86_400);
    const earth = earthOrientation(midMjd, SITE);
    source = icrsOfHourAngleDec(earth, -0.2 * DEGREE_RAD, (54.57 + 0.13) * DEGREE_RAD);
    const inputPaths = writePointSourceGroup({
      folder,
      startMjd: START_MJD,
      timeCount: TIME_COUNT,
      // Fine channels: at 10 arcmin and 2.6 km a channel of 2 MHz smears nothing.
      subbandCount: 2,
      channelCount: 48,
      sources: [{ ...source, fluxJy: 1 }],
    });
    ({ center } = await convertGroup({ inputPaths, outputPath: measurementSet }));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("appears at its place within half an arcsecond, a twentieth of the beam", async () => {
    const { offArcsec, peakJy } = await findSource("right");
    assert.ok(offArcsec < 0.5, `${offArcsec}″ off`);
    assert.ok(Math.abs(peakJy - 1) < 0.03, `1 Jy came out as ${peakJy} Jy`);
  });

  test("appears elsewhere when the sign of uvw is wrong", async () => {
    changeMeasurementSet("UVW", 3, (uvwM) => uvwM.map((value) => -value));
    const { offArcsec } = await findSource("mirrored");
    changeMeasurementSet("UVW", 3, (uvwM) => uvwM.map((value) => -value));
    // A turn by half a circle: twice the offset from the center away.
    assert.ok(offArcsec > 600, `only ${offArcsec}″ off`);
  });

  test.skipIf(!aoflaggerExists)("is left alone by AOFlagger, which opens the file", () => {
    const run = spawnSync("aoflagger", [measurementSet], { encoding: "utf8" });
    assert.equal(run.status, 0, run.stdout + run.stderr);
    using table = openTable(measurementSet);
    const samples = table.rowCount * 96 * 2;
    const flags = table.getArray("FLAG", 0, table.rowCount, new Uint8Array(samples));
    const flaggedFraction = flags.reduce((sum, flag) => sum + flag, 0) / samples;
    assert.ok(flaggedFraction < 0.2, `${flaggedFraction} of a clean sky is flagged`);
  });

  function changeMeasurementSet(
    column: string,
    length: number,
    change: (values: Float64Array) => Float64Array,
  ): void {
    using table = openTable(measurementSet, { writable: true });
    const values = new Float64Array(length * table.rowCount);
    table.putArray(
      column,
      0,
      table.rowCount,
      change(table.getArray(column, 0, table.rowCount, values)),
    );
  }

  /** Dirty image, its peak, and how far that is from where the source belongs. */
  async function findSource(name: string) {
    const prefix = join(folder, name);
    const scale = [
      "-size",
      String(PIXEL_COUNT),
      String(PIXEL_COUNT),
      "-scale",
      `${CELL_ARCSEC}asec`,
    ];
    const run = spawnSync(
      "wsclean",
      ["-name", prefix, ...scale, "-use-wgridder", "-no-update-model-required", measurementSet],
      { encoding: "utf8", env: ENVIRONMENT },
    );
    assert.equal(run.status, 0, run.stdout);
    const image = await readFitsImage(`${prefix}-image.fits`);
    const peak = peakOf(image.pixels);
    const expected = expectedPixel(center, source);
    const offArcsec = CELL_ARCSEC * Math.hypot(peak.x - expected.x, peak.y - expected.y);
    return { offArcsec, peakJy: peak.value };
  }
});

/** The orthographic projection of FITS (SIN), east to the left, center at pixel N/2 from 0. */
function expectedPixel(center: RaDec, source: RaDec): { x: number; y: number } {
  const difference = source.raRad - center.raRad;
  const l = Math.cos(source.decRad) * Math.sin(difference);
  const m =
    Math.sin(source.decRad) * Math.cos(center.decRad) -
    Math.cos(source.decRad) * Math.sin(center.decRad) * Math.cos(difference);
  const cellRad = CELL_ARCSEC * ARCSEC_RAD;
  return { x: PIXEL_COUNT / 2 - l / cellRad, y: PIXEL_COUNT / 2 + m / cellRad };
}

/** The brightest pixel, refined by a parabola in each axis. */
function peakOf(pixels: Float32Array): { x: number; y: number; value: number } {
  const at = pixels.reduce((best, value, index) => (value > pixels[best]! ? index : best), 0);
  const refine = (step: number): number => {
    const [before, peak, after] = [pixels[at - step]!, pixels[at]!, pixels[at + step]!];
    return (before - after) / (2 * (before - 2 * peak + after));
  };
  return {
    x: (at % PIXEL_COUNT) + refine(1),
    y: Math.floor(at / PIXEL_COUNT) + refine(PIXEL_COUNT),
    value: pixels[at]!,
  };
}
