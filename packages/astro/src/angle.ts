/** Angles: wrapping, separation on the sphere, and sexagesimal text. Radians inside, always. */

export const ARCSEC_RAD = Math.PI / (180 * 3600);
export const DEGREE_RAD = Math.PI / 180;

const TURN_RAD = 2 * Math.PI;

/** The same direction within 0 ≤ angle < 2π. */
export function wrapTurn(angleRad: number): number {
  const wrapped = angleRad % TURN_RAD;
  return wrapped < 0 ? wrapped + TURN_RAD : wrapped;
}

/** The same direction within −π ≤ angle < π. */
export function wrapHalfTurn(angleRad: number): number {
  return wrapTurn(angleRad + Math.PI) - Math.PI;
}

/**
 * Angle between two directions in one frame, in radians, 0…π.
 *
 * Vincenty's (1975) form of the great-circle distance: accurate for tiny and for opposite
 * directions alike, where the cosine rule is not.
 */
export function separationRad(
  longitude1Rad: number,
  latitude1Rad: number,
  longitude2Rad: number,
  latitude2Rad: number,
): number {
  const difference = longitude2Rad - longitude1Rad;
  const sin1 = Math.sin(latitude1Rad);
  const cos1 = Math.cos(latitude1Rad);
  const sin2 = Math.sin(latitude2Rad);
  const cos2 = Math.cos(latitude2Rad);
  const east = cos2 * Math.sin(difference);
  const north = cos1 * sin2 - sin1 * cos2 * Math.cos(difference);
  const along = sin1 * sin2 + cos1 * cos2 * Math.cos(difference);
  return Math.atan2(Math.hypot(east, north), along);
}

/** Right ascension as `HH:MM:SS.ss…`; rounding carries, so 59.999 s never prints as 60. */
export function formatHours(angleRad: number, decimals = 2): string {
  const secondsPerTurn = 86_400;
  const scale = 10 ** decimals;
  const ticks = Math.round((wrapTurn(angleRad) / TURN_RAD) * secondsPerTurn * scale);
  return sexagesimal(ticks % (secondsPerTurn * scale), decimals);
}

/** Declination as `±DD:MM:SS.s…`. */
export function formatDegrees(angleRad: number, decimals = 1): string {
  const ticks = Math.round((Math.abs(angleRad) / ARCSEC_RAD) * 10 ** decimals);
  return (angleRad < 0 ? "-" : "+") + sexagesimal(ticks, decimals);
}

/**
 * Radians of `HH:MM:SS.s` text.
 * @throws {RangeError} when the text is not three colon-separated numbers, or out of range
 */
export function parseHours(text: string): number {
  return (parseSexagesimal(text, 24) / 24) * TURN_RAD;
}

/** Radians of `±DD:MM:SS.s` text. @throws {RangeError} as parseHours, beyond ±90° too */
export function parseDegrees(text: string): number {
  return parseSexagesimal(text, 90.000_000_1) * DEGREE_RAD;
}

function parseSexagesimal(text: string, limit: number): number {
  const match = /^([+-]?)(\d{1,3}):(\d{1,2}):(\d{1,2}(?:\.\d*)?)$/.exec(text.trim());
  if (match === null) throw new RangeError(`angle "${text}" is not of the form ±DD:MM:SS.s`);
  const [, sign, whole, minutes, seconds] = match;
  const value = Number(whole) + Number(minutes) / 60 + Number(seconds) / 3600;
  if (Number(minutes) >= 60 || Number(seconds) >= 60 || value >= limit) {
    throw new RangeError(`angle "${text}" is out of range`);
  }
  return sign === "-" ? -value : value;
}

function sexagesimal(ticks: number, decimals: number): string {
  const scale = 10 ** decimals;
  const seconds = Math.floor(ticks / scale);
  const fraction = decimals > 0 ? `.${String(ticks % scale).padStart(decimals, "0")}` : "";
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":") + fraction;
}
