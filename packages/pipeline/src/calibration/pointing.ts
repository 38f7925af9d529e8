/** Where a drift scan's beam stands, from what a Measurement Set says of itself. */
import {
  apparentHourAngleDec,
  earthOrientation,
  type RaDec,
  SECONDS_PER_DAY,
  type Site,
} from "@contimg/astro";

import { openTable } from "@contimg/casacore";

import { arraySite } from "../array-site.ts";
import { PipelineError } from "../errors.ts";
import type { VisibilitySet } from "./visibility-set.ts";

export interface Pointing {
  readonly site: Site;
  readonly midMjd: number;
  /** Apparent: the beam is at hour angle 0. */
  readonly declinationRad: number;
}

/**
 * The conversion puts the phase center where the beam stands at the middle of the observation, so
 * its apparent declination then is the beam's.
 */
export function pointingAt(midMjd: number, phaseCenter: RaDec, site: Site): Pointing {
  const orientation = earthOrientation(midMjd, site);
  const { decRad } = apparentHourAngleDec(orientation, phaseCenter.raRad, phaseCenter.decRad);
  return { site, midMjd, declinationRad: decRad };
}

export function pointingOf(set: VisibilitySet): Pointing {
  const midMjd = (set.startMjd + set.endMjd) / 2;
  return pointingAt(midMjd, set.field, arraySite(set.antennas.positionsM));
}

/**
 * The pointing of a Measurement Set from its small tables alone, in milliseconds.
 * @throws {PipelineError} MalformedFile
 */
export function readPointing(path: string): Pointing {
  try {
    using main = openTable(path);
    using antennas = openTable(`${path}/ANTENNA`);
    using fields = openTable(`${path}/FIELD`);
    const rowCount = main.rowCount;
    const edge = new Float64Array(1);
    const firstSeconds = main.getScalars("TIME", 0, 1, edge)[0]!;
    const lastSeconds = main.getScalars("TIME", rowCount - 1, 1, edge)[0]!;
    const count = antennas.rowCount;
    const positionsM = antennas.getArray("POSITION", 0, count, new Float64Array(3 * count));
    const [raRad = NaN, decRad = NaN] = fields.getDoubles("PHASE_DIR", 0);
    const midMjd = (firstSeconds + lastSeconds) / 2 / SECONDS_PER_DAY;
    return pointingAt(midMjd, { raRad, decRad }, arraySite(positionsM));
  } catch (cause) {
    throw new PipelineError(
      "MalformedFile",
      `${path} does not say when and where it was observed: ${String(cause)}`,
      { path },
      { cause },
    );
  }
}

/** The channels of a Measurement Set. @throws {PipelineError} MalformedFile */
export function readBand(path: string): { frequencyHz: Float64Array; channelWidthHz: number } {
  try {
    using windows = openTable(`${path}/SPECTRAL_WINDOW`);
    const [widthHz = NaN] = windows.getDoubles("CHAN_WIDTH", 0);
    return { frequencyHz: windows.getDoubles("CHAN_FREQ", 0), channelWidthHz: Math.abs(widthHz) };
  } catch (cause) {
    throw new PipelineError(
      "MalformedFile",
      `${path} does not say what channels it has: ${String(cause)}`,
      { path },
      { cause },
    );
  }
}
