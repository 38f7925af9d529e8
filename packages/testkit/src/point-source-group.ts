/**
 * A small, noiseless drift-scan group with point sources, written as the telescope writes it.
 *
 * Visibilities are the plain sum V = Σ S exp(2πi ν/c b·(s − s0)), b = position(2) − position(1), s0
 * the meridian at the pointing declination: the definition, without any of the short cuts that
 * production code takes. No beam, no gains; autocorrelations are 1.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import {
  antennaUvw,
  apparentHourAngleDec,
  DEGREE_RAD,
  DISH_DIAMETER_M,
  earthOrientation,
  ecefToLocal,
  geodeticToEcef,
  SPEED_OF_LIGHT_M_S,
  unitVector,
  uvwBasis,
} from "@contimg/astro";
import type { Site } from "@contimg/astro";
import { isHdf5Available, readCsv, writeUvh5 } from "@contimg/formats";
import type { Uvh5Data, Uvh5Description } from "@contimg/formats";

export interface PointSource {
  readonly raRad: number;
  readonly decRad: number;
  readonly fluxJy: number;
}

export interface PointSourceGroup {
  readonly folder: string;
  readonly groupId: string;
  readonly startMjd: number;
  readonly pointingDecRad: number;
  readonly sources: readonly PointSource[];
  /** 0-based numbers of the antennas that have data. */
  readonly activeAntennas: readonly number[];
  readonly timeCount: number;
  readonly integrationSeconds: number;
  readonly subbandCount: number;
  readonly channelCount: number;
  readonly polarizationCodes: readonly number[];
  readonly dut1Seconds: number;
  /** A last change to one subband before it is written. */
  readonly spoil: (subbandIndex: number, data: Uvh5Data, description: Uvh5Description) => void;
}

/** The T-center of the array (dsa110-antpos). */
export const SITE: Site = {
  latitudeRad: 37.233_405_1 * DEGREE_RAD,
  longitudeRad: -118.283 * DEGREE_RAD,
  altitudeM: 1_188.051_9,
};

const BAND_TOP_HZ = 1_498_750_000;
const BAND_BOTTOM_HZ = 1_311_250_000;
const ANTENNAS_CSV = fileURLToPath(new URL("../../../data/antennas.csv", import.meta.url));

const DEFAULTS = {
  groupId: "2026-01-25T22:26:05",
  startMjd: 61_065.934_78,
  pointingDecRad: 54.57 * DEGREE_RAD,
  sources: [],
  // An even pick of the core and seven outriggers.
  activeAntennas: [0, 5, 12, 20, 30, 40, 47, 70, 75, 82, 90, 98, 102, 104, 107, 109, 111, 113, 115],
  timeCount: 4,
  integrationSeconds: 12.884_902_000_427_246,
  subbandCount: 4,
  channelCount: 3,
  polarizationCodes: [-5, -6],
  dut1Seconds: 0,
  spoil: () => undefined,
} as const;

/** Not without the HDF5 addon. */
export function canWriteSubbands(): boolean {
  return isHdf5Available();
}

/** Writes the group's files and returns their paths, by ascending subband. */
export function writePointSourceGroup(
  options: Partial<PointSourceGroup> & { folder: string },
): string[] {
  const group: PointSourceGroup = { ...DEFAULTS, ...options };
  mkdirSync(group.folder, { recursive: true });
  const positionsM = readPositions();
  const baselines = listBaselines(group.activeAntennas);
  const delays = delaysOf(group, positionsM);
  return Array.from({ length: group.subbandCount }, (_, subband) => {
    const description = describeSubband(group, subband, positionsM, baselines);
    const data = predict(group, description, delays);
    group.spoil(subband, data, description);
    const code = `sb${String(subband).padStart(2, "0")}`;
    return writeUvh5(join(group.folder, `${group.groupId}_${code}`), description, data);
  });
}

/** p · (s − s0) of each antenna in meters, by integration and source. */
type Delays = readonly (readonly Float64Array[])[];

function delaysOf(group: PointSourceGroup, positionsM: Float64Array): Delays {
  const localM = ecefToLocal(positionsM, SITE.longitudeRad);
  const pointing = uvwBasis(0, group.pointingDecRad).subarray(6, 9);
  return timesOf(group).map((mjd) => {
    const earth = earthOrientation(mjd, SITE, group.dut1Seconds);
    return group.sources.map(({ raRad, decRad }) => {
      const place = apparentHourAngleDec(earth, raRad, decRad);
      const s = unitVector(-place.hourAngleRad, place.decRad).map((x, k) => x - pointing[k]!);
      return Float64Array.from({ length: localM.length / 3 }, (_, antenna) => {
        const p = localM.subarray(3 * antenna, 3 * antenna + 3);
        return p[0]! * s[0]! + p[1]! * s[1]! + p[2]! * s[2]!;
      });
    });
  });
}

function predict(group: PointSourceGroup, description: Uvh5Description, delays: Delays): Uvh5Data {
  const { antenna1Index, antenna2Index, frequencyHz } = description;
  const polarizationCount = group.polarizationCodes.length;
  const sampleCount =
    group.timeCount * antenna1Index.length * frequencyHz.length * polarizationCount;
  const vis = new Float32Array(2 * sampleCount);
  let at = 0;
  for (const sources of delays) {
    for (const [baseline, antenna1] of antenna1Index.entries()) {
      const antenna2 = antenna2Index[baseline]!;
      for (const channelHz of frequencyHz) {
        const value = sumOf(group, sources, [antenna1, antenna2], channelHz);
        for (const code of group.polarizationCodes) {
          // Unpolarized: the cross products are empty.
          vis[at] = isParallel(code) ? value.re : 0;
          vis[at + 1] = isParallel(code) ? value.im : 0;
          at += 2;
        }
      }
    }
  }
  const nsamples = new Float32Array(sampleCount).fill(1);
  return { vis, flags: new Uint8Array(sampleCount), nsamples };
}

function isParallel(code: number): boolean {
  return code === -5 || code === -6;
}

function sumOf(
  group: PointSourceGroup,
  delays: readonly Float64Array[],
  [antenna1, antenna2]: readonly [number, number],
  channelHz: number,
): { re: number; im: number } {
  if (antenna1 === antenna2) return { re: 1, im: 0 };
  let re = 0;
  let im = 0;
  for (const [index, { fluxJy }] of group.sources.entries()) {
    const pathM = delays[index]![antenna2]! - delays[index]![antenna1]!;
    const phaseRad = (2 * Math.PI * channelHz * pathM) / SPEED_OF_LIGHT_M_S;
    re += fluxJy * Math.cos(phaseRad);
    im += fluxJy * Math.sin(phaseRad);
  }
  return { re, im };
}

function describeSubband(
  group: PointSourceGroup,
  subbandIndex: number,
  positionsM: Float64Array,
  { antenna1Index, antenna2Index }: Baselines,
): Uvh5Description {
  const channelWidthHz = (BAND_TOP_HZ - BAND_BOTTOM_HZ) / (group.subbandCount * group.channelCount);
  const firstChannel = subbandIndex * group.channelCount;
  const antennaCount = positionsM.length / 3;
  const localM = ecefToLocal(positionsM, SITE.longitudeRad);
  const uvwM = antennaUvw(localM, uvwBasis(0, group.pointingDecRad));
  return {
    telescopeName: "OVRO_MMA",
    instrument: "DSA",
    objectName: "search",
    history: "simulated",
    latitudeDeg: SITE.latitudeRad / DEGREE_RAD,
    longitudeDeg: SITE.longitudeRad / DEGREE_RAD,
    altitudeM: SITE.altitudeM,
    pointingDecRad: group.pointingDecRad,
    antennaNames: Array.from({ length: antennaCount }, (_, index) => String(index + 1)),
    antennaPositionsM: positionsM,
    antennaDiameterM: DISH_DIAMETER_M,
    activeAntennaCount: group.activeAntennas.length,
    antenna1Index,
    antenna2Index,
    uvwM: Float64Array.from(
      { length: 3 * antenna1Index.length },
      (_, at) =>
        uvwM[3 * antenna2Index[Math.floor(at / 3)]! + (at % 3)]! -
        uvwM[3 * antenna1Index[Math.floor(at / 3)]! + (at % 3)]!,
    ),
    timesMjd: Float64Array.from(timesOf(group)),
    integrationSeconds: group.integrationSeconds,
    // From the top of the band downwards, as the correlator counts.
    frequencyHz: Float64Array.from(
      { length: group.channelCount },
      (_, channel) => BAND_TOP_HZ - (firstChannel + channel + 0.5) * channelWidthHz,
    ),
    channelWidthHz,
    polarizationCodes: group.polarizationCodes,
    fringeTable: "none",
    appliedDelaysNs: new Float64Array(2 * antennaCount),
  };
}

interface Baselines {
  readonly antenna1Index: Int32Array;
  readonly antenna2Index: Int32Array;
}

function listBaselines(antennas: readonly number[]): Baselines {
  const pairs = antennas.flatMap((first, index) =>
    antennas.slice(index).map((second) => [first, second] as const),
  );
  return {
    antenna1Index: Int32Array.from(pairs, ([first]) => first),
    antenna2Index: Int32Array.from(pairs, ([, second]) => second),
  };
}

function timesOf(group: PointSourceGroup): number[] {
  const stepDays = group.integrationSeconds / 86_400;
  return Array.from({ length: group.timeCount }, (_, time) => group.startMjd + time * stepDays);
}

/** ECEF offsets of all 117 antennas from the site. */
function readPositions(): Float64Array {
  const siteM = geodeticToEcef(SITE);
  const columns = ["x_ecef_m", "y_ecef_m", "z_ecef_m"];
  const rows = readCsv(ANTENNAS_CSV, columns);
  return Float64Array.from(
    rows.flatMap((row) => columns.map((column, k) => row.number(column) - siteM[k]!)),
  );
}
