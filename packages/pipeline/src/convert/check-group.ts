/**
 * What must be equal in all files of a group before they become one Measurement Set.
 */
import { DEGREE_RAD, SECONDS_PER_DAY } from "@contimg/astro";

import { PipelineError } from "../errors.ts";
import type { PipelineErrorTag } from "../errors.ts";
import type { SubbandHeader } from "./subband-axis.ts";

/** Far below the beam of 2.7°, far above the noise of an encoder. */
const DECLINATION_TOLERANCE_RAD = 0.1 * DEGREE_RAD;

/**
 * @param expectedDeclinationRad where the telescope should have pointed, when the caller knows
 * @returns the declination of the pointing, radians
 * @throws {PipelineError} MalformedFile, WrongDeclination
 */
export function checkGroup(
  subbands: readonly SubbandHeader[],
  expectedDeclinationRad?: number,
): number {
  const first = subbands[0];
  if (first === undefined) throw new RangeError("a group without files cannot be converted");
  for (const subband of subbands) {
    checkCounts(subband, first);
    checkTimes(subband, first);
    checkAntennas(subband, first);
    checkDeclination(subband, declinationOf(first), first.path);
    if (expectedDeclinationRad !== undefined) {
      checkDeclination(subband, expectedDeclinationRad, "the request");
    }
  }
  return declinationOf(first);
}

function checkCounts(subband: SubbandHeader, first: SubbandHeader): void {
  for (const field of ["timeCount", "baselineCount", "polarizationCount"] as const) {
    const value = subband.header[field];
    const expected = first.header[field];
    if (value !== expected) throw differs(subband, first, field, value, expected);
  }
  const codes = subband.header.polarizationCodes.join(", ");
  const expectedCodes = first.header.polarizationCodes.join(", ");
  if (codes !== expectedCodes) {
    throw differs(subband, first, "polarization_array", codes, expectedCodes);
  }
}

/** Hosts stamp file names with different seconds, but correlate the same integrations. */
function checkTimes(subband: SubbandHeader, first: SubbandHeader): void {
  const toleranceDays = first.header.integrationSeconds[0]! / 2 / SECONDS_PER_DAY;
  for (const [time, mjd] of subband.header.timesMjd.entries()) {
    const expected = first.header.timesMjd[time]!;
    if (Math.abs(mjd - expected) < toleranceDays) continue;
    throw differs(subband, first, `time_array of integration ${time}`, mjd, expected);
  }
}

function checkAntennas(subband: SubbandHeader, first: SubbandHeader): void {
  const fields = ["antenna1Index", "antenna2Index", "antennaNumbers", "antennaPositionsM"] as const;
  for (const field of fields) {
    const values = subband.header[field];
    const expected = first.header[field];
    const at = expected.findIndex((value, index) => value !== values[index]);
    if (at >= 0 || values.length !== expected.length) {
      throw differs(subband, first, `${field}[${at}]`, values[at], expected[at]);
    }
  }
}

function checkDeclination(subband: SubbandHeader, expectedRad: number, source: string): void {
  const declinationRad = declinationOf(subband);
  // Written so that NaN fails too.
  if (Math.abs(declinationRad - expectedRad) <= DECLINATION_TOLERANCE_RAD) return;
  throw declinationError(
    "WrongDeclination",
    subband.path,
    declinationRad,
    `${(expectedRad / DEGREE_RAD).toFixed(3)}° as in ${source}`,
  );
}

/** The declination the data point at. @throws {PipelineError} WrongDeclination beyond a pole */
function declinationOf({ path, header }: SubbandHeader): number {
  const { phaseCenter, site } = header;
  if (phaseCenter.kind === "unprojected") return site.latitudeRad;
  const decRad = phaseCenter.kind === "drift" ? phaseCenter.declinationRad : phaseCenter.decRad;
  if (Math.abs(decRad) <= Math.PI / 2) return decRad;
  throw declinationError("WrongDeclination", path, decRad, "a value within ±90°");
}

function declinationError(
  tag: PipelineErrorTag,
  path: string,
  declinationRad: number,
  expected: string,
): PipelineError {
  const declinationDeg = declinationRad / DEGREE_RAD;
  return new PipelineError(
    tag,
    `${path}: phase_center_dec is ${declinationDeg.toFixed(3)}°, expected ${expected}`,
    { path, field: "phase_center_dec", declinationDeg },
  );
}

function differs(
  subband: SubbandHeader,
  first: SubbandHeader,
  field: string,
  value: unknown,
  expected: unknown,
): PipelineError {
  return new PipelineError(
    "MalformedFile",
    `${subband.path}: ${field} is ${String(value)}, ` +
      `expected ${String(expected)} as in ${first.path}`,
    { path: subband.path, field, value, expected },
  );
}
