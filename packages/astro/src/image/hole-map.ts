/** The deepest negative pixel near a place: how large artefacts are there. */
import type { ImagePlane } from "./plane.ts";

export interface HoleMap {
  /** Depth ≥ 0 of the deepest pixel in the 3×3 boxes around (x, y). */
  depthAt(x: number, y: number): number;
}

export function measureHoles(plane: ImagePlane, boxPixels: number): HoleMap {
  const columnCount = Math.ceil(plane.width / boxPixels);
  const rowCount = Math.ceil(plane.height / boxPixels);
  const depths = new Float64Array(columnCount * rowCount);
  for (let y = 0; y < plane.height; y++) {
    const firstBox = Math.floor(y / boxPixels) * columnCount;
    for (let x = 0; x < plane.width; x++) {
      const value = plane.pixels[y * plane.width + x]!;
      const box = firstBox + Math.floor(x / boxPixels);
      if (-value > depths[box]!) depths[box] = -value;
    }
  }
  return {
    depthAt(x, y) {
      const column = Math.floor(x / boxPixels);
      const row = Math.floor(y / boxPixels);
      let deepest = 0;
      for (let r = Math.max(0, row - 1); r <= Math.min(rowCount - 1, row + 1); r++) {
        for (let c = Math.max(0, column - 1); c <= Math.min(columnCount - 1, column + 1); c++) {
          deepest = Math.max(deepest, depths[r * columnCount + c]!);
        }
      }
      return deepest;
    },
  };
}
