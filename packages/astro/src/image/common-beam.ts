/**
 * The smallest elliptical Gaussian to which several can all be smoothed: the smallest ellipse that
 * covers theirs, all around one center.
 *
 * By Khachiyan's algorithm for the enclosing ellipsoid of points around the origin, here those of
 * the ellipses' outlines. L. Khachiyan, Math. Oper. Res. 21 (1996) 307.
 */
import type { Beam } from "./beam.ts";

const OUTLINE_POINTS = 60;
/** Of the area. */
const TOLERANCE = 3e-4;
const ROUNDS_MAX = 20_000;

/** @throws {RangeError} without a beam */
export function commonBeam(beams: readonly Beam[]): Beam {
  if (beams.length === 0) throw new RangeError("there is no beam to cover");
  const points = beams.flatMap(outline);
  let weights = points.map(() => 1 / points.length);
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const inverse = inverseMoments(points, weights);
    const reach = points.map(([x, y]) => quadratic(inverse, x, y));
    const farthest = reach.reduce((best, value, index) => (value > reach[best]! ? index : best), 0);
    // Around a known center the enclosing ellipse has xᵀM⁻¹x ≤ 2 in two dimensions.
    const excess = reach[farthest]! / 2 - 1;
    if (excess < TOLERANCE) break;
    const step = excess / (reach[farthest]! - 1);
    weights = weights.map((weight, at) => (1 - step) * weight + (at === farthest ? step : 0));
  }
  const inverse = inverseMoments(points, weights);
  // What the tolerance left outside comes in.
  const scale = Math.max(...points.map(([x, y]) => quadratic(inverse, x, y)));
  const [xx, xy, yy] = inverse;
  return beamOfQuadratic([xx / scale, xy / scale, yy / scale]);
}

type Point = readonly [x: number, y: number];
/** [xx, xy, yy] of a symmetric matrix; x towards east, y towards north. */
type Symmetric = readonly [number, number, number];

function outline({ majorRad, minorRad, positionAngleRad }: Beam): Point[] {
  const [sin, cos] = [Math.sin(positionAngleRad), Math.cos(positionAngleRad)];
  return Array.from({ length: OUTLINE_POINTS }, (_, index) => {
    // Half an outline: the other half is its mirror image.
    const angle = (Math.PI * index) / OUTLINE_POINTS;
    const [along, across] = [majorRad * Math.cos(angle), minorRad * Math.sin(angle)];
    return [along * sin + across * cos, along * cos - across * sin];
  });
}

function inverseMoments(points: readonly Point[], weights: readonly number[]): Symmetric {
  let [xx, xy, yy] = [0, 0, 0];
  for (const [index, [x, y]] of points.entries()) {
    const weight = weights[index]!;
    xx += weight * x * x;
    xy += weight * x * y;
    yy += weight * y * y;
  }
  const determinant = xx * yy - xy * xy;
  return [yy / determinant, -xy / determinant, xx / determinant];
}

function quadratic([xx, xy, yy]: Symmetric, x: number, y: number): number {
  return xx * x * x + 2 * xy * x * y + yy * y * y;
}

/** The ellipse xᵀQx = 1 as axes and angle. */
function beamOfQuadratic([xx, xy, yy]: Symmetric): Beam {
  const middle = (xx + yy) / 2;
  const half = Math.hypot((xx - yy) / 2, xy);
  // The major axis belongs to the smaller eigenvalue; its direction (sin, cos) of the angle.
  const angle = 0.5 * Math.atan2(-2 * xy, xx - yy);
  const positionAngleRad = half === 0 ? 0 : angle;
  return {
    majorRad: 1 / Math.sqrt(middle - half),
    minorRad: 1 / Math.sqrt(middle + half),
    positionAngleRad,
  };
}
