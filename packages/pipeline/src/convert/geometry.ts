/**
 * The geometry of a conversion: one ICRS phase center for all integrations, and what each needs to
 * get there. Signs are those of docs/conventions.md.
 */
import {
  antennaUvw,
  apparentHourAngleDec,
  earthOrientation,
  ecefToLocal,
  framePositionAngle,
  icrsOfHourAngleDec,
  SPEED_OF_LIGHT_M_S,
  uvwBasis,
} from "@contimg/astro";
import type { EarthOrientation, RaDec } from "@contimg/astro";
import type { Uvh5Header } from "@contimg/formats";

import { PipelineError } from "../errors.ts";
import type { SubbandHeader } from "./subband-axis.ts";

const TURN_RAD = 2 * Math.PI;

export interface Geometry {
  readonly center: RaDec;
  readonly midMjd: number;
  readonly dut1Seconds: number;
  /** [antenna, 3] in the local frame, meters. */
  readonly localM: Float64Array;
  /** The direction the files are phased to, in the local frame; absent for data never phased. */
  readonly fileDirection: Float64Array | undefined;
  /** Data that already have the phase center need no rotation. */
  readonly isRotated: boolean;
}

export interface GeometryOptions {
  readonly center?: RaDec;
  readonly dut1Seconds?: number;
}

/** One integration: where each antenna is on the uvw axes, and how much its path changes. */
export interface IntegrationGeometry {
  /** [antenna, 3] on axes towards the phase center, meters. */
  readonly uvwM: Float64Array;
  /** [antenna]: p · (new − old direction), meters. */
  readonly pathM: Float64Array;
}

/**
 * The geometry of a group. Unless a center is given it is the point on the meridian, at the
 * declination of the pointing, at the middle of the observation; data phased to a fixed direction
 * keep theirs.
 * @throws {PipelineError} MalformedFile, InvalidParams
 */
export function planGeometry(
  { path, header }: SubbandHeader,
  options: GeometryOptions = {},
): Geometry {
  const { site, phaseCenter, timesMjd } = header;
  const dut1Seconds = options.dut1Seconds ?? header.dut1Seconds ?? 0;
  const midMjd = (timesMjd[0]! + timesMjd.at(-1)!) / 2;
  const localM = ecefToLocal(header.antennaPositionsM, site.longitudeRad);
  const base = { midMjd, dut1Seconds, localM };
  if (phaseCenter.kind === "sidereal") {
    const center = { raRad: phaseCenter.raRad, decRad: phaseCenter.decRad };
    checkKept(path, phaseCenter.frame, options.center);
    return { ...base, center, fileDirection: undefined, isRotated: false };
  }
  const isDrift = phaseCenter.kind === "drift";
  const declinationRad = isDrift ? phaseCenter.declinationRad : site.latitudeRad;
  const earth = earthOrientation(midMjd, site, dut1Seconds);
  const center = options.center ?? icrsOfHourAngleDec(earth, 0, declinationRad);
  const fileDirection = isDrift ? uvwBasis(0, declinationRad).subarray(6, 9) : undefined;
  return { ...base, center, fileDirection, isRotated: true };
}

/** Data phased to a direction stay there: turning them elsewhere would need it twice as exactly. */
function checkKept(path: string, frame: string, asked: RaDec | undefined): void {
  if (frame !== "icrs" && frame !== "fk5") {
    throw new PipelineError(
      "MalformedFile",
      `${path}: phase center frame is ${frame}, expected icrs or fk5`,
      { path, field: "phase_center_frame", value: frame },
    );
  }
  if (asked !== undefined) {
    throw new PipelineError(
      "InvalidParams",
      `${path}: data are phased to a direction already, expected no other phase center`,
      { path },
    );
  }
}

export function integrationGeometry(
  header: Uvh5Header,
  geometry: Geometry,
  time: number,
): IntegrationGeometry {
  const earth = earthOrientation(header.timesMjd[time]!, header.site, geometry.dut1Seconds);
  const basis = basisTowards(earth, geometry.center);
  const uvwM = antennaUvw(geometry.localM, basis);
  const antennaCount = geometry.localM.length / 3;
  const pathM = new Float64Array(antennaCount);
  const [x = 0, y = 0, z = 0] = geometry.fileDirection ?? [];
  for (let antenna = 0; geometry.isRotated && antenna < antennaCount; antenna += 1) {
    const at = 3 * antenna;
    const p = geometry.localM;
    const oldPathM = p[at]! * x + p[at + 1]! * y + p[at + 2]! * z;
    pathM[antenna] = uvwM[at + 2]! - oldPathM;
  }
  return { uvwM, pathM };
}

function basisTowards(earth: EarthOrientation, { raRad, decRad }: RaDec): Float64Array {
  const place = apparentHourAngleDec(earth, raRad, decRad);
  return uvwBasis(place.hourAngleRad, place.decRad, framePositionAngle(earth, raRad, decRad));
}

/**
 * exp(2πi ν path / c) of every antenna and channel.
 * @param target [antenna, channel], interleaved re, im
 */
export function fillPhasors(
  target: Float64Array,
  pathM: Float64Array,
  frequencyHz: Float64Array,
): void {
  let at = 0;
  for (const antennaPathM of pathM) {
    const radPerHz = (TURN_RAD * antennaPathM) / SPEED_OF_LIGHT_M_S;
    for (const channelHz of frequencyHz) {
      const phaseRad = radPerHz * channelHz;
      target[at] = Math.cos(phaseRad);
      target[at + 1] = Math.sin(phaseRad);
      at += 2;
    }
  }
}
