/**
 * Local mean sidereal time for clocks on a page. UT1 is taken as UTC, wrong by less than 0.9 s;
 * what computes positions uses the package astro.
 */

const MS_PER_DAY = 86_400_000;
const MJD_OF_UNIX_EPOCH = 40_587;
const MJD_J2000 = 51_544.5;
/** TT − UTC since 2017, IERS Bulletin C; a second of it moves the equinox by 1e-6 s. */
const TT_MINUS_UTC_DAYS = 69.184 / 86_400;

export function mjdOf(instant: Date): number {
  return instant.getTime() / MS_PER_DAY + MJD_OF_UNIX_EPOCH;
}

/**
 * Hours, 0 to 24. Earth rotation angle by Capitaine, Guinot & McCarthy (2000), A&A 355, 398,
 * eq. 13, plus the equinox by Capitaine, Wallace & Chapront (2003), A&A 412, 567, eq. 42, to t².
 *
 * @param longitudeDeg of the telescope, east positive
 */
export function localSiderealHours(instant: Date, longitudeDeg: number): number {
  const days = mjdOf(instant) - MJD_J2000;
  const t = (days + TT_MINUS_UTC_DAYS) / 36_525;
  const turns = (days % 1) + 0.779_057_273_264 + 0.002_737_811_911_354_48 * days;
  const arcsec = 0.014_506 + t * (4_612.156_534 + t * 1.391_581_7);
  const hours = turns * 24 + arcsec / 54_000 + longitudeDeg / 15;
  return ((hours % 24) + 24) % 24;
}
