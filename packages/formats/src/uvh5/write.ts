/**
 * Writing UVH5 as the DSA-110 correlator does, byte layout and quirks included.
 *
 * Its ways (dsa110-meridian-fs, io.py): a window axis of length 1, float32 uvw, 0-based antenna
 * numbers that equal indices, S4 antenna names, int64 counts, datasets that grow by rows with
 * h5py's own chunks, no compression. The file has the suffix `_incomplete` until it is whole.
 */
import { renameSync, rmSync } from "node:fs";
import { createHdf5, type Hdf5File, type NewDataset } from "../hdf5/file.ts";
import type { SlabArray } from "../hdf5/file.ts";
import { guessChunk } from "./chunks.ts";

const JD_OF_MJD_ZERO = 2400000.5;
const ANTENNA_NAME_BYTES = 4;

/** What a file says about itself. Antennas are all of the telescope; baselines name indices. */
export interface Uvh5Description {
  readonly telescopeName: string;
  readonly instrument: string;
  readonly objectName: string;
  readonly history: string;
  readonly latitudeDeg: number;
  readonly longitudeDeg: number;
  readonly altitudeM: number;
  /** Apparent declination at which hour angle 0 has zero phase. */
  readonly pointingDecRad: number;
  readonly antennaNames: readonly string[];
  /** Shape [antenna, 3], Earth-centered axes, relative to the site. */
  readonly antennaPositionsM: Float64Array;
  readonly antennaDiameterM: number;
  /** How many antennas have data. */
  readonly activeAntennaCount: number;
  /** Shape [baseline]. */
  readonly antenna1Index: Int32Array;
  readonly antenna2Index: Int32Array;
  /** Shape [baseline, 3]; the same for all times, stored as float32. */
  readonly uvwM: Float64Array;
  /** Shape [time]; centers of the integrations. */
  readonly timesMjd: Float64Array;
  readonly integrationSeconds: number;
  /** Shape [channel], in stored order. */
  readonly frequencyHz: Float64Array;
  readonly channelWidthHz: number;
  readonly polarizationCodes: readonly number[];
  readonly fringeTable: string;
  /** One per antenna of the telescope and polarization. */
  readonly appliedDelaysNs: Float64Array;
}

/** Shapes [time, baseline, channel, polarization], vis with re and im interleaved. */
export interface Uvh5Data {
  readonly vis: Float32Array;
  readonly flags: Uint8Array;
  readonly nsamples: Float32Array;
}

/**
 * Writes `<stem>_incomplete.hdf5` and renames it to `<stem>.hdf5`; a failure leaves neither.
 *
 * @returns the final path
 */
export function writeUvh5(stem: string, description: Uvh5Description, data: Uvh5Data): string {
  const incompletePath = `${stem}_incomplete.hdf5`;
  const finalPath = `${stem}.hdf5`;
  let file: Hdf5File | undefined;
  try {
    // On a full disk already the file's first block fails, and leaves an empty file.
    file = createHdf5(incompletePath);
    writeHeader(file, description);
    writeExtraKeywords(file, description);
    writeData(file, description, data);
    file.close();
    renameSync(incompletePath, finalPath);
  } catch (error) {
    if (file !== undefined) abandon(file);
    rmSync(incompletePath, { force: true });
    throw error;
  }
  return finalPath;
}

/** Closing writes what is buffered, so on a full disk it fails again; the first error is thrown. */
function abandon(file: Hdf5File): void {
  try {
    file.close();
  } catch {
    // The file is removed next.
  }
}

function writeHeader(file: Hdf5File, description: Uvh5Description): void {
  file.createGroup("Header");
  putNumber(file, "Header/latitude", description.latitudeDeg);
  putNumber(file, "Header/longitude", description.longitudeDeg);
  putNumber(file, "Header/altitude", description.altitudeM);
  putText(file, "Header/telescope_name", description.telescopeName);
  putText(file, "Header/instrument", description.instrument);
  putText(file, "Header/object_name", description.objectName);
  putText(file, "Header/history", description.history);
  putText(file, "Header/phase_type", "drift");
  putNumber(file, "Header/phase_center_app_dec", description.pointingDecRad);
  writeAntennas(file, description);
  writeCounts(file, description);
  writeRows(file, description);
  writeSpectralAxis(file, description);
}

function writeAntennas(file: Hdf5File, description: Uvh5Description): void {
  const { antennaNames, antennaPositionsM, antennaDiameterM } = description;
  const antennaCount = antennaNames.length;
  const names = { type: "string", stringBytes: ANTENNA_NAME_BYTES, shape: [antennaCount] } as const;
  file.createDataset("Header/antenna_names", names);
  file.writeStrings("Header/antenna_names", antennaNames);
  putIntegers(
    file,
    "Header/antenna_numbers",
    Array.from(antennaNames, (_, index) => index),
  );
  const diameters = new Float64Array(antennaCount).fill(antennaDiameterM);
  putNumbers(file, "Header/antenna_diameters", diameters, [antennaCount]);
  putNumbers(file, "Header/antenna_positions", antennaPositionsM, [antennaCount, 3]);
}

function writeCounts(file: Hdf5File, description: Uvh5Description): void {
  const baselineCount = description.antenna1Index.length;
  const timeCount = description.timesMjd.length;
  const counts = {
    Nants_data: description.activeAntennaCount,
    Nants_telescope: description.antennaNames.length,
    Nbls: baselineCount,
    Nblts: baselineCount * timeCount,
    Nfreqs: description.frequencyHz.length,
    Npols: description.polarizationCodes.length,
    Ntimes: timeCount,
    Nspws: 1,
  };
  for (const [name, count] of Object.entries(counts)) {
    file.createDataset(`Header/${name}`, { type: "int64" });
    file.writeSlab(`Header/${name}`, [], [], BigInt64Array.of(BigInt(count)));
  }
}

function writeRows(file: Hdf5File, description: Uvh5Description): void {
  const { antenna1Index, antenna2Index, uvwM, timesMjd, integrationSeconds } = description;
  const baselineCount = antenna1Index.length;
  const rowCount = baselineCount * timesMjd.length;
  const timeJd = new Float64Array(rowCount);
  const uvw = new Float32Array(3 * rowCount);
  const antenna1 = new BigInt64Array(rowCount);
  const antenna2 = new BigInt64Array(rowCount);
  const rows1 = BigInt64Array.from(antenna1Index, BigInt);
  const rows2 = BigInt64Array.from(antenna2Index, BigInt);
  timesMjd.forEach((mjd, time) => {
    const firstRow = time * baselineCount;
    timeJd.fill(mjd + JD_OF_MJD_ZERO, firstRow, firstRow + baselineCount);
    uvw.set(uvwM, 3 * firstRow);
    antenna1.set(rows1, firstRow);
    antenna2.set(rows2, firstRow);
  });
  const seconds = new Float64Array(rowCount).fill(integrationSeconds);
  putGrowing(file, "Header/ant_1_array", "int64", [rowCount], antenna1);
  putGrowing(file, "Header/ant_2_array", "int64", [rowCount], antenna2);
  putGrowing(file, "Header/uvw_array", "float32", [rowCount, 3], uvw);
  putGrowing(file, "Header/time_array", "float64", [rowCount], timeJd);
  putGrowing(file, "Header/integration_time", "float64", [rowCount], seconds);
}

function writeSpectralAxis(file: Hdf5File, description: Uvh5Description): void {
  const { frequencyHz, channelWidthHz, polarizationCodes } = description;
  putNumbers(file, "Header/freq_array", frequencyHz, [1, frequencyHz.length]);
  putNumber(file, "Header/channel_width", channelWidthHz);
  putIntegers(file, "Header/spw_array", [1]);
  putIntegers(file, "Header/polarization_array", polarizationCodes);
}

function writeExtraKeywords(file: Hdf5File, description: Uvh5Description): void {
  const group = "Header/extra_keywords";
  file.createGroup(group);
  putNumber(file, `${group}/phase_center_dec`, description.pointingDecRad);
  putNumber(file, `${group}/ha_phase_center`, 0);
  // The one string that the telescope stores with variable length.
  file.createDataset(`${group}/phase_center_epoch`, { type: "string" });
  file.writeStrings(`${group}/phase_center_epoch`, ["HADEC"]);
  putText(file, `${group}/fs_table`, description.fringeTable);
  putText(file, `${group}/applied_delays_ns`, Array.from(description.appliedDelaysNs).join(" "));
}

function writeData(file: Hdf5File, description: Uvh5Description, data: Uvh5Data): void {
  const rowCount = description.antenna1Index.length * description.timesMjd.length;
  const channelCount = description.frequencyHz.length;
  const shape = [rowCount, 1, channelCount, description.polarizationCodes.length];
  file.createGroup("Data");
  putGrowing(file, "Data/visdata", "complex64", shape, data.vis);
  putGrowing(file, "Data/flags", "boolean", shape, data.flags);
  putGrowing(file, "Data/nsamples", "float32", shape, data.nsamples);
}

const ITEM_BYTES = { complex64: 8, boolean: 1, float32: 4, float64: 8, int64: 8 } as const;

/** A dataset that the telescope creates empty and extends by rows. */
function putGrowing(
  file: Hdf5File,
  name: string,
  type: keyof typeof ITEM_BYTES,
  shape: readonly number[],
  values: SlabArray,
): void {
  const [, ...rowShape] = shape;
  const chunk = guessChunk([0, ...rowShape], ITEM_BYTES[type]);
  file.createDataset(name, { type, shape, maxShape: [-1, ...rowShape], chunk });
  file.writeSlab(
    name,
    shape.map(() => 0),
    shape,
    values,
  );
}

function putNumber(file: Hdf5File, name: string, value: number): void {
  file.createDataset(name, { type: "float64" });
  file.writeSlab(name, [], [], Float64Array.of(value));
}

function putNumbers(file: Hdf5File, name: string, values: Float64Array, shape: number[]): void {
  put(file, name, { type: "float64", shape }, values);
}

function putIntegers(file: Hdf5File, name: string, values: readonly number[]): void {
  const dataset = { type: "int64", shape: [values.length] } as const;
  put(file, name, dataset, BigInt64Array.from(values, BigInt));
}

function put(file: Hdf5File, name: string, dataset: NewDataset, values: SlabArray): void {
  file.createDataset(name, dataset);
  const shape = dataset.shape ?? [];
  file.writeSlab(
    name,
    shape.map(() => 0),
    shape,
    values,
  );
}

/** A scalar of fixed length, as numpy.bytes_ is stored; HDF5 has no strings of length 0. */
function putText(file: Hdf5File, name: string, text: string): void {
  file.createDataset(name, { type: "string", stringBytes: Math.max(1, Buffer.byteLength(text)) });
  file.writeStrings(name, [text]);
}
