/**
 * A copy of a calibrated Measurement Set in which the field stands still, for imaging.
 *
 * The dishes stand and the sky drifts, so the apparent flux of a source changes within a tile, by
 * a tenth at half power and by half where the beam is at a quarter, and with frequency. CLEAN's
 * model is constant, so sidelobes of what changes stay in the image. Of each bright catalogue
 * source in the image that change is taken off: apparent flux minus its own mean over the tile,
 * by the weights, so that the mean, which the image measures, stays the sky's. Catalogue sources
 * beyond the image, which CLEAN cannot reach, are taken off whole.
 */
import { cpSync } from "node:fs";

import {
  apparentHourAngleDec,
  driftingSources,
  earthOrientation,
  type PointSource,
  type PointSources,
  separationRad,
  subtractSources,
} from "@contimg/astro";
import { openTable } from "@contimg/casacore";

import { pointingOf } from "../calibration/pointing.ts";
import { antennaUvwAt } from "../calibration/solve-gains.ts";
import { openVisibilitySet, type VisibilitySet } from "../calibration/visibility-set.ts";

export interface SteadyOptions {
  readonly catalog: readonly PointSource[];
  /** Whether the image shows a source's place. */
  readonly isInImage: (source: PointSource) => boolean;
  /** Sums of the weights; shape [time, channel]. */
  readonly weights: Float64Array;
  /** Sources that change by less, rms over the tile, are left alone [Jy]. */
  readonly changeMinJy: number;
  readonly onProgress?: (fraction: number) => void;
}

export interface SteadyReport {
  /** In the image: their change was taken off. */
  readonly steadiedCount: number;
  /** Beyond the image: taken off whole. */
  readonly removedCount: number;
}

/** Farther off the axis nothing but the Sun is seen. */
const OFF_AXIS_MAX_RAD = 10 * (Math.PI / 180);

/** Writes the copy at `copyPath`; `path` is not touched. */
export function steadyField(path: string, copyPath: string, options: SteadyOptions): SteadyReport {
  using set = openVisibilitySet(path);
  const plan = planField(set, options);
  cpSync(path, copyPath, { recursive: true });
  using main = openTable(copyPath, { writable: true });
  const [channelCount, polarizationCount] = [set.frequencyHz.length, set.correlationTypes.length];
  const rowsMax = Math.max(...set.integrations.map(({ rowCount }) => rowCount));
  const buffer = new Float32Array(2 * rowsMax * channelCount * polarizationCount);
  for (const [time, { firstRow, rowCount }] of set.integrations.entries()) {
    const vis = buffer.subarray(0, 2 * rowCount * channelCount * polarizationCount);
    main.getArray("DATA", firstRow, rowCount, vis);
    const rows = {
      antenna1: set.antenna1.subarray(firstRow, firstRow + rowCount),
      antenna2: set.antenna2.subarray(firstRow, firstRow + rowCount),
    };
    const slab = { vis, flags: NO_FLAGS, rowCount, channelCount, polarizationCount };
    subtractSources(slab, rows, plan.sourcesAt(time), set.frequencyHz);
    main.putArray("DATA", firstRow, rowCount, vis);
    options.onProgress?.((time + 1) / set.integrations.length);
  }
  return plan.report;
}

const NO_FLAGS = new Uint8Array(0);

interface FieldPlan {
  readonly report: SteadyReport;
  /** What is to be taken off an integration. */
  readonly sourcesAt: (time: number) => PointSources;
}

function planField(set: VisibilitySet, options: SteadyOptions): FieldPlan {
  const pointing = pointingOf(set);
  const middle = earthOrientation(pointing.midMjd, pointing.site);
  const near = options.catalog.filter((source) => {
    if (source.fluxJy < options.changeMinJy) return false;
    const place = apparentHourAngleDec(middle, source.raRad, source.decRad);
    const axisDec = pointing.declinationRad;
    return separationRad(place.hourAngleRad, place.decRad, 0, axisDec) < OFF_AXIS_MAX_RAD;
  });
  const view = {
    phaseCenter: set.field,
    pointingDecRad: pointing.declinationRad,
    frequencyHz: set.frequencyHz,
    dishDiameterM: set.antennas.dishDiameterM[0]!,
  };
  const seen = set.integrations.map((integration) => {
    const orientation = earthOrientation(integration.timeMjd, pointing.site);
    return driftingSources(near, view, orientation, antennaUvwAt(set, integration));
  });
  const isInside = near.map(options.isInImage);
  const steady = near.map((_, index) =>
    isInside[index] === true ? meanFlux(seen, index, options.weights) : 0,
  );
  const chosen = near
    .map((_, index) => index)
    .filter((index) => change(seen, index, steady[index]!, options.weights) >= options.changeMinJy);
  return {
    report: {
      steadiedCount: chosen.filter((index) => isInside[index]).length,
      removedCount: chosen.filter((index) => !isInside[index]).length,
    },
    sourcesAt: (time) => pick(seen[time]!, chosen, steady),
  };
}

function meanFlux(seen: readonly PointSources[], index: number, weights: Float64Array): number {
  return weighted(seen, index, weights, (flux) => flux);
}

/** Rms over times and channels of what is taken off [Jy]. */
function change(
  seen: readonly PointSources[],
  index: number,
  steadyJy: number,
  weights: Float64Array,
): number {
  return Math.sqrt(weighted(seen, index, weights, (flux) => (flux - steadyJy) ** 2));
}

function weighted(
  seen: readonly PointSources[],
  index: number,
  weights: Float64Array,
  of: (fluxJy: number) => number,
): number {
  const channelCount = weights.length / seen.length;
  let sum = 0;
  let total = 0;
  for (const [time, { apparentFluxJy }] of seen.entries()) {
    for (let channel = 0; channel < channelCount; channel += 1) {
      const weight = weights[time * channelCount + channel]!;
      sum += weight * of(apparentFluxJy[index * channelCount + channel]!);
      total += weight;
    }
  }
  return sum / total;
}

function pick(
  all: PointSources,
  chosen: readonly number[],
  steadyJy: readonly number[],
): PointSources {
  const antennaCount = all.pathM.length / all.sourceCount;
  const channelCount = all.apparentFluxJy.length / all.sourceCount;
  const pathM = new Float64Array(chosen.length * antennaCount);
  const apparentFluxJy = new Float64Array(chosen.length * channelCount);
  for (const [to, from] of chosen.entries()) {
    const path = all.pathM.subarray(from * antennaCount, (from + 1) * antennaCount);
    pathM.set(path, to * antennaCount);
    for (let channel = 0; channel < channelCount; channel += 1)
      apparentFluxJy[to * channelCount + channel] =
        all.apparentFluxJy[from * channelCount + channel]! - steadyJy[from]!;
  }
  return { pathM, apparentFluxJy, sourceCount: chosen.length };
}
