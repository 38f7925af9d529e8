/**
 * The Earth's turn: rotation angle, mean and apparent sidereal time.
 *
 * The arguments are two times on purpose: the turn follows UT1, the equinox follows TT.
 */
import { ARCSEC_RAD, wrapTurn } from "./angle.ts";
import { MJD_J2000 } from "./time.ts";

/** Earth rotation angle in radians. Capitaine, Guinot & McCarthy (2000), A&A 355, 398, eq. 13. */
export function earthRotationAngle(mjdUt1: number): number {
  const days = mjdUt1 - MJD_J2000;
  const turns = (days % 1) + 0.779_057_273_264 + 0.002_737_811_911_354_48 * days;
  return wrapTurn(2 * Math.PI * turns);
}

/**
 * Greenwich mean sidereal time in radians (IAU 2006).
 * Capitaine, Wallace & Chapront (2003), A&A 412, 567, eq. 42.
 */
export function greenwichMeanSiderealTime(mjdUt1: number, centuriesTt: number): number {
  const t = centuriesTt;
  const arcsec =
    0.014_506 + t * (4_612.156_534 + t * (1.391_581_7 + t * (-4.4e-7 - t * 2.995_6e-5)));
  return wrapTurn(earthRotationAngle(mjdUt1) + arcsec * ARCSEC_RAD);
}

/** Local mean sidereal time in radians: the right ascension, of date, that culminates now. */
export function localMeanSiderealTime(
  mjdUt1: number,
  centuriesTt: number,
  longitudeRad: number,
): number {
  return wrapTurn(greenwichMeanSiderealTime(mjdUt1, centuriesTt) + longitudeRad);
}
