/**
 * Time scales. Files and databases carry UTC as a Modified Julian Date; precession wants TT and the
 * Earth's turn wants UT1 = UTC + dut1. A double holds an MJD to about 1 µs.
 */

export const SECONDS_PER_DAY = 86_400;
export const MJD_OF_JD_ZERO = 2_400_000.5;
export const MJD_J2000 = 51_544.5;

const MJD_OF_UNIX_EPOCH = 40_587;
const TT_MINUS_TAI_SECONDS = 32.184;

// [first MJD, TAI − UTC in s] from IERS Bulletin C; none has been announced after 2017.
const LEAP_SECONDS: readonly (readonly [number, number])[] = [
  [51_179, 32],
  [53_736, 33],
  [54_832, 34],
  [56_109, 35],
  [57_204, 36],
  [57_754, 37],
];

/** TAI − UTC in seconds. @throws {RangeError} before 1999, which no file of ours can carry */
export function taiMinusUtcSeconds(mjdUtc: number): number {
  const entry = LEAP_SECONDS.findLast(([start]) => mjdUtc >= start);
  if (entry === undefined) throw new RangeError(`MJD ${mjdUtc} is before 1999-01-01`);
  return entry[1];
}

/** Julian centuries of Terrestrial Time since J2000.0. */
export function terrestrialCenturies(mjdUtc: number): number {
  const ttMinusUtcSeconds = taiMinusUtcSeconds(mjdUtc) + TT_MINUS_TAI_SECONDS;
  return (mjdUtc - MJD_J2000 + ttMinusUtcSeconds / SECONDS_PER_DAY) / 36_525;
}

export function mjdFromUnixMs(unixMs: number): number {
  return unixMs / (SECONDS_PER_DAY * 1000) + MJD_OF_UNIX_EPOCH;
}

/** Milliseconds since 1970, rounded; a leap second has no number of its own. */
export function unixMsFromMjd(mjdUtc: number): number {
  return Math.round((mjdUtc - MJD_OF_UNIX_EPOCH) * SECONDS_PER_DAY * 1000);
}
