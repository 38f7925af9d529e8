/**
 * Calibration tables in CASA's layout: one row an antenna, CPARAM and its companions [polarization,
 * channel], the subtables of the Measurement Set that was solved.
 *
 * CPARAM is absolute, not normalized over channels: V_pq / (CPARAM_p · conj(CPARAM_q)) is in Jy.
 * WEIGHT cells stay undefined, as CASA leaves them. Source of the layout: CASA's own B Jones
 * tables (a test holds ours against one).
 */
import { basename } from "node:path";

import { addon, type ColumnDescription } from "./addon.ts";
import { openTable, type Table } from "./table.ts";

const DAY_SECONDS = 86_400;
/** In the order CASA has them. */
const SUBTABLES = ["OBSERVATION", "ANTENNA", "FIELD", "SPECTRAL_WINDOW", "HISTORY"] as const;

const LEADING_COLUMNS: readonly ColumnDescription[] = [
  { name: "TIME", valueType: "double", axisCount: 0 },
  { name: "FIELD_ID", valueType: "int", axisCount: 0 },
  { name: "SPECTRAL_WINDOW_ID", valueType: "int", axisCount: 0 },
  { name: "ANTENNA1", valueType: "int", axisCount: 0 },
  { name: "ANTENNA2", valueType: "int", axisCount: 0 },
  { name: "INTERVAL", valueType: "double", axisCount: 0 },
  { name: "SCAN_NUMBER", valueType: "int", axisCount: 0 },
  { name: "OBSERVATION_ID", valueType: "int", axisCount: 0 },
];
const TRAILING_COLUMNS: readonly ColumnDescription[] = [
  { name: "PARAMERR", valueType: "float", axisCount: -1 },
  { name: "FLAG", valueType: "bool", axisCount: -1 },
  { name: "SNR", valueType: "float", axisCount: -1 },
  { name: "WEIGHT", valueType: "float", axisCount: -1 },
];

/** Arrays are [antenna, channel, polarization]; polarization counts receptors: X, Y or R, L. */
export interface BandpassSolutions {
  readonly antennaCount: number;
  readonly channelCount: number;
  readonly polarizationCount: number;
  /** Complex. */
  readonly gains: Float32Array;
  /** Rms of the complex error. */
  readonly error: Float32Array;
  readonly snr: Float32Array;
  readonly flags: Uint8Array;
  /** ANTENNA2: whose phase is zero. */
  readonly referenceAntenna: number;
  /** Middle of the data that were solved, UTC. */
  readonly timeMjd: number;
  readonly intervalSeconds: number;
}

/** A bandpass as read, with what is needed to apply it to other data. */
export interface BandpassTable extends BandpassSolutions {
  readonly antennaNames: readonly string[];
  readonly frequencyHz: Float64Array;
  readonly measurementSetName: string;
}

/** CPARAM holds complex gains, FPARAM real numbers such as delays. */
const PARAMETERS = {
  Complex: { name: "CPARAM", valueType: "complex", axisCount: -1 },
  Float: { name: "FPARAM", valueType: "float", axisCount: -1 },
} as const;

/**
 * An empty calibration table with the subtables of a Measurement Set, open for writing.
 * @param visCal CASA's name of the kind, such as "B Jones"
 */
export function createCalibrationTable(
  path: string,
  visCal: string,
  measurementSetPath: string,
  parameterType: keyof typeof PARAMETERS = "Complex",
): Table {
  const columns = [...LEADING_COLUMNS, PARAMETERS[parameterType], ...TRAILING_COLUMNS];
  addon().createTable(path, { type: "Calibration", subType: visCal, columns });
  const table = openTable(path, { writable: true });
  table.putKeyword("ParType", parameterType);
  table.putKeyword("MSName", basename(measurementSetPath));
  table.putKeyword("VisCal", visCal);
  table.putKeyword("PolBasis", "unknown");
  for (const name of SUBTABLES) {
    addon().copyTable(`${measurementSetPath}/${name}`, `${path}/${name}`);
    table.putKeyword(name, { table: `${path}/${name}` });
  }
  table.putKeyword("QuantumUnits", ["s"], "TIME");
  table.putKeyword("MEASINFO", { type: "epoch", Ref: "UTC" }, "TIME");
  table.putKeyword("QuantumUnits", ["s"], "INTERVAL");
  return table;
}

/** Writes a B Jones table. @throws {Error} when the path exists */
export function writeBandpassTable(
  path: string,
  solutions: BandpassSolutions,
  measurementSetPath: string,
): void {
  using table = createCalibrationTable(path, "B Jones", measurementSetPath);
  const { antennaCount } = solutions;
  table.addRows(antennaCount);
  const scalar = (value: number): Int32Array => new Int32Array(antennaCount).fill(value);
  const seconds = new Float64Array(antennaCount);
  table.putScalars("TIME", 0, seconds.fill(solutions.timeMjd * DAY_SECONDS));
  table.putScalars("INTERVAL", 0, seconds.fill(solutions.intervalSeconds));
  for (const column of ["FIELD_ID", "SPECTRAL_WINDOW_ID", "OBSERVATION_ID"])
    table.putScalars(column, 0, scalar(0));
  table.putScalars("SCAN_NUMBER", 0, scalar(1));
  table.putScalars(
    "ANTENNA1",
    0,
    Int32Array.from({ length: antennaCount }, (_, k) => k),
  );
  table.putScalars("ANTENNA2", 0, scalar(solutions.referenceAntenna));
  const cell = [solutions.polarizationCount, solutions.channelCount];
  table.putArray("CPARAM", 0, antennaCount, solutions.gains, cell);
  table.putArray("PARAMERR", 0, antennaCount, solutions.error, cell);
  table.putArray("FLAG", 0, antennaCount, solutions.flags, cell);
  table.putArray("SNR", 0, antennaCount, solutions.snr, cell);
}

/**
 * Reads a B Jones table of one time and one spectral window.
 * @throws {Error} when it is another kind of table, or has several solutions for an antenna
 */
export function readBandpassTable(path: string): BandpassTable {
  using table = openTable(path);
  const { type, subType } = table.info();
  if (type !== "Calibration" || subType !== "B Jones")
    throw new Error(`${path}: the table is "${type}" of "${subType}", expected "B Jones"`);
  const antennaNames = subtable(path, "ANTENNA", (antennas) => antennas.getStrings("NAME"));
  const antennaCount = table.rowCount;
  const antenna1 = table.getScalars("ANTENNA1", 0, antennaCount, new Int32Array(antennaCount));
  if (antennaCount !== antennaNames.length || antenna1.some((antenna, row) => antenna !== row))
    throw new Error(
      `${path}: ${antennaCount} rows for ${antennaNames.length} antennas, ` +
        `expected one row for each antenna in order`,
    );
  const [polarizationCount = 0, channelCount = 0] = table.cellShape("CPARAM", 0) ?? [];
  const count = antennaCount * channelCount * polarizationCount;
  return {
    antennaNames,
    antennaCount,
    channelCount,
    polarizationCount,
    gains: table.getArray("CPARAM", 0, antennaCount, new Float32Array(2 * count)),
    error: table.getArray("PARAMERR", 0, antennaCount, new Float32Array(count)),
    snr: table.getArray("SNR", 0, antennaCount, new Float32Array(count)),
    flags: table.getArray("FLAG", 0, antennaCount, new Uint8Array(count)),
    referenceAntenna: table.getScalars("ANTENNA2", 0, 1, new Int32Array(1))[0]!,
    timeMjd: table.getScalars("TIME", 0, 1, new Float64Array(1))[0]! / DAY_SECONDS,
    intervalSeconds: table.getScalars("INTERVAL", 0, 1, new Float64Array(1))[0]!,
    frequencyHz: subtable(path, "SPECTRAL_WINDOW", (windows) => windows.getDoubles("CHAN_FREQ", 0)),
    measurementSetName: String(table.keywords()["MSName"]),
  };
}

function subtable<Value>(path: string, name: string, read: (table: Table) => Value): Value {
  using table = openTable(`${path}/${name}`);
  return read(table);
}
