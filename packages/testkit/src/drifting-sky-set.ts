/**
 * A small calibrated Measurement Set of known point sources that drift through the primary beam of
 * antennas on the meridian: for tests of imaging that must not depend on the stages before it.
 *
 * 30 antennas, 8 channels, 6 integrations; predicted by direct summation.
 */
import {
  airyPower,
  antennaUvw,
  apparentHourAngleDec,
  earthOrientation,
  type EarthOrientation,
  ecefToLocal,
  framePositionAngle,
  geodeticToEcef,
  icrsOfHourAngleDec,
  separationRad,
  type SkyPosition,
  SPEED_OF_LIGHT_M_S,
  uvwBasis,
} from "@contimg/astro";
import {
  createMeasurementSet,
  type MeasurementSetDescription,
  putIntegration,
} from "@contimg/casacore";

import { createRandom } from "./synthetic-image.ts";

/** The table by which the set says that it is calibrated. */
export const DRIFTING_SKY_TABLE = "2026-01-25T07:20:00.bcal";

const DRIFT_SITE = {
  latitudeRad: 37.2334 * (Math.PI / 180),
  longitudeRad: -118.283 * (Math.PI / 180),
  altitudeM: 1188,
};

export interface DriftingSource {
  readonly eastRad: number;
  readonly northRad: number;
  readonly fluxJy: number;
}

export interface DriftingSkyOptions {
  readonly noiseJy: number;
  readonly seed: number;
  /** What the calibration left in the antennas, both receptors alike; none when absent. */
  readonly residualOf?: (antenna: number, integration: number) => ResidualGain;
}

/** V = g1 · conj(g2) · M with g = amplitude · exp(i phase). */
export interface ResidualGain {
  readonly amplitude: number;
  readonly phaseRad: number;
}

const ANTENNA_COUNT = 30;
const CHANNEL_COUNT = 8;
const INTEGRATION_COUNT = 6;
const INTEGRATION_SECONDS = 51.5;
const START_MJD = 61_065.37;
const DECLINATION_RAD = 0.96;
const CHANNEL_WIDTH_HZ = 187.5e6 / CHANNEL_COUNT;

/**
 * Writes the set; sources are placed by offsets from the phase center.
 *
 * @returns the ICRS position of each source
 */
export function writeDriftingSkySet(
  path: string,
  sources: readonly DriftingSource[],
  options: DriftingSkyOptions,
): SkyPosition[] {
  const random = createRandom(options.seed);
  const offsetsM = antennaOffsets(random);
  const localM = ecefToLocal(offsetsM, DRIFT_SITE.longitudeRad);
  const timesMjd = Array.from(
    { length: INTEGRATION_COUNT },
    (_, time) => START_MJD + (time * INTEGRATION_SECONDS) / 86_400,
  );
  const middle = (timesMjd[0]! + timesMjd.at(-1)!) / 2;
  const center = icrsOfHourAngleDec(earthOrientation(middle, DRIFT_SITE), 0, DECLINATION_RAD);
  const positions = sources.map(({ eastRad, northRad }) => ({
    raRad: center.raRad + eastRad / Math.cos(center.decRad + northRad),
    decRad: center.decRad + northRad,
  }));
  using table = createMeasurementSet(path, {
    ...describeAntennas(offsetsM),
    ...{ telescopeName: "OVRO_MMA", observer: "testkit", project: "drifting sky" },
    ...{ frequencyHz: frequencies(), channelWidthHz: CHANNEL_WIDTH_HZ },
    correlationTypes: [9, 12],
    field: { name: "drift", ...center },
    ...{ startMjd: timesMjd[0]!, endMjd: timesMjd.at(-1)! },
    history: ["simulated drifting sky", `calibrated with ${DRIFTING_SKY_TABLE}`],
  });
  const rows = baselines();
  const rowCount = rows.antenna1.length;
  table.addRows(rowCount * INTEGRATION_COUNT);
  for (const [time, timeMjd] of timesMjd.entries()) {
    const orientation = earthOrientation(timeMjd, DRIFT_SITE);
    const uvwM = baselineUvw(antennaUvw(localM, axesTowards(orientation, center)), rows);
    const sky = positions.map((position, index) => ({
      ...cosines(center, position),
      fluxJy: sources[index]!.fluxJy,
      offAxisRad: offAxis(apparentHourAngleDec(orientation, position.raRad, position.decRad)),
    }));
    const seen = corrupt(predict(uvwM, sky), rows, time, options.residualOf);
    const vis = seen.map((value) => value + options.noiseJy * normal(random));
    const startRow = time * rowCount;
    const interval = { timeMjd, intervalSeconds: INTEGRATION_SECONDS };
    putIntegration(table, startRow, { ...interval, ...rows, uvwM });
    table.putArray("DATA", startRow, rowCount, vis);
    table.putArray("FLAG", startRow, rowCount, new Uint8Array(rowCount * CHANNEL_COUNT * 2));
  }
  return positions;
}

function describeAntennas(offsetsM: Float64Array): Pick<MeasurementSetDescription, "antennas"> {
  const centerM = geodeticToEcef(DRIFT_SITE);
  const names = Array.from({ length: ANTENNA_COUNT }, (_, antenna) => String(antenna + 1));
  return {
    antennas: {
      names,
      stations: names.map((name) => `DSA-${name}`),
      positionsM: offsetsM.map((offset, at) => offset + centerM[at % 3]!),
      dishDiameterM: new Float64Array(ANTENNA_COUNT).fill(4.65),
    },
  };
}

function axesTowards(orientation: EarthOrientation, { raRad, decRad }: SkyPosition): Float64Array {
  const place = apparentHourAngleDec(orientation, raRad, decRad);
  const angle = framePositionAngle(orientation, raRad, decRad);
  return uvwBasis(place.hourAngleRad, place.decRad, angle);
}

/** The Measurement Set's baseline runs from antenna 2 to antenna 1. */
function baselineUvw(uvwOfAntennaM: Float64Array, { antenna1, antenna2 }: Baselines): Float64Array {
  return Float64Array.from({ length: 3 * antenna1.length }, (_, at) => {
    const row = Math.floor(at / 3);
    const [p, q] = [3 * antenna1[row]! + (at % 3), 3 * antenna2[row]! + (at % 3)];
    return uvwOfAntennaM[p]! - uvwOfAntennaM[q]!;
  });
}

interface Baselines {
  readonly antenna1: Int32Array;
  readonly antenna2: Int32Array;
}

interface Predicted {
  readonly l: number;
  readonly m: number;
  readonly n: number;
  readonly fluxJy: number;
  readonly offAxisRad: number;
}

/**
 * V = Σ S A(ν) exp(2πi (u l + v m + w (n − 1)) ν/c), both polarizations alike; the sign belongs to
 * baselines from antenna 2 to antenna 1 (docs/conventions.md).
 */
function predict(uvwM: Float64Array, sources: readonly Predicted[]): Float32Array {
  const rowCount = uvwM.length / 3;
  const vis = new Float32Array(rowCount * CHANNEL_COUNT * 2 * 2);
  for (const { l, m, n, fluxJy, offAxisRad } of sources) {
    for (const [channel, frequencyHz] of frequencies().entries()) {
      const amplitude = fluxJy * airyPower(offAxisRad, frequencyHz);
      const scale = (2 * Math.PI * frequencyHz) / SPEED_OF_LIGHT_M_S;
      for (let row = 0; row < rowCount; row++) {
        const pathM = uvwM[3 * row]! * l + uvwM[3 * row + 1]! * m + uvwM[3 * row + 2]! * (n - 1);
        const at = 4 * (row * CHANNEL_COUNT + channel);
        for (const polarization of [0, 2]) {
          vis[at + polarization]! += amplitude * Math.cos(scale * pathM);
          vis[at + polarization + 1]! += amplitude * Math.sin(scale * pathM);
        }
      }
    }
  }
  return vis;
}

function corrupt(
  vis: Float32Array,
  { antenna1, antenna2 }: Baselines,
  time: number,
  residualOf: DriftingSkyOptions["residualOf"],
): Float32Array {
  if (residualOf === undefined) return vis;
  const rowLength = vis.length / antenna1.length;
  for (let at = 0; at < vis.length; at += 2) {
    const row = Math.floor(at / rowLength);
    const [p, q] = [residualOf(antenna1[row]!, time), residualOf(antenna2[row]!, time)];
    const [size, phase] = [p.amplitude * q.amplitude, p.phaseRad - q.phaseRad];
    const [re, im, cos, sin] = [vis[at]!, vis[at + 1]!, Math.cos(phase), Math.sin(phase)];
    vis[at] = size * (re * cos - im * sin);
    vis[at + 1] = size * (re * sin + im * cos);
  }
  return vis;
}

function offAxis(place: { hourAngleRad: number; decRad: number }): number {
  return separationRad(place.hourAngleRad, place.decRad, 0, DECLINATION_RAD);
}

function cosines(center: SkyPosition, position: SkyPosition): { l: number; m: number; n: number } {
  const deltaRa = position.raRad - center.raRad;
  const l = Math.cos(position.decRad) * Math.sin(deltaRa);
  const m =
    Math.sin(position.decRad) * Math.cos(center.decRad) -
    Math.cos(position.decRad) * Math.sin(center.decRad) * Math.cos(deltaRa);
  return { l, m, n: Math.sqrt(1 - l * l - m * m) };
}

function frequencies(): Float64Array {
  return Float64Array.from(
    { length: CHANNEL_COUNT },
    (_, channel) => 1.311e9 + (channel + 0.5) * CHANNEL_WIDTH_HZ,
  );
}

function baselines(): Baselines {
  const [antenna1, antenna2]: [number[], number[]] = [[], []];
  for (let p = 0; p < ANTENNA_COUNT; p++) {
    for (let q = p + 1; q < ANTENNA_COUNT; q++) {
      antenna1.push(p);
      antenna2.push(q);
    }
  }
  return { antenna1: Int32Array.from(antenna1), antenna2: Int32Array.from(antenna2) };
}

/** Within about 700 m of the center, denser in the middle; ECEF axes [m]. */
function antennaOffsets(random: () => number): Float64Array {
  return Float64Array.from({ length: 3 * ANTENNA_COUNT }, () => 250 * normal(random));
}

/** Box and Muller (1958). */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
