/**
 * Calibration tables that do not depend on the channel, in CASA's layout: delays ("K Jones") and
 * gains in time ("G Jones"). Their spectral window is one channel in the middle of the band.
 *
 * CASA applies a delay as exp(2πi τ (ν − ν of that channel)), τ in nanoseconds. Source: CASA's
 * KJones::calcAllJones and setApply, and its tables.
 */
import { createCalibrationTable } from "./calibration-table.ts";
import { openTable, type Table } from "./table.ts";

const DAY_SECONDS = 86_400;
const NANOSECONDS = 1e9;

/** Arrays are [antenna, polarization]. */
export interface DelaySolutions {
  readonly antennaCount: number;
  readonly polarizationCount: number;
  readonly delaySeconds: Float64Array;
  readonly errorSeconds: Float64Array;
  readonly flags: Uint8Array;
  readonly referenceAntenna: number;
  readonly timeMjd: number;
  readonly intervalSeconds: number;
}

/** Arrays are [interval, antenna, polarization]. */
export interface IntervalSolutions {
  readonly intervalCount: number;
  readonly antennaCount: number;
  readonly polarizationCount: number;
  /** Complex. */
  readonly gains: Float32Array;
  readonly error: Float32Array;
  readonly snr: Float32Array;
  readonly flags: Uint8Array;
  readonly referenceAntenna: number;
  /** Middle of each interval, UTC. */
  readonly timesMjd: readonly number[];
  readonly intervalSeconds: number;
}

/** Writes a K Jones table. @throws {Error} when the path exists */
export function writeDelayTable(
  path: string,
  solutions: DelaySolutions,
  measurementSetPath: string,
): void {
  const { delaySeconds, errorSeconds, antennaCount, polarizationCount } = solutions;
  using table = createCalibrationTable(path, "K Jones", measurementSetPath, "Float");
  keepMiddleChannel(path);
  const times = [solutions.timeMjd];
  addRows(table, { ...solutions, timesMjd: times });
  const cell = [polarizationCount, 1];
  const toNs = (seconds: Float64Array): Float32Array =>
    Float32Array.from(seconds, (value) => NANOSECONDS * value);
  const snr = delaySeconds.map((delay, at) =>
    errorSeconds[at]! > 0 ? Math.abs(delay) / errorSeconds[at]! : 0,
  );
  table.putArray("FPARAM", 0, antennaCount, toNs(delaySeconds), cell);
  table.putArray("PARAMERR", 0, antennaCount, toNs(errorSeconds), cell);
  table.putArray("FLAG", 0, antennaCount, solutions.flags, cell);
  table.putArray("SNR", 0, antennaCount, Float32Array.from(snr), cell);
}

/** Writes a G Jones table: all antennas of an interval, then the next. */
export function writeGainTable(
  path: string,
  solutions: IntervalSolutions,
  measurementSetPath: string,
): void {
  using table = createCalibrationTable(path, "G Jones", measurementSetPath);
  keepMiddleChannel(path);
  addRows(table, solutions);
  const rowCount = solutions.intervalCount * solutions.antennaCount;
  const cell = [solutions.polarizationCount, 1];
  table.putArray("CPARAM", 0, rowCount, solutions.gains, cell);
  table.putArray("PARAMERR", 0, rowCount, solutions.error, cell);
  table.putArray("FLAG", 0, rowCount, solutions.flags, cell);
  table.putArray("SNR", 0, rowCount, solutions.snr, cell);
}

function addRows(
  table: Table,
  {
    antennaCount,
    timesMjd,
    intervalSeconds,
    referenceAntenna,
  }: Pick<IntervalSolutions, "antennaCount" | "timesMjd" | "intervalSeconds" | "referenceAntenna">,
): void {
  const rows = Array.from({ length: timesMjd.length * antennaCount }, (_, row) => row);
  table.addRows(rows.length);
  const seconds = rows.map((row) => timesMjd[Math.floor(row / antennaCount)]! * DAY_SECONDS);
  table.putScalars("TIME", 0, Float64Array.from(seconds));
  table.putScalars("INTERVAL", 0, new Float64Array(rows.length).fill(intervalSeconds));
  for (const column of ["FIELD_ID", "SPECTRAL_WINDOW_ID", "OBSERVATION_ID"])
    table.putScalars(column, 0, new Int32Array(rows.length));
  table.putScalars("SCAN_NUMBER", 0, new Int32Array(rows.length).fill(1));
  const antennas = rows.map((row) => row % antennaCount);
  table.putScalars("ANTENNA1", 0, Int32Array.from(antennas));
  table.putScalars("ANTENNA2", 0, new Int32Array(rows.length).fill(referenceAntenna));
}

/** The copied spectral window as one channel as wide as the band. */
function keepMiddleChannel(path: string): void {
  using windows = openTable(`${path}/SPECTRAL_WINDOW`, { writable: true });
  const frequencyHz = windows.getDoubles("CHAN_FREQ", 0);
  const [widthHz = 0] = windows.getDoubles("CHAN_WIDTH", 0);
  const middleHz = (frequencyHz[0]! + frequencyHz.at(-1)!) / 2;
  const bandHz = Math.abs(widthHz) * frequencyHz.length;
  windows.putScalars("NUM_CHAN", 0, Int32Array.of(1));
  windows.putArray("CHAN_FREQ", 0, 1, Float64Array.of(middleHz), [1]);
  for (const column of ["CHAN_WIDTH", "EFFECTIVE_BW", "RESOLUTION"])
    windows.putArray(column, 0, 1, Float64Array.of(bandHz), [1]);
  windows.putScalars("REF_FREQUENCY", 0, Float64Array.of(middleHz));
}
