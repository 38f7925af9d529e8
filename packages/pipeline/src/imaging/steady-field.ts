/**
 * A copy of a calibrated Measurement Set in which the field stands still, for imaging.
 *
 * The dishes stand and the sky drifts, so the apparent flux of a source changes within a tile, by
 * a tenth at half power and by half where the beam is at a quarter, and with frequency. CLEAN's
 * model is constant, so sidelobes of what changes stay in the image. Of each bright catalogue
 * source in the image that change is taken off: apparent flux minus its own mean over the tile,
 * by the weights, so that the mean, which the image measures, stays the sky's. What averaging of
 * channels took of such a source is given back. Catalogue sources beyond the image, which CLEAN
 * cannot reach, are taken off whole. Of one that is much brighter or fainter today than in the
 * catalogue, or gone, as much as the data have (catalog-scale.ts).
 */
import { cpSync } from "node:fs";

import {
  apparentHourAngleDec,
  driftingSources,
  earthOrientation,
  type PointSource,
  type PointSources,
  separationRad,
} from "@contimg/astro";
import { openTable } from "@contimg/casacore";
import { subtractSources } from "@contimg/formats";

import { type ChannelAveraging, readAveraging } from "../calibration/calibrated-copy.ts";
import { pointingOf } from "../calibration/pointing.ts";
import { antennaUvwAt } from "../calibration/solve-gains.ts";
import {
  openVisibilitySet,
  type StoredSet,
  type VisibilitySet,
} from "../calibration/visibility-set.ts";
import { PipelineError } from "../errors.ts";
import { measureScales } from "./catalog-scale.ts";

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
  /** Not as bright as in the catalogue, so as much as the data have was taken off. */
  readonly rescaledCount: number;
}

/** Farther off the axis nothing but the Sun is seen. */
const OFF_AXIS_MAX_RAD = 10 * (Math.PI / 180);

/** Of a channel's width: the phase of the longest baseline is off by a thousandth of a turn. */
const STEP_TOLERANCE = 1e-3;

/** Writes the copy at `copyPath`; `path` is not touched. */
export function steadyField(path: string, copyPath: string, options: SteadyOptions): SteadyReport {
  using set = openVisibilitySet(path);
  const plan = planField(set, options);
  cpSync(path, copyPath, { recursive: true });
  using main = openTable(copyPath, { writable: true });
  const [channelCount, polarizationCount] = [set.frequencyHz.length, set.correlationTypes.length];
  const { firstHz, stepHz } = evenSteps(set);
  const { averaging } = plan;
  const rowsMax = Math.max(...set.integrations.map(({ rowCount }) => rowCount));
  const buffer = new Float32Array(2 * rowsMax * channelCount * polarizationCount);
  for (const [time, { firstRow, rowCount }] of set.integrations.entries()) {
    const vis = buffer.subarray(0, 2 * rowCount * channelCount * polarizationCount);
    main.getArray("DATA", firstRow, rowCount, vis);
    const { pathM, apparentFluxJy: fluxJy, sourceCount } = plan.sourcesAt(time);
    subtractSources({
      ...{ antennaCount: set.antennas.names.length, sourceCount, rowCount },
      ...{ channelCount, polarizationCount },
      antenna1: set.antenna1.subarray(firstRow, firstRow + rowCount),
      antenna2: set.antenna2.subarray(firstRow, firstRow + rowCount),
      ...{ pathM, fluxJy, steadyJy: plan.steadyJy, firstHz, stepHz, vis },
      ...{ partCount: averaging.count, partHz: averaging.widthHz },
    });
    main.putArray("DATA", firstRow, rowCount, vis);
    options.onProgress?.((time + 1) / set.integrations.length);
  }
  return plan.report;
}

/** @throws {PipelineError} MalformedFile when channels are not evenly spaced */
function evenSteps({ path, frequencyHz }: VisibilitySet): { firstHz: number; stepHz: number } {
  const firstHz = frequencyHz[0]!;
  const stepHz = (frequencyHz.at(-1)! - firstHz) / Math.max(1, frequencyHz.length - 1);
  const stray = frequencyHz.findIndex((hz, channel) => {
    return Math.abs(hz - firstHz - channel * stepHz) > STEP_TOLERANCE * Math.abs(stepHz);
  });
  if (stray < 0) return { firstHz, stepHz };
  const message =
    `${path}: channel ${stray} of SPECTRAL_WINDOW is at ${frequencyHz[stray]!} Hz, expected ` +
    `${firstHz + stray * stepHz}, evenly spaced; or image with uses_field_sources false`;
  throw new PipelineError("MalformedFile", message, { path, field: "CHAN_FREQ" });
}

interface FieldPlan {
  readonly report: SteadyReport;
  readonly averaging: ChannelAveraging;
  /** What is to be left of each source. */
  readonly steadyJy: Float64Array;
  /** The sources as an integration sees them. */
  readonly sourcesAt: (time: number) => PointSources;
}

function planField(set: StoredSet, options: SteadyOptions): FieldPlan {
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
  const averaging = readAveraging(set.path);
  const mean = near.map((_, index) => meanFlux(seen, index, options.weights));
  const scales = measureScales(set, seen, mean, averaging);
  const isInside = near.map(options.isInImage);
  const steady = mean.map((jy, index) => (isInside[index] === true ? jy : 0));
  const chosen = near
    .map((_, index) => index)
    .filter((index) => change(seen, index, steady[index]!, options.weights) >= options.changeMinJy);
  return {
    report: {
      steadiedCount: chosen.filter((index) => isInside[index]).length,
      removedCount: chosen.filter((index) => !isInside[index]).length,
      rescaledCount: chosen.filter((index) => scales[index] !== 1).length,
    },
    averaging,
    steadyJy: Float64Array.from(chosen, (index) => steady[index]! * scales[index]!),
    sourcesAt: (time) => pick(seen[time]!, chosen, scales),
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

function pick(all: PointSources, chosen: readonly number[], scales: Float64Array): PointSources {
  const antennaCount = all.pathM.length / all.sourceCount;
  const channelCount = all.apparentFluxJy.length / all.sourceCount;
  const rows = (values: Float64Array, width: number): Float64Array => {
    const picked = new Float64Array(chosen.length * width);
    for (const [to, from] of chosen.entries())
      picked.set(values.subarray(from * width, (from + 1) * width), to * width);
    return picked;
  };
  const fluxes = rows(all.apparentFluxJy, channelCount);
  return {
    pathM: rows(all.pathM, antennaCount),
    apparentFluxJy: fluxes.map((jy, at) => jy * scales[chosen[Math.floor(at / channelCount)]!]!),
    sourceCount: chosen.length,
  };
}
