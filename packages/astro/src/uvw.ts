/**
 * The uvw frame: w towards a direction, v towards north, u towards east, seen from the local frame
 * of `geodesy.ts` (x in the meridian, y east, z to the pole).
 *
 * Signs and directions of baselines in each file format: docs/conventions.md.
 */
import { apparentHourAngleDec } from "./apparent-place.ts";
import type { EarthOrientation } from "./apparent-place.ts";

/**
 * Unit vectors of u, v, w as rows, for a direction at an apparent hour angle and declination.
 *
 * Thompson, Moran & Swenson (2017), Interferometry and Synthesis in Radio Astronomy, eq. 4.1,
 * turned about w by the position angle, so that v points to the north of another frame.
 * @param positionAngleRad of that frame's north, from apparent north through east
 * @returns [3, 3] row-major
 */
export function uvwBasis(hourAngleRad: number, decRad: number, positionAngleRad = 0): Float64Array {
  const sinH = Math.sin(hourAngleRad);
  const cosH = Math.cos(hourAngleRad);
  const sinD = Math.sin(decRad);
  const cosD = Math.cos(decRad);
  const cosP = Math.cos(positionAngleRad);
  const sinP = Math.sin(positionAngleRad);
  const east = [sinH, cosH, 0] as const;
  const north = [-sinD * cosH, sinD * sinH, cosD] as const;
  return Float64Array.of(
    ...east.map((value, k) => cosP * value - sinP * north[k]!),
    ...east.map((value, k) => sinP * value + cosP * north[k]!),
    ...[cosD * cosH, -cosD * sinH, sinD],
  );
}

/**
 * Position angle of ICRS north at an ICRS direction, from apparent north through east, in radians.
 * Not defined within 0.01° of either pole.
 */
export function framePositionAngle(
  orientation: EarthOrientation,
  raRad: number,
  decRad: number,
): number {
  const stepRad = 1e-5;
  const south = apparentHourAngleDec(orientation, raRad, decRad - stepRad);
  const north = apparentHourAngleDec(orientation, raRad, decRad + stepRad);
  const cosDec = Math.cos((south.decRad + north.decRad) / 2);
  const eastRad = Math.sin(south.hourAngleRad - north.hourAngleRad) * cosDec;
  return Math.atan2(eastRad, north.decRad - south.decRad);
}

/**
 * uvw of every antenna, whose differences are those of the baselines.
 * @param localM [antenna, 3] in the local frame, meters
 * @param basis of `uvwBasis`
 * @returns [antenna, 3] in meters
 */
export function antennaUvw(localM: Float64Array, basis: Float64Array): Float64Array {
  const uvwM = new Float64Array(localM.length);
  for (let at = 0; at < localM.length; at += 3) {
    const [x, y, z] = [localM[at]!, localM[at + 1]!, localM[at + 2]!];
    for (let row = 0; row < 3; row += 1) {
      const b = 3 * row;
      uvwM[at + row] = basis[b]! * x + basis[b + 1]! * y + basis[b + 2]! * z;
    }
  }
  return uvwM;
}
