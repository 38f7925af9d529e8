/**
 * The UVH5 header as typed, validated values.
 *
 * Source of the fields: pyuvdata's "UVH5 file format" memo (Hazelton et al., versions 0.1 to 1.2)
 * and the files the DSA-110 correlator writes. Angles are radians, times MJD on UTC, positions
 * meters. Rows are time-major, the same baselines in every integration; other orders are refused.
 */
import type { HeaderFields } from "./fields.ts";

const RAD_PER_DEG = Math.PI / 180;
const MJD_ZERO_JD = 2400000.5;
/** Rows of one integration may differ by the rounding of a JD in float64, about 40 µs. */
const TIME_TOLERANCE_DAYS = 1e-9;

/** Where the phase of the data is zero. */
export type PhaseCenter =
  /** Fringes stopped at hour angle 0 and this apparent declination; the sky drifts through. */
  | { readonly kind: "drift"; readonly declinationRad: number }
  /** Never phased: the phase of a baseline is its whole geometric delay. */
  | { readonly kind: "unprojected" }
  /** A fixed direction, in the frame that the file names (usually icrs or fk5). */
  | {
      readonly kind: "sidereal";
      readonly name: string;
      readonly raRad: number;
      readonly decRad: number;
      readonly frame: string;
    };

export interface Uvh5Header {
  readonly telescopeName: string;
  readonly instrument: string;
  readonly objectName: string;
  readonly site: {
    readonly latitudeRad: number;
    readonly longitudeRad: number;
    readonly altitudeM: number;
  };
  readonly phaseCenter: PhaseCenter;
  readonly visUnits: string;
  /** UT1 - UTC as the correlator knew it. */
  readonly dut1Seconds: number | undefined;

  /** Antennas of the telescope, also those without data. */
  readonly antennaNames: readonly string[];
  readonly antennaNumbers: Int32Array;
  /** Shape [antenna, 3]; Earth-centered axes, relative to the site [m]. */
  readonly antennaPositionsM: Float64Array;
  /** Shape [antenna]; undefined when the file does not say. */
  readonly antennaDiametersM: Float64Array | undefined;

  readonly timeCount: number;
  readonly baselineCount: number;
  readonly channelCount: number;
  readonly polarizationCount: number;

  /** Centers of the integrations, shape [time]. */
  readonly timesMjd: Float64Array;
  /** Shape [time]. */
  readonly integrationSeconds: Float64Array;
  /** Indices into the antenna table, shape [baseline]; autocorrelations included. */
  readonly antenna1Index: Int32Array;
  readonly antenna2Index: Int32Array;
  /** Channel centers in the file's order (DSA-110: descending), shape [channel]. */
  readonly frequencyHz: Float64Array;
  /** Always positive, shape [channel]. */
  readonly channelWidthHz: Float64Array;
  /** AIPS codes in the file's order: -5 XX, -6 YY, -7 XY, -8 YX; 1 to 4 are I, Q, U, V. */
  readonly polarizationCodes: readonly number[];
}

export function parseHeader(fields: HeaderFields): Uvh5Header {
  const timeCount = fields.count("Header/Ntimes");
  const baselineCount = fields.count("Header/Nbls");
  const channelCount = fields.count("Header/Nfreqs");
  const polarizationCount = fields.count("Header/Npols");
  const rowCount = fields.count("Header/Nblts");
  if (rowCount !== timeCount * baselineCount) {
    fields.fail(
      "Header/Nblts",
      `is ${rowCount}, expected Ntimes × Nbls = ${timeCount}×${baselineCount}`,
    );
  }
  const site = {
    latitudeRad: fields.number("Header/latitude") * RAD_PER_DEG,
    longitudeRad: fields.number("Header/longitude") * RAD_PER_DEG,
    altitudeM: fields.number("Header/altitude"),
  };
  fields.requireLength("Header/uvw_array", 3 * rowCount);
  const antennas = parseAntennas(fields);
  const polarizations = fields.numbers("Header/polarization_array", polarizationCount);
  return {
    telescopeName: fields.text("Header/telescope_name"),
    instrument: fields.optionalText("Header/instrument") ?? "",
    objectName: fields.optionalText("Header/object_name") ?? "",
    site,
    phaseCenter: parsePhaseCenter(fields),
    visUnits: fields.optionalText("Header/vis_units") ?? "uncalib",
    dut1Seconds: fields.optionalNumber("Header/dut1"),
    ...antennas,
    timeCount,
    baselineCount,
    channelCount,
    polarizationCount,
    ...parseTimes(fields, timeCount, baselineCount),
    ...parseBaselines(fields, antennas.antennaNumbers, timeCount, baselineCount),
    frequencyHz: parseFrequencies(fields, channelCount),
    channelWidthHz: parseChannelWidths(fields, channelCount),
    polarizationCodes: parsePolarizations(fields, polarizations),
  };
}

function parseAntennas(fields: HeaderFields) {
  const antennaCount = fields.count("Header/Nants_telescope");
  const numbers = fields.numbers("Header/antenna_numbers", antennaCount);
  if (new Set(numbers).size !== antennaCount) {
    fields.fail("Header/antenna_numbers", "has a number twice, expected distinct numbers");
  }
  return {
    antennaNames: fields.texts("Header/antenna_names", antennaCount),
    antennaNumbers: Int32Array.from(numbers),
    antennaPositionsM: fields.numbers("Header/antenna_positions", 3 * antennaCount),
    antennaDiametersM: fields.has("Header/antenna_diameters")
      ? fields.numbers("Header/antenna_diameters", antennaCount)
      : undefined,
  };
}

function parsePhaseCenter(fields: HeaderFields): PhaseCenter {
  const type = fields.optionalText("Header/phase_type");
  if (type === "drift") return driftCenter(fields);
  if (type === "phased") {
    return {
      kind: "sidereal",
      name: fields.optionalText("Header/object_name") ?? "",
      raRad: fields.number("Header/phase_center_ra"),
      decRad: fields.number("Header/phase_center_dec"),
      frame: fields.optionalText("Header/phase_center_frame") ?? "icrs",
    };
  }
  return parseCatalogCenter(fields);
}

/** Drift data that name no declination, as HERA's, were never phased. */
function driftCenter(fields: HeaderFields): PhaseCenter {
  const declinationRad =
    fields.optionalNumber("Header/phase_center_app_dec") ??
    fields.optionalNumber("Header/extra_keywords/phase_center_dec");
  return declinationRad === undefined ? { kind: "unprojected" } : { kind: "drift", declinationRad };
}

/** Version 1.0 and later: a catalog of phase centers, of which we take files with exactly one. */
function parseCatalogCenter(fields: HeaderFields): PhaseCenter {
  const catalog = "Header/phase_center_catalog";
  if (!fields.has(catalog))
    fields.fail("Header/phase_type", "is missing, expected drift or phased");
  const id = fields.number("Header/phase_center_id_array");
  const entry = `${catalog}/${id}`;
  const type = fields.text(`${entry}/cat_type`);
  if (type === "unprojected") {
    return { kind: "unprojected" };
  }
  if (type !== "sidereal") {
    fields.fail(`${entry}/cat_type`, `is ${type}, expected sidereal or unprojected`);
  }
  return {
    kind: "sidereal",
    name: fields.text(`${entry}/cat_name`),
    raRad: fields.number(`${entry}/cat_lon`),
    decRad: fields.number(`${entry}/cat_lat`),
    frame: fields.text(`${entry}/cat_frame`),
  };
}

function parseTimes(fields: HeaderFields, timeCount: number, baselineCount: number) {
  const rowJd = fields.numbers("Header/time_array", timeCount * baselineCount);
  const rowSeconds = fields.numbers("Header/integration_time", timeCount * baselineCount);
  const timesMjd = new Float64Array(timeCount);
  const integrationSeconds = new Float64Array(timeCount);
  for (let time = 0; time < timeCount; time++) {
    const firstRow = time * baselineCount;
    const jd = rowJd[firstRow]!;
    timesMjd[time] = jd - MJD_ZERO_JD;
    integrationSeconds[time] = rowSeconds[firstRow]!;
    for (let row = firstRow; row < firstRow + baselineCount; row++) {
      if (Math.abs(rowJd[row]! - jd) <= TIME_TOLERANCE_DAYS) continue;
      fields.fail(
        "Header/time_array",
        `is ${rowJd[row]} in row ${row}, expected ${jd} as in row ${firstRow}: ` +
          "rows must be ordered by time, then baseline",
      );
    }
    if (!(integrationSeconds[time]! > 0)) {
      fields.fail("Header/integration_time", `is ${integrationSeconds[time]}, expected above 0 s`);
    }
    if (time > 0 && !(timesMjd[time]! > timesMjd[time - 1]!)) {
      fields.fail("Header/time_array", `does not increase at integration ${time}`);
    }
  }
  return { timesMjd, integrationSeconds };
}

/** The memo stores antenna numbers, not indices; DSA-110 numbers from 0, so both agree. */
function parseBaselines(
  fields: HeaderFields,
  antennaNumbers: Int32Array,
  timeCount: number,
  baselineCount: number,
) {
  const indexOf = new Map(Array.from(antennaNumbers, (number, index) => [number, index]));
  const toIndices = (field: string): Int32Array => {
    const rows = fields.numbers(field, timeCount * baselineCount);
    for (let row = baselineCount, baseline = 0; row < rows.length; row++, baseline++) {
      if (baseline === baselineCount) baseline = 0;
      if (rows[row] === rows[baseline]) continue;
      fields.fail(
        field,
        `is ${rows[row]} in row ${row}, expected ${rows[baseline]} as in row ${baseline}: ` +
          "every integration must hold the same baselines",
      );
    }
    return Int32Array.from(rows.subarray(0, baselineCount), (number) => {
      const unknown = `names antenna ${number}, which antenna_numbers does not have`;
      return indexOf.get(number) ?? fields.fail(field, unknown);
    });
  };
  return {
    antenna1Index: toIndices("Header/ant_1_array"),
    antenna2Index: toIndices("Header/ant_2_array"),
  };
}

function parseFrequencies(fields: HeaderFields, channelCount: number): Float64Array {
  const frequencyHz = fields.numbers("Header/freq_array", channelCount);
  const bad = frequencyHz.findIndex((frequency) => !(frequency > 0));
  if (bad >= 0) fields.fail("Header/freq_array", `is ${frequencyHz[bad]} Hz, expected above 0`);
  return frequencyHz;
}

/** A scalar in old files; negative in files whose writer kept the sign of the descending axis. */
function parseChannelWidths(fields: HeaderFields, channelCount: number): Float64Array {
  const widths = fields.numbers("Header/channel_width");
  if (widths.length !== 1 && widths.length !== channelCount) {
    fields.fail(
      "Header/channel_width",
      `holds ${widths.length} values, expected 1 or ${channelCount}`,
    );
  }
  const channelWidthHz = new Float64Array(channelCount);
  for (let channel = 0; channel < channelCount; channel++) {
    const width = Math.abs(widths.length === 1 ? widths[0]! : widths[channel]!);
    if (width === 0) fields.fail("Header/channel_width", "is 0 Hz, expected above 0");
    channelWidthHz[channel] = width;
  }
  return channelWidthHz;
}

function parsePolarizations(fields: HeaderFields, codes: Float64Array): number[] {
  for (const code of codes) {
    const known =
      Number.isInteger(code) && ((code >= -8 && code <= -1) || (code >= 1 && code <= 4));
    if (!known)
      fields.fail("Header/polarization_array", `is ${code}, expected an AIPS code -8…-1 or 1…4`);
  }
  return Array.from(codes);
}
