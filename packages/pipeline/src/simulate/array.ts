/** The DSA-110 as the simulator sees it: site, antennas, band and integrations. */
import { fileURLToPath } from "node:url";
import { DEGREE_RAD, ecefToLocal, geodeticToEcef } from "@contimg/astro";
import { readCsv } from "@contimg/formats";

import { DSA_SITE } from "../array-site.ts";

const ANTENNAS_PATH = fileURLToPath(new URL("../../../../data/antennas.csv", import.meta.url));

export { DSA_SITE };

export const SUBBAND_COUNT = 16;
export const TIME_COUNT = 24;
export const INTEGRATION_SECONDS = 12.884902000427246;
export const TILE_SECONDS = TIME_COUNT * 12.884901888;
/** System equivalent flux density of one antenna. */
export const SEFD_JY = 6500;

export type TileSize = "small" | "full";

export interface TelescopeArray {
  /** All station slots, "1" to "117". */
  readonly antennaNames: readonly string[];
  /** Shape [slot, 3], Earth-centered axes, relative to the site [m]. */
  readonly positionsM: Float64Array;
  /** Slots that deliver data, ascending. */
  readonly activeIndices: readonly number[];
  /** Active slots of the core, among which dead antennas are drawn. */
  readonly coreIndices: readonly number[];
}

interface Station {
  readonly index: number;
  readonly name: string;
  readonly isOutrigger: boolean;
  readonly isActive: boolean;
  readonly positionM: readonly number[];
}

const SMALL_ANTENNA_COUNT = 63;

/** Full: the 96 antennas that were active on 2026-01-25. Small: all outriggers, an even pick. */
export function telescopeArray(size: TileSize): TelescopeArray {
  const stations = readStations();
  const active = stations.filter((station) => station.isActive);
  const outriggers = active.filter((station) => station.isOutrigger);
  const core = active.filter((station) => !station.isOutrigger);
  const keptCore =
    size === "full" ? core : pickEvenly(core, SMALL_ANTENNA_COUNT - outriggers.length);
  const indices = [...keptCore, ...outriggers].map((station) => station.index);
  return {
    antennaNames: stations.map((station) => station.name),
    positionsM: Float64Array.from(stations.flatMap((station) => station.positionM)),
    activeIndices: indices.sort((a, b) => a - b),
    coreIndices: keptCore.map((station) => station.index),
  };
}

/** Positions of the active antennas in the local frame, shape [antenna, 3] [m]. */
export function activePositionsM(array: TelescopeArray): Float64Array {
  const local = ecefToLocal(array.positionsM, DSA_SITE.longitudeRad);
  const rows = array.activeIndices.map((index) => local.subarray(3 * index, 3 * index + 3));
  return Float64Array.from(rows.flatMap((row) => Array.from(row)));
}

export interface Band {
  /** Shape [subband][channel]; subband 0 is the highest and channels descend. */
  readonly frequencyHz: readonly Float64Array[];
  readonly channelWidthHz: number;
  readonly channelCount: number;
}

const TOP_HZ = 1.53e9;
const RAW_CHANNEL_HZ = 30_517.578125;
const RAW_START = 1024;
const RAW_PER_SUBBAND = 384;

/** Small averages 96 raw channels where the telescope averages 8, over the same 187.5 MHz. */
export function band(size: TileSize): Band {
  const channelCount = size === "full" ? 48 : 4;
  const rawPerChannel = RAW_PER_SUBBAND / channelCount;
  const center = (rawPerChannel - 1) / 2;
  const frequencyHz = Array.from({ length: SUBBAND_COUNT }, (_, subband) =>
    Float64Array.from({ length: channelCount }, (__, channel) => {
      const raw = RAW_START + RAW_PER_SUBBAND * subband + rawPerChannel * channel + center;
      return TOP_HZ - RAW_CHANNEL_HZ * raw;
    }),
  );
  return { frequencyHz, channelWidthHz: rawPerChannel * RAW_CHANNEL_HZ, channelCount };
}

function readStations(): Station[] {
  const columns = ["uvh5_antenna_number", "uvh5_antenna_name", "arm", "active_2026_01_25"];
  const places = ["latitude_deg", "longitude_deg", "elevation_m"];
  const center = geodeticToEcef(DSA_SITE);
  return readCsv(ANTENNAS_PATH, [...columns, ...places]).map((row) => {
    const position = geodeticToEcef({
      latitudeRad: row.number("latitude_deg") * DEGREE_RAD,
      longitudeRad: row.number("longitude_deg") * DEGREE_RAD,
      altitudeM: row.number("elevation_m"),
    });
    return {
      index: row.number("uvh5_antenna_number"),
      name: row.text("uvh5_antenna_name"),
      isOutrigger: row.text("arm") === "OUT",
      isActive: row.number("active_2026_01_25") === 1,
      positionM: position.map((value, axis) => value - center[axis]!),
    };
  });
}

function pickEvenly<T>(items: readonly T[], count: number): T[] {
  const step = (items.length - 1) / (count - 1);
  return Array.from({ length: count }, (_, pick) => items[Math.round(pick * step)]!);
}
