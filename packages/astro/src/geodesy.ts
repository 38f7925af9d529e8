/**
 * Places on Earth: geodetic on WGS84, Earth-centered Earth-fixed (ECEF), and the local frame of
 * uvw work, which is ECEF turned about the pole so that x lies in the site's meridian.
 */

/** A place on the WGS84 ellipsoid. Longitude counts east. */
export interface Site {
  readonly latitudeRad: number;
  readonly longitudeRad: number;
  readonly altitudeM: number;
}

// WGS84 defining constants: NIMA TR8350.2 (2000), table 3.1.
const EQUATOR_RADIUS_M = 6_378_137;
const FLATTENING = 1 / 298.257_223_563;

/** ECEF position in meters of a place on the WGS84 ellipsoid. */
export function geodeticToEcef(site: Site): [number, number, number] {
  const eccentricitySquared = FLATTENING * (2 - FLATTENING);
  const sinLatitude = Math.sin(site.latitudeRad);
  const normalM = EQUATOR_RADIUS_M / Math.sqrt(1 - eccentricitySquared * sinLatitude ** 2);
  const axisDistanceM = (normalM + site.altitudeM) * Math.cos(site.latitudeRad);
  return [
    axisDistanceM * Math.cos(site.longitudeRad),
    axisDistanceM * Math.sin(site.longitudeRad),
    (normalM * (1 - eccentricitySquared) + site.altitudeM) * sinLatitude,
  ];
}

/**
 * Turns ECEF vectors about the pole: x in the meridian plane, y east, z to the pole.
 * @param positionsM [antenna, 3] in meters; differences are as good as positions
 * @returns a new array of the same shape
 */
export function ecefToLocal(positionsM: Float64Array, longitudeRad: number): Float64Array {
  return turnAboutPole(positionsM, longitudeRad);
}

/** The inverse of ecefToLocal. */
export function localToEcef(positionsM: Float64Array, longitudeRad: number): Float64Array {
  return turnAboutPole(positionsM, -longitudeRad);
}

function turnAboutPole(positionsM: Float64Array, angleRad: number): Float64Array {
  const turned = new Float64Array(positionsM.length);
  const cos = Math.cos(angleRad);
  const sin = Math.sin(angleRad);
  for (let at = 0; at < positionsM.length; at += 3) {
    const x = positionsM[at]!;
    const y = positionsM[at + 1]!;
    turned[at] = cos * x + sin * y;
    turned[at + 1] = cos * y - sin * x;
    turned[at + 2] = positionsM[at + 2]!;
  }
  return turned;
}

/**
 * The inverse of geodeticToEcef, to a micrometer within 10 km of the surface.
 * Source: Bowring (1976), Survey Review 23, 323; one step.
 */
export function ecefToGeodetic(xM: number, yM: number, zM: number): Site {
  const eccentricitySquared = FLATTENING * (2 - FLATTENING);
  const poleRadiusM = EQUATOR_RADIUS_M * (1 - FLATTENING);
  const axisDistanceM = Math.hypot(xM, yM);
  const reduced = Math.atan2(zM * EQUATOR_RADIUS_M, axisDistanceM * poleRadiusM);
  const latitudeRad = Math.atan2(
    zM + (eccentricitySquared / (1 - eccentricitySquared)) * poleRadiusM * Math.sin(reduced) ** 3,
    axisDistanceM - eccentricitySquared * EQUATOR_RADIUS_M * Math.cos(reduced) ** 3,
  );
  const sinLatitude = Math.sin(latitudeRad);
  const normalM = EQUATOR_RADIUS_M / Math.sqrt(1 - eccentricitySquared * sinLatitude ** 2);
  return {
    latitudeRad,
    longitudeRad: Math.atan2(yM, xM),
    altitudeM: axisDistanceM / Math.cos(latitudeRad) - normalM,
  };
}
