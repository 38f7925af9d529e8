/** How high a peak is that lies between pixels. */
import type { ImagePlane } from "./plane.ts";

/** Of a beam 3 pixels wide a pixel on the corner of four has 0.86 of the peak, the least there is. */
export const PIXEL_SHARE_MIN = 0.85;
/** Pixels. What a quadratic says of places further off is not about this peak. */
const OFFSET_MAX = 1;

/**
 * The top of the Gaussian through a pixel that no neighbor exceeds and its eight neighbors: the
 * logarithm of one is quadratic. The pixel itself where they have no such shape.
 */
export function heightOfPeak({ width, pixels }: ImagePlane, x: number, y: number): number {
  const at = (dx: number, dy: number): number => Math.log(pixels[(y + dy) * width + x + dx]!);
  const center = at(0, 0);
  const slopeX = (at(1, 0) - at(-1, 0)) / 2;
  const slopeY = (at(0, 1) - at(0, -1)) / 2;
  const bendX = at(1, 0) + at(-1, 0) - 2 * center;
  const bendY = at(0, 1) + at(0, -1) - 2 * center;
  const twist = (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / 4;
  const determinant = bendX * bendY - twist * twist;
  const offsetX = (twist * slopeY - bendY * slopeX) / determinant;
  const offsetY = (twist * slopeX - bendX * slopeY) / determinant;
  const isTop = determinant > 0 && Math.max(Math.abs(offsetX), Math.abs(offsetY)) <= OFFSET_MAX;
  // Where a neighbor is not positive a logarithm is not a number, and nothing compares with it.
  return isTop
    ? Math.exp(center + (slopeX * offsetX + slopeY * offsetY) / 2)
    : pixels[y * width + x]!;
}
