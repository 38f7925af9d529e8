/**
 * Apparent place: where an ICRS direction stands in the sky of a site, as hour angle and
 * declination, and back.
 *
 * Included: frame bias, precession, nutation, annual and diurnal aberration, UT1, the secular
 * motion of the pole. Left out: refraction, parallax, light deflection (4 mas a right angle from
 * the Sun), the pole's yearly and Chandler wobble (up to 0.2″). Hour angle and declination refer
 * to the axes of the terrestrial frame in which antenna positions are given. One `EarthOrientation`
 * serves any number of directions at its time; making one costs about 50 µs.
 */
import { AstroTime, BaryState, Body } from "astronomy-engine";

import { ARCSEC_RAD, wrapTurn } from "./angle.ts";
import { geodeticToEcef } from "./geodesy.ts";
import type { Site } from "./geodesy.ts";
import { apply, multiply, transpose, trueEquinox } from "./nutation.ts";
import { turnAboutX, turnAboutY, turnAboutZ } from "./nutation.ts";
import type { Matrix3 } from "./nutation.ts";
import { SPEED_OF_LIGHT_M_S } from "./primary-beam.ts";
import { greenwichMeanSiderealTime } from "./sidereal.ts";
import { SECONDS_PER_DAY, terrestrialCenturies } from "./time.ts";

const ASTRONOMICAL_UNIT_M = 149_597_870_700;
const EARTH_TURN_RAD_S = 7.292_115e-5;
const DAYS_PER_CENTURY = 36_525;

/** The attitude and velocity of a site at one instant. */
export interface EarthOrientation {
  readonly mjdUtc: number;
  /** ICRS vector → local frame: x in the meridian at the equator, y east, z to the pole. */
  readonly localFromIcrs: Matrix3;
  readonly icrsFromLocal: Matrix3;
  /** The observer's barycentric velocity in ICRS axes, in units of the speed of light. */
  readonly velocityC: Float64Array;
}

export interface HourAngleDec {
  readonly hourAngleRad: number;
  readonly decRad: number;
}

export interface RaDec {
  readonly raRad: number;
  readonly decRad: number;
}

/** Where the Earth's axis meets its surface: x towards Greenwich, y towards 90° west. */
export interface PolarMotion {
  readonly xRad: number;
  readonly yRad: number;
}

/**
 * The orientation of the Earth, as seen from a site, at an instant.
 * @param dut1Seconds UT1 − UTC; each second left out shifts hour angles by 15.04″
 * @param pole measured polar motion; without it the mean pole, which is within 0.2″
 */
export function earthOrientation(
  mjdUtc: number,
  site: Site,
  dut1Seconds = 0,
  pole?: PolarMotion,
): EarthOrientation {
  const centuries = terrestrialCenturies(mjdUtc);
  const equinox = trueEquinox(centuries);
  const mjdUt1 = mjdUtc + dut1Seconds / SECONDS_PER_DAY;
  const siderealRad = greenwichMeanSiderealTime(mjdUt1, centuries) + equinox.equationOfEquinoxesRad;
  const earthFromIcrs = multiply(
    polarMotionMatrix(pole ?? meanPole(centuries)),
    multiply(turnAboutZ(siderealRad), equinox.fromIcrs),
  );
  const localFromIcrs = multiply(turnAboutZ(site.longitudeRad), earthFromIcrs);
  const icrsFromLocal = transpose(localFromIcrs);
  return {
    mjdUtc,
    localFromIcrs,
    icrsFromLocal,
    velocityC: observerVelocityC(centuries, site, icrsFromLocal),
  };
}

/** Apparent hour angle (−π…π, west positive) and declination of an ICRS direction. */
export function apparentHourAngleDec(
  orientation: EarthOrientation,
  raRad: number,
  decRad: number,
): HourAngleDec {
  const direction = unitVector(raRad, decRad);
  aberrate(direction, orientation.velocityC, 1);
  apply(orientation.localFromIcrs, direction, direction);
  const [x, y, z] = [direction[0]!, direction[1]!, direction[2]!];
  return { hourAngleRad: Math.atan2(-y, x), decRad: Math.atan2(z, Math.hypot(x, y)) };
}

/** The ICRS direction that stands at an apparent hour angle and declination: the exact inverse. */
export function icrsOfHourAngleDec(
  orientation: EarthOrientation,
  hourAngleRad: number,
  decRad: number,
): RaDec {
  const direction = unitVector(-hourAngleRad, decRad);
  apply(orientation.icrsFromLocal, direction, direction);
  aberrate(direction, orientation.velocityC, -1);
  const [x, y, z] = [direction[0]!, direction[1]!, direction[2]!];
  return { raRad: wrapTurn(Math.atan2(y, x)), decRad: Math.atan2(z, Math.hypot(x, y)) };
}

/** Unit vector of spherical coordinates: x to the origin of longitude, z to the pole. */
export function unitVector(longitudeRad: number, latitudeRad: number): Float64Array {
  const cosLatitude = Math.cos(latitudeRad);
  return Float64Array.of(
    cosLatitude * Math.cos(longitudeRad),
    cosLatitude * Math.sin(longitudeRad),
    Math.sin(latitudeRad),
  );
}

/** IERS Conventions (2010), TN 36, chapter 7, eq. 21 of the update of 2018. */
function meanPole(centuriesTt: number): PolarMotion {
  const years = centuriesTt * 100;
  return {
    xRad: 1e-3 * (55 + 1.677 * years) * ARCSEC_RAD,
    yRad: 1e-3 * (320.5 + 3.46 * years) * ARCSEC_RAD,
  };
}

/** IERS Conventions (2010), TN 36, eq. 5.3, turned the other way; the TIO locator is left out. */
function polarMotionMatrix(pole: PolarMotion): Matrix3 {
  return transpose(multiply(turnAboutX(pole.yRad), turnAboutY(pole.xRad)));
}

function observerVelocityC(centuriesTt: number, site: Site, icrsFromLocal: Matrix3): Float64Array {
  const time = AstroTime.FromTerrestrialTime(centuriesTt * DAYS_PER_CENTURY);
  const earth = BaryState(Body.Earth, time);
  const [xM, yM] = geodeticToEcef(site);
  const eastward = Float64Array.of(0, EARTH_TURN_RAD_S * Math.hypot(xM, yM), 0);
  apply(icrsFromLocal, eastward, eastward);
  const annual = [earth.vx, earth.vy, earth.vz];
  const velocityM = ASTRONOMICAL_UNIT_M / SECONDS_PER_DAY;
  return eastward.map((part, k) => (part + annual[k]! * velocityM) / SPEED_OF_LIGHT_M_S);
}

/**
 * Moves a unit vector by relativistic aberration; sign −1 undoes it exactly.
 * Source: Explanatory Supplement to the Astronomical Almanac, 3rd ed., eq. 7.40.
 */
function aberrate(direction: Float64Array, velocityC: Float64Array, sign: 1 | -1): void {
  const [vx, vy, vz] = [sign * velocityC[0]!, sign * velocityC[1]!, sign * velocityC[2]!];
  const along = vx * direction[0]! + vy * direction[1]! + vz * direction[2]!;
  const inverseGamma = Math.sqrt(1 - vx * vx - vy * vy - vz * vz);
  const push = 1 + along / (1 + inverseGamma);
  const scale = 1 / (1 + along);
  direction[0] = scale * (inverseGamma * direction[0]! + push * vx);
  direction[1] = scale * (inverseGamma * direction[1]! + push * vy);
  direction[2] = scale * (inverseGamma * direction[2]! + push * vz);
}
