/**
 * New Measurement Sets, version 2, with one spectral window, one field and every subtable filled.
 *
 * Layout: DATA, FLAG and WEIGHT_SPECTRUM are fixed-shape tiled columns of about 1 MiB a tile, so
 * that a range of rows is one run of the file; columns that hardly change along the rows are
 * incremental. Source: CASA Memo 229 (Kemball & Wieringa 2000), Measurement Set definition 2.0.
 */
import { addon } from "./addon.ts";
import { fillSubtables } from "./subtables.ts";
import { openTable, type Table } from "./table.ts";

const TILE_BYTES = 1_048_576;
const COMPLEX_BYTES = 8;
const DAY_SECONDS = 86_400;
/** Identifiers of the one row that each subtable has. */
const ZERO_COLUMNS = [
  "ARRAY_ID",
  "DATA_DESC_ID",
  "FEED1",
  "FEED2",
  "FIELD_ID",
  "OBSERVATION_ID",
] as const;

/** casacore's Stokes numbering, which CORR_TYPE uses. */
export const CORRELATION_TYPE = {
  RR: 5,
  RL: 6,
  LR: 7,
  LL: 8,
  XX: 9,
  XY: 10,
  YX: 11,
  YY: 12,
} as const;

export interface AntennaDescription {
  readonly names: readonly string[];
  readonly stations: readonly string[];
  /** ITRF, [antenna, xyz] in meters. */
  readonly positionsM: Float64Array;
  readonly dishDiameterM: Float64Array;
}

export interface MeasurementSetDescription {
  readonly telescopeName: string;
  readonly observer: string;
  readonly project: string;
  readonly antennas: AntennaDescription;
  /** Channel centers, topocentric, ascending. */
  readonly frequencyHz: Float64Array;
  readonly channelWidthHz: number;
  /** CORR_TYPE in the order of the polarization axis, such as [9, 12] for XX, YY. */
  readonly correlationTypes: readonly number[];
  /** ICRS phase center. Stored as J2000, which is the same within 0.02 arcseconds. */
  readonly field: { readonly name: string; readonly raRad: number; readonly decRad: number };
  readonly startMjd: number;
  readonly endMjd: number;
  /** Sentences for the HISTORY subtable: what made this. */
  readonly history: readonly string[];
  readonly weightSpectrum?: boolean;
  readonly correctedData?: boolean;
}

/**
 * Creates the Measurement Set, fills its subtables and opens its main table for writing, without
 * rows: the caller adds them and closes it.
 * @throws {Error} when the path exists or the description does not hold together
 */
export function createMeasurementSet(path: string, description: MeasurementSetDescription): Table {
  const polarizationCount = description.correlationTypes.length;
  const channelCount = description.frequencyHz.length;
  const rowBytes = polarizationCount * channelCount * COMPLEX_BYTES;
  addon().createMeasurementSet(path, {
    channelCount,
    polarizationCount,
    tileRows: Math.max(1, Math.floor(TILE_BYTES / rowBytes)),
    weightSpectrum: description.weightSpectrum ?? false,
    correctedData: description.correctedData ?? false,
  });
  fillSubtables(path, description);
  const table = openTable(path, { writable: true });
  // casacore's default is ITRF, but the axes point at the phase center.
  table.putKeyword("MEASINFO", { type: "uvw", Ref: "J2000" }, "UVW");
  return table;
}

/** What the small columns of one integration need. Arrays are [row], except as said. */
export interface IntegrationRows {
  /** Center, UTC. */
  readonly timeMjd: number;
  readonly intervalSeconds: number;
  readonly antenna1: Int32Array;
  readonly antenna2: Int32Array;
  /** [row, uvw]. */
  readonly uvwM: Float64Array;
  /** [row, polarization]; ones when absent. SIGMA is 1 / sqrt(weight). */
  readonly weight?: Float32Array;
}

/**
 * Fills every column but DATA, FLAG and WEIGHT_SPECTRUM for the rows of one integration, which
 * must exist already.
 */
export function putIntegration(table: Table, startRow: number, rows: IntegrationRows): void {
  const rowCount = rows.antenna1.length;
  const seconds = new Float64Array(rowCount).fill(rows.timeMjd * DAY_SECONDS);
  table.putScalars("TIME", startRow, seconds);
  table.putScalars("TIME_CENTROID", startRow, seconds);
  const interval = new Float64Array(rowCount).fill(rows.intervalSeconds);
  table.putScalars("INTERVAL", startRow, interval);
  table.putScalars("EXPOSURE", startRow, interval);
  table.putScalars("ANTENNA1", startRow, rows.antenna1);
  table.putScalars("ANTENNA2", startRow, rows.antenna2);
  table.putArray("UVW", startRow, rowCount, rows.uvwM);
  putConstants(table, startRow, rowCount);
  putWeights(table, startRow, rowCount, rows.weight);
}

function putConstants(table: Table, startRow: number, rowCount: number): void {
  const zeros = new Int32Array(rowCount);
  for (const column of ZERO_COLUMNS) table.putScalars(column, startRow, zeros);
  // No row of STATE or PROCESSOR describes a continuous drift scan.
  const none = new Int32Array(rowCount).fill(-1);
  table.putScalars("STATE_ID", startRow, none);
  table.putScalars("PROCESSOR_ID", startRow, none);
  table.putScalars("SCAN_NUMBER", startRow, new Int32Array(rowCount).fill(1));
  table.putScalars("FLAG_ROW", startRow, new Uint8Array(rowCount));
}

function putWeights(
  table: Table,
  startRow: number,
  rowCount: number,
  weight: Float32Array | undefined,
): void {
  const polarizationCount = table.columnInfo("WEIGHT").shape?.[0] ?? 0;
  const weights = weight ?? new Float32Array(rowCount * polarizationCount).fill(1);
  const sigma = weights.map((value) => (value > 0 ? 1 / Math.sqrt(value) : 0));
  table.putArray("WEIGHT", startRow, rowCount, weights);
  table.putArray("SIGMA", startRow, rowCount, sigma);
}
