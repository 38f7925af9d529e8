/** A plane of pixels, shape [height, width] row-major, row 0 south. NaN has no value. */
export interface ImagePlane {
  readonly width: number;
  readonly height: number;
  readonly pixels: Float32Array;
}
