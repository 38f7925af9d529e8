/** Pure numerics of radio interferometry: no files, no network, no clock, no database. */
export {
  ARCSEC_RAD,
  DEGREE_RAD,
  formatDegrees,
  formatHours,
  parseDegrees,
  parseHours,
  separationRad,
  wrapHalfTurn,
  wrapTurn,
} from "./angle.ts";
export { apparentHourAngleDec, earthOrientation, icrsOfHourAngleDec } from "./apparent-place.ts";
export { unitVector } from "./apparent-place.ts";
export type { EarthOrientation, HourAngleDec, PolarMotion, RaDec } from "./apparent-place.ts";
export { ecefToLocal, geodeticToEcef, localToEcef } from "./geodesy.ts";
export type { Site } from "./geodesy.ts";
export { airyPower, besselJ1, DISH_DIAMETER_M, SPEED_OF_LIGHT_M_S } from "./primary-beam.ts";
export { localMeanSiderealTime } from "./sidereal.ts";
export {
  MJD_OF_JD_ZERO,
  mjdFromUnixMs,
  SECONDS_PER_DAY,
  terrestrialCenturies,
  unixMsFromMjd,
} from "./time.ts";
export { antennaUvw, framePositionAngle, uvwBasis } from "./uvw.ts";
