/**
 * What imaging must know of a Measurement Set besides its visibilities: when, where to, with what.
 *
 * Reads the small columns only. Must run in a stage's child process (casacore is synchronous).
 */
import { isCasacoreAvailable, openTable, type Table } from "@contimg/casacore";
import { SECONDS_PER_DAY, type Site, type SkyPosition } from "@contimg/astro";

import { arraySite } from "../array-site.ts";
import { PipelineError } from "../errors.ts";

export interface ImagedObservation {
  /** Centers of the integrations, ascending, UTC. */
  readonly timesMjd: readonly number[];
  readonly integrationSeconds: number;
  /** Channel centers. */
  readonly frequencyHz: Float64Array;
  readonly channelWidthHz: number;
  /** ICRS. */
  readonly phaseCenter: SkyPosition;
  readonly site: Site;
  readonly dishDiameterM: number;
  /** Antennas that have rows. */
  readonly antennaCount: number;
  readonly telescopeName: string;
  readonly observer: string;
  readonly fieldName: string;
  /** Mean of the antennas, Earth-centered axes. */
  readonly positionM: readonly [number, number, number];
}

/** @throws {PipelineError} TooFewVisibilities for a set without rows, MalformedFile otherwise */
export function readImagedObservation(path: string): ImagedObservation {
  using main = openTable(path);
  if (main.rowCount === 0) {
    throw new PipelineError("TooFewVisibilities", `${path} has no rows`, { path });
  }
  if (!main.hasColumn("DATA")) {
    throw new PipelineError("MalformedFile", `${path} has no column DATA`, { path });
  }
  const interval = main.getScalars("INTERVAL", 0, 1, new Float64Array(1));
  return {
    timesMjd: distinctTimes(main),
    integrationSeconds: interval[0]!,
    antennaCount: distinctAntennas(main),
    ...readSpectralWindow(path),
    ...readAntennas(path),
    ...readField(path),
    ...readObservers(path),
  };
}

function distinctTimes(main: Table): number[] {
  const seconds = main.getScalars("TIME", 0, main.rowCount, new Float64Array(main.rowCount));
  return [...new Set(seconds)].sort((a, b) => a - b).map((second) => second / SECONDS_PER_DAY);
}

function distinctAntennas(main: Table): number {
  const antennas = new Set<number>();
  for (const column of ["ANTENNA1", "ANTENNA2"]) {
    const ids = main.getScalars(column, 0, main.rowCount, new Int32Array(main.rowCount));
    for (const id of ids) antennas.add(id);
  }
  return antennas.size;
}

function readSpectralWindow(path: string): { frequencyHz: Float64Array; channelWidthHz: number } {
  using table = openTable(`${path}/SPECTRAL_WINDOW`);
  if (table.rowCount !== 1) {
    const message = `${path} has ${table.rowCount} spectral windows, expected 1`;
    throw new PipelineError("MalformedFile", message, { path, spectralWindows: table.rowCount });
  }
  const widthHz = Math.abs(table.getDoubles("CHAN_WIDTH", 0)[0]!);
  return { frequencyHz: table.getDoubles("CHAN_FREQ", 0), channelWidthHz: widthHz };
}

function readField(path: string): { phaseCenter: SkyPosition; fieldName: string } {
  using table = openTable(`${path}/FIELD`);
  const [raRad = NaN, decRad = NaN] = table.getDoubles("PHASE_DIR", 0);
  return { phaseCenter: { raRad, decRad }, fieldName: table.getStrings("NAME", 0, 1)[0] ?? "" };
}

function readObservers(path: string): { telescopeName: string; observer: string } {
  using table = openTable(`${path}/OBSERVATION`);
  const textOf = (column: string): string => table.getStrings(column, 0, 1)[0] ?? "";
  return { telescopeName: textOf("TELESCOPE_NAME"), observer: textOf("OBSERVER") };
}

function readAntennas(path: string): {
  site: Site;
  dishDiameterM: number;
  positionM: [number, number, number];
} {
  using table = openTable(`${path}/ANTENNA`);
  const count = table.rowCount;
  const positionsM = table.getArray("POSITION", 0, count, new Float64Array(3 * count));
  const diametersM = table.getScalars("DISH_DIAMETER", 0, count, new Float64Array(count));
  const meanOf = (axis: number): number =>
    positionsM.reduce((sum, value, at) => (at % 3 === axis ? sum + value / count : sum), 0);
  return {
    site: arraySite(positionsM),
    positionM: [meanOf(0), meanOf(1), meanOf(2)],
    dishDiameterM: diametersM[0]!,
  };
}

/** The calibration stage leaves the names of its tables in the set's history. */
export function calibrationTablesOf(measurementSetPath: string): string[] {
  using history = openTable(`${measurementSetPath}/HISTORY`);
  const messages = history.rowCount === 0 ? [] : history.getStrings("MESSAGE");
  return messages.flatMap((message) => {
    const said = /^calibrated with (.+)$/.exec(message)?.[1];
    return said === undefined ? [] : (said.match(/[^\s,;]+\.\w*cal\b/g) ?? [said]);
  });
}

/** @throws {PipelineError} MissingTool without the addon */
export function requireCasacore(): void {
  if (isCasacoreAvailable()) return;
  throw new PipelineError("MissingTool", "the casacore addon is not built: run the set-up", {
    debianPackage: "casacore-dev",
  });
}
