/** Where an array stands, for apparent places and the beam. Pure. */
import { ecefToGeodetic, type Site } from "@contimg/astro";

/** The T-centre that the correlator's own constants give (antpos), also the uvw reference. */
export const DSA_SITE: Site = {
  latitudeRad: 0.6498455107238486,
  longitudeRad: -2.064427799136453,
  altitudeM: 1188.0519,
};

/** The mean of the antennas' positions. @param positionsM [antenna, xyz] ITRF */
export function arraySite(positionsM: Float64Array): Site {
  const sums = [0, 0, 0];
  for (const [at, value] of positionsM.entries()) sums[at % 3]! += value;
  const antennaCount = positionsM.length / 3;
  const [x = 0, y = 0, z = 0] = sums.map((sum) => sum / antennaCount);
  return ecefToGeodetic(x, y, z);
}
