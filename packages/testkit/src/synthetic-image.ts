/**
 * Images of known truth: beam-shaped sources on noise that is correlated like the beam, as noise in
 * interferometer images is. Seeded.
 */
import { type BeamKernel, beamValue, type ImagePlane, type PixelPosition } from "@contimg/astro";

export interface TrueSource extends PixelPosition {
  readonly flux: number;
}

export interface SyntheticImageOptions {
  readonly side: number;
  readonly kernel: BeamKernel;
  readonly sources: readonly TrueSource[];
  /** Standard deviation of a pixel; 0 for none. */
  readonly rms: number;
  readonly seed: number;
}

export function synthesizeImage(options: SyntheticImageOptions): ImagePlane {
  const { side, kernel, sources, rms, seed } = options;
  const pixels = rms > 0 ? correlatedNoise(side, kernel, rms, seed) : new Float32Array(side * side);
  for (const source of sources) addSource(pixels, side, kernel, source);
  return { width: side, height: side, pixels };
}

/** Adds flux · beam at a sub-pixel position. */
export function addSource(
  pixels: Float32Array,
  side: number,
  kernel: BeamKernel,
  source: TrueSource,
): void {
  const [cx, cy] = [Math.round(source.x), Math.round(source.y)];
  for (
    let y = Math.max(0, cy - 2 * kernel.reachY);
    y < Math.min(side, cy + 2 * kernel.reachY);
    y++
  ) {
    for (
      let x = Math.max(0, cx - 2 * kernel.reachX);
      x < Math.min(side, cx + 2 * kernel.reachX);
      x++
    ) {
      pixels[y * side + x]! += source.flux * beamValue(kernel, x - source.x, y - source.y);
    }
  }
}

/**
 * White noise smoothed with the root of the beam in the Fourier sense: a Gaussian of half the
 * variance, so that the correlation of the result is the beam itself.
 */
function correlatedNoise(
  side: number,
  kernel: BeamKernel,
  rms: number,
  seed: number,
): Float32Array {
  const random = createRandom(seed);
  const white = Float32Array.from({ length: side * side }, () => normal(random));
  const smooth = new Float32Array(side * side);
  let power = 0;
  for (let dy = -kernel.reachY; dy <= kernel.reachY; dy++) {
    for (let dx = -kernel.reachX; dx <= kernel.reachX; dx++) {
      const value = beamValue(kernel, dx, dy) ** 2;
      if (value < 1e-4) continue;
      power += value * value;
      addShifted(smooth, white, side, { dx, dy, value });
    }
  }
  return smooth.map((value) => (value * rms) / Math.sqrt(power));
}

/** Wraps around the edges: the noise has no edge. */
function addShifted(
  to: Float32Array,
  from: Float32Array,
  side: number,
  shift: { dx: number; dy: number; value: number },
): void {
  for (let y = 0; y < side; y++) {
    const row = ((y + shift.dy + side) % side) * side;
    for (let x = 0; x < side; x++) {
      to[y * side + x]! += shift.value * from[row + ((x + shift.dx + side) % side)]!;
    }
  }
}

/** Box and Muller (1958). */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Mulberry32: 32 bits of state, good enough for noise. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
