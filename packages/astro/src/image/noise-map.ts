/**
 * Local background and noise over an image: robust moments in boxes, bilinear between centers.
 *
 * A box much larger than a source keeps sources out of its own noise; one much smaller than the
 * field follows the artefacts of bright sources and the edge.
 */
import type { ImagePlane } from "./plane.ts";
import { median, robustMoments } from "./statistics.ts";

export interface NoiseMap {
  readonly boxPixels: number;
  readonly columnCount: number;
  readonly rowCount: number;
  /** Shape [row, column]; NaN where a box has too few pixels and no neighbor either. */
  readonly rms: Float64Array;
  readonly background: Float64Array;
}

/** Boxes with fewer finite pixels than this share of their area take the image's median noise. */
const FINITE_SHARE_MIN = 0.25;
/** Every other pixel both ways: neighbors inside a beam say the same thing. */
const PIXEL_STRIDE = 2;

export function measureNoiseMap(plane: ImagePlane, boxPixels: number): NoiseMap {
  const columnCount = Math.max(1, Math.round(plane.width / boxPixels));
  const rowCount = Math.max(1, Math.round(plane.height / boxPixels));
  const rms = new Float64Array(rowCount * columnCount);
  const background = new Float64Array(rowCount * columnCount);
  for (let row = 0; row < rowCount; row++) {
    for (let column = 0; column < columnCount; column++) {
      const box = boxValues(plane, {
        left: Math.floor((column * plane.width) / columnCount),
        right: Math.floor(((column + 1) * plane.width) / columnCount),
        bottom: Math.floor((row * plane.height) / rowCount),
        top: Math.floor(((row + 1) * plane.height) / rowCount),
      });
      const moments = robustMoments(box);
      const enough = moments.count >= FINITE_SHARE_MIN * box.length;
      rms[row * columnCount + column] = enough ? moments.rms : NaN;
      background[row * columnCount + column] = enough ? moments.median : NaN;
    }
  }
  fillGaps(rms, median(rms));
  fillGaps(background, 0);
  return { boxPixels, columnCount, rowCount, rms, background };
}

/** Bilinear between box centers; constant outside the outermost centers. */
export function noiseAt(
  map: NoiseMap,
  plane: ImagePlane,
  x: number,
  y: number,
): { rms: number; background: number } {
  const column = clamp(((x + 0.5) * map.columnCount) / plane.width - 0.5, map.columnCount);
  const row = clamp(((y + 0.5) * map.rowCount) / plane.height - 0.5, map.rowCount);
  const left = Math.min(Math.floor(column), Math.max(0, map.columnCount - 2));
  const bottom = Math.min(Math.floor(row), Math.max(0, map.rowCount - 2));
  const fx = column - left;
  const fy = row - bottom;
  const right = Math.min(left + 1, map.columnCount - 1);
  const top = Math.min(bottom + 1, map.rowCount - 1);
  const mix = (values: Float64Array): number => {
    const at = (r: number, c: number): number => values[r * map.columnCount + c]!;
    const low = at(bottom, left) * (1 - fx) + at(bottom, right) * fx;
    return low * (1 - fy) + (at(top, left) * (1 - fx) + at(top, right) * fx) * fy;
  };
  return { rms: mix(map.rms), background: mix(map.background) };
}

function boxValues(
  plane: ImagePlane,
  box: { left: number; right: number; bottom: number; top: number },
): Float64Array {
  const columnCount = Math.ceil((box.right - box.left) / PIXEL_STRIDE);
  const rowCount = Math.ceil((box.top - box.bottom) / PIXEL_STRIDE);
  const values = new Float64Array(columnCount * rowCount);
  let index = 0;
  for (let y = box.bottom; y < box.top; y += PIXEL_STRIDE) {
    for (let x = box.left; x < box.right; x += PIXEL_STRIDE) {
      values[index++] = plane.pixels[y * plane.width + x]!;
    }
  }
  return values;
}

function fillGaps(values: Float64Array, filler: number): void {
  for (let index = 0; index < values.length; index++) {
    if (Number.isNaN(values[index])) values[index] = filler;
  }
}

function clamp(position: number, count: number): number {
  return Math.min(Math.max(position, 0), count - 1);
}
