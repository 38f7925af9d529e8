/**
 * The subtables of a new Measurement Set. STATE, PROCESSOR, POINTING and FLAG_CMD stay empty: a
 * drift scan has one state and points nowhere that a table could say better than the field does.
 */
import type { MeasurementSetDescription } from "./measurement-set.ts";
import { openTable, type Cell, type Table } from "./table.ts";

const DAY_SECONDS = 86_400;
/** casacore's MFrequency::TOPO. */
const TOPOCENTRIC = 5;

type CellValue = Cell | string | number | boolean;

export function fillSubtables(path: string, description: MeasurementSetDescription): void {
  fillAntenna(path, description);
  fillFeed(path, description);
  fillSpectralWindow(path, description);
  fillPolarization(path, description);
  fillField(path, description);
  fillObservation(path, description);
  fillHistory(path, description);
  addRowsTo(path, "DATA_DESCRIPTION", [
    { SPECTRAL_WINDOW_ID: 0, POLARIZATION_ID: 0, FLAG_ROW: false },
  ]);
}

function fillAntenna(path: string, { antennas }: MeasurementSetDescription): void {
  const { names, stations, positionsM, dishDiameterM } = antennas;
  if (stations.length !== names.length || dishDiameterM.length !== names.length)
    throw new Error(`${path}: ${names.length} antenna names need as many stations and diameters`);
  if (positionsM.length !== 3 * names.length)
    throw new Error(`${path}: ${names.length} antennas need ${3 * names.length} coordinates`);
  const rows = names.map((name, antenna) => ({
    NAME: name,
    STATION: stations[antenna]!,
    TYPE: "GROUND-BASED",
    MOUNT: "ALT-AZ",
    POSITION: doubles(positionsM.slice(3 * antenna, 3 * antenna + 3)),
    OFFSET: doubles([0, 0, 0]),
    DISH_DIAMETER: dishDiameterM[antenna]!,
    FLAG_ROW: false,
  }));
  addRowsTo(path, "ANTENNA", rows);
}

function fillFeed(path: string, description: MeasurementSetDescription): void {
  const { midSeconds, spanSeconds } = timesOf(description);
  const circular = description.correlationTypes.every((type) => type <= 8);
  const rows = description.antennas.names.map((_, antenna) => ({
    ANTENNA_ID: antenna,
    FEED_ID: 0,
    // All spectral windows.
    SPECTRAL_WINDOW_ID: -1,
    TIME: midSeconds,
    INTERVAL: spanSeconds,
    NUM_RECEPTORS: 2,
    BEAM_ID: -1,
    BEAM_OFFSET: { shape: [2, 2], data: new Float64Array(4) },
    POLARIZATION_TYPE: { shape: [2], data: circular ? ["R", "L"] : ["X", "Y"] },
    // The identity, as complex numbers.
    POL_RESPONSE: { shape: [2, 2], data: Float32Array.of(1, 0, 0, 0, 0, 0, 1, 0) },
    POSITION: doubles([0, 0, 0]),
    RECEPTOR_ANGLE: doubles([0, 0]),
  }));
  addRowsTo(path, "FEED", rows);
}

function fillSpectralWindow(path: string, description: MeasurementSetDescription): void {
  const { frequencyHz, channelWidthHz } = description;
  const channelCount = frequencyHz.length;
  if (channelCount === 0) throw new Error(`${path}: a spectral window needs channels`);
  const width = doubles(new Float64Array(channelCount).fill(channelWidthHz));
  addRowsTo(path, "SPECTRAL_WINDOW", [
    {
      NAME: "band",
      NUM_CHAN: channelCount,
      CHAN_FREQ: doubles(frequencyHz),
      CHAN_WIDTH: width,
      EFFECTIVE_BW: width,
      RESOLUTION: width,
      REF_FREQUENCY: (frequencyHz[0]! + frequencyHz[channelCount - 1]!) / 2,
      TOTAL_BANDWIDTH: channelWidthHz * channelCount,
      MEAS_FREQ_REF: TOPOCENTRIC,
      NET_SIDEBAND: 1,
      IF_CONV_CHAIN: 0,
      FREQ_GROUP: 0,
      FREQ_GROUP_NAME: "",
      FLAG_ROW: false,
    },
  ]);
}

function fillPolarization(path: string, description: MeasurementSetDescription): void {
  const types = Int32Array.from(description.correlationTypes);
  // Receptors of a product: 5…8 and 9…12 count through 00, 01, 10, 11.
  const products = description.correlationTypes.flatMap((type) => {
    const product = (type - 5) % 4;
    return [product >> 1, product & 1];
  });
  addRowsTo(path, "POLARIZATION", [
    {
      NUM_CORR: types.length,
      CORR_TYPE: { shape: [types.length], data: types },
      CORR_PRODUCT: { shape: [2, types.length], data: Int32Array.from(products) },
      FLAG_ROW: false,
    },
  ]);
}

function fillField(path: string, description: MeasurementSetDescription): void {
  const { name, raRad, decRad } = description.field;
  const direction = { shape: [2, 1], data: Float64Array.of(raRad, decRad) };
  addRowsTo(path, "FIELD", [
    {
      NAME: name,
      CODE: "",
      TIME: timesOf(description).midSeconds,
      NUM_POLY: 0,
      DELAY_DIR: direction,
      PHASE_DIR: direction,
      REFERENCE_DIR: direction,
      SOURCE_ID: -1,
      FLAG_ROW: false,
    },
  ]);
}

function fillObservation(path: string, description: MeasurementSetDescription): void {
  const { startMjd, endMjd, telescopeName, observer, project } = description;
  addRowsTo(path, "OBSERVATION", [
    {
      TELESCOPE_NAME: telescopeName,
      TIME_RANGE: doubles([startMjd * DAY_SECONDS, endMjd * DAY_SECONDS]),
      OBSERVER: observer,
      PROJECT: project,
      SCHEDULE_TYPE: "",
      SCHEDULE: { shape: [1], data: [""] },
      LOG: { shape: [1], data: [""] },
      RELEASE_DATE: endMjd * DAY_SECONDS,
      FLAG_ROW: false,
    },
  ]);
}

function fillHistory(path: string, description: MeasurementSetDescription): void {
  const rows = description.history.map((message) => ({
    // The observation's end, so that equal inputs make equal files.
    TIME: description.endMjd * DAY_SECONDS,
    OBSERVATION_ID: 0,
    MESSAGE: message,
    PRIORITY: "INFO",
    ORIGIN: "contimg",
    OBJECT_ID: -1,
    APPLICATION: "contimg",
    CLI_COMMAND: { shape: [1], data: [""] },
    APP_PARAMS: { shape: [1], data: [""] },
  }));
  addRowsTo(path, "HISTORY", rows);
}

/** Appends rows to one subtable and closes it. */
function addRowsTo(
  path: string,
  subtable: string,
  rows: readonly Readonly<Record<string, CellValue>>[],
): void {
  if (rows.length === 0) return;
  using table: Table = openTable(`${path}/${subtable}`, { writable: true });
  const firstRow = table.rowCount;
  table.addRows(rows.length);
  for (const [index, row] of rows.entries())
    for (const [column, value] of Object.entries(row))
      table.putCell(column, firstRow + index, value);
}

function doubles(values: ArrayLike<number>): Cell {
  return { shape: [values.length], data: Float64Array.from(values) };
}

function timesOf({ startMjd, endMjd }: MeasurementSetDescription): {
  midSeconds: number;
  spanSeconds: number;
} {
  return {
    midSeconds: ((startMjd + endMjd) / 2) * DAY_SECONDS,
    spanSeconds: (endMjd - startMjd) * DAY_SECONDS,
  };
}
