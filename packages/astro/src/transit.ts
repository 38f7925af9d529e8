/**
 * When a source crosses the meridian: the instant of apparent hour angle 0, iterated, since
 * aberration and nutation move the place while it waits.
 */
import { wrapHalfTurn, wrapTurn } from "./angle.ts";
import { apparentHourAngleDec, earthOrientation, type RaDec } from "./apparent-place.ts";
import type { Site } from "./geodesy.ts";
import { trueEquinox } from "./nutation.ts";
import { localMeanSiderealTime } from "./sidereal.ts";
import { SECONDS_PER_DAY, terrestrialCenturies } from "./time.ts";

/** Turns of the Earth against the equinox in a day of UT1: Capitaine et al. (2000), eq. 13. */
const SIDEREAL_TURNS_PER_DAY = 1.002_737_811_911_354_48;
/** A tenth of a millisecond. */
const STEP_DAYS_MIN = 1e-9;
const STEPS_MAX = 10;

export interface Transit {
  readonly mjdUtc: number;
  /** Apparent sidereal time at the site's meridian, in radians. */
  readonly siderealTimeRad: number;
  /** Apparent, in the axes of the terrestrial frame. */
  readonly decRad: number;
  /** Above the horizon, without refraction. */
  readonly elevationRad: number;
}

/**
 * The first upper transit at or after a time.
 * @param source ICRS
 * @param dut1Seconds UT1 − UTC: left out, the transit is wrong by just as much
 */
export function nextTransit(source: RaDec, site: Site, afterMjd: number, dut1Seconds = 0): Transit {
  const placeAt = (mjd: number) =>
    apparentHourAngleDec(earthOrientation(mjd, site, dut1Seconds), source.raRad, source.decRad);
  const daysPerRad = 1 / (2 * Math.PI * SIDEREAL_TURNS_PER_DAY);
  let mjdUtc = afterMjd + wrapTurn(-placeAt(afterMjd).hourAngleRad) * daysPerRad;
  mjdUtc = settle(mjdUtc);
  // Settling may step to just before the start: then the one asked for is a sidereal day later.
  if (mjdUtc < afterMjd) mjdUtc = settle(mjdUtc + 1 / SIDEREAL_TURNS_PER_DAY);
  const { decRad } = placeAt(mjdUtc);
  return {
    mjdUtc,
    siderealTimeRad: localApparentSiderealTime(mjdUtc, site.longitudeRad, dut1Seconds),
    decRad,
    elevationRad: Math.PI / 2 - Math.abs(site.latitudeRad - decRad),
  };

  function settle(guess: number): number {
    let mjd = guess;
    for (let step = 0; step < STEPS_MAX; step += 1) {
      const days = -wrapHalfTurn(placeAt(mjd).hourAngleRad) * daysPerRad;
      mjd += days;
      if (Math.abs(days) < STEP_DAYS_MIN) break;
    }
    return mjd;
  }
}

/** All upper transits from a time, for so many days. */
export function transitsDuring(
  source: RaDec,
  site: Site,
  fromMjd: number,
  days: number,
  dut1Seconds = 0,
): Transit[] {
  const transits: Transit[] = [];
  let transit = nextTransit(source, site, fromMjd, dut1Seconds);
  while (transit.mjdUtc < fromMjd + days) {
    transits.push(transit);
    transit = nextTransit(source, site, transit.mjdUtc + 0.5, dut1Seconds);
  }
  return transits;
}

/** The apparent right ascension, of date, that culminates now. */
export function localApparentSiderealTime(
  mjdUtc: number,
  longitudeRad: number,
  dut1Seconds = 0,
): number {
  const centuries = terrestrialCenturies(mjdUtc);
  const mjdUt1 = mjdUtc + dut1Seconds / SECONDS_PER_DAY;
  return wrapTurn(
    localMeanSiderealTime(mjdUt1, centuries, longitudeRad) +
      trueEquinox(centuries).equationOfEquinoxesRad,
  );
}
