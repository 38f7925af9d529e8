/**
 * Forced photometry: the flux of a beam-shaped source at a place that is known beforehand.
 *
 * flux = Σ(d K / n²) / Σ(K² / n²), the weighted least-squares amplitude of the restoring beam K at
 * the sub-pixel position; with neighbors, the joint least-squares solution of all amplitudes.
 *
 * Error. Image noise is correlated over the beam, so σ/√ΣK², right for white noise, is too small by
 * about the root of the beam's area in pixels. With noise of variance σ² and correlation ρ shaped
 * like the beam, var = σ² ΣΣ KᵢKⱼρᵢⱼ / (ΣK²)² = (4/3) σ² for a Gaussian K (both sums are Gaussian
 * integrals). That is what is reported: 1.155 σ for an isolated source.
 */
import { beamValue, type BeamKernel } from "./beam.ts";
import { solveInPlace } from "../cholesky.ts";
import { fitComponents } from "./fit-gaussian.ts";
import type { ImagePlane } from "./plane.ts";
import { robustMoments } from "./statistics.ts";
import type { PixelPosition } from "./wcs.ts";

/** √(4/3): see above. */
export const CORRELATED_NOISE_FACTOR = Math.sqrt(4 / 3);

export interface ForcedMeasurement {
  /** In the image's unit, for a point source Jy; NaN off the image. */
  readonly flux: number;
  readonly fluxError: number;
  readonly snr: number;
  /** Noise in the annulus, at the source. */
  readonly localRms: number;
  /** Fitted position where the source is bright enough for one. */
  readonly centroid: PixelPosition | undefined;
  /** Sources fitted together with this one. */
  readonly neighborCount: number;
}

/** Noise annulus in units of the larger reach of the beam (4 σ): clear of the source's wings. */
const ANNULUS_INNER_REACH = 1;
const ANNULUS_OUTER_REACH = 4;
/** Below this a fitted position says little and may walk to a neighbor. */
const CENTROID_SNR_MIN = 5;
/** Fewer finite pixels than this share of the beam's box, or of the annulus: no measurement. */
const FINITE_SHARE_MIN = 0.5;
/** Neighbors farther than this many beam widths (in −ln K) cannot matter. */
const NEIGHBOR_BEAM_VALUE_MIN = 1e-4;

/**
 * Measures every position; those whose beams overlap are measured together.
 *
 * @param noise relative noise of each pixel, shape of the plane: 1/primary beam on a corrected
 *   image; its scale does not matter
 */
export function measureForced(
  plane: ImagePlane,
  kernel: BeamKernel,
  positions: readonly (PixelPosition | undefined)[],
  noise?: Float32Array,
): ForcedMeasurement[] {
  return positions.map((position) => {
    if (position === undefined) return OFF_IMAGE;
    const neighbors = positions.filter(
      (other): other is PixelPosition =>
        other !== undefined && other !== position && overlaps(kernel, position, other),
    );
    return measureOne(plane, kernel, [position, ...neighbors], noise);
  });
}

const OFF_IMAGE: ForcedMeasurement = {
  flux: NaN,
  fluxError: NaN,
  snr: NaN,
  localRms: NaN,
  centroid: undefined,
  neighborCount: 0,
};

function overlaps(kernel: BeamKernel, a: PixelPosition, b: PixelPosition): boolean {
  // The overlap integral of two equal beams falls as the root of one of them.
  return Math.sqrt(beamValue(kernel, b.x - a.x, b.y - a.y)) > NEIGHBOR_BEAM_VALUE_MIN;
}

function measureOne(
  plane: ImagePlane,
  kernel: BeamKernel,
  blend: readonly PixelPosition[],
  noise: Float32Array | undefined,
): ForcedMeasurement {
  const target = blend[0]!;
  const localRms = annulusRms(plane, kernel, target);
  const amplitudes = solveAmplitudes(plane, kernel, blend, noise);
  if (amplitudes === undefined || !(localRms > 0)) return OFF_IMAGE;
  const flux = amplitudes[0]!;
  const fluxError = CORRELATED_NOISE_FACTOR * localRms;
  const snr = flux / fluxError;
  return {
    flux,
    fluxError,
    snr,
    localRms,
    centroid: snr >= CENTROID_SNR_MIN ? fitCentroid(plane, kernel, blend, amplitudes) : undefined,
    neighborCount: blend.length - 1,
  };
}

/** Weighted normal equations over the box of the first position; undefined when it lacks pixels. */
function solveAmplitudes(
  plane: ImagePlane,
  kernel: BeamKernel,
  blend: readonly PixelPosition[],
  noise: Float32Array | undefined,
): Float64Array | undefined {
  const order = blend.length;
  const matrix = new Float64Array(order * order);
  const right = new Float64Array(order);
  const values = new Float64Array(order);
  let missing = 0;
  let used = 0;
  for (const { index, x, y } of boxPixels(plane, kernel, blend[0]!)) {
    const pixel = index < 0 ? NaN : plane.pixels[index]!;
    const relativeNoise = noise === undefined || index < 0 ? 1 : noise[index]!;
    if (!Number.isFinite(pixel) || !(relativeNoise > 0)) {
      missing += 1;
      continue;
    }
    used += 1;
    for (let k = 0; k < order; k++) values[k] = beamValue(kernel, x - blend[k]!.x, y - blend[k]!.y);
    const weight = 1 / (relativeNoise * relativeNoise);
    for (let row = 0; row < order; row++) {
      right[row]! += weight * values[row]! * pixel;
      for (let column = 0; column <= row; column++) {
        matrix[row * order + column]! += weight * values[row]! * values[column]!;
      }
    }
  }
  if (used < FINITE_SHARE_MIN * (used + missing)) return undefined;
  return solveInPlace(matrix, right) ? right : undefined;
}

function* boxPixels(
  plane: ImagePlane,
  kernel: BeamKernel,
  center: PixelPosition,
): Generator<{ index: number; x: number; y: number }> {
  const [cx, cy] = [Math.round(center.x), Math.round(center.y)];
  for (let y = cy - kernel.reachY; y <= cy + kernel.reachY; y++) {
    for (let x = cx - kernel.reachX; x <= cx + kernel.reachX; x++) {
      const inside = x >= 0 && x < plane.width && y >= 0 && y < plane.height;
      yield { index: inside ? y * plane.width + x : -1, x, y };
    }
  }
}

/** Robust noise of the ring around the source; NaN when less than half of it has values. */
function annulusRms(plane: ImagePlane, kernel: BeamKernel, center: PixelPosition): number {
  const reach = Math.max(kernel.reachX, kernel.reachY);
  const inner2 = (ANNULUS_INNER_REACH * reach) ** 2;
  const outer = Math.ceil(ANNULUS_OUTER_REACH * reach);
  const values: number[] = [];
  let ringCount = 0;
  const [cx, cy] = [Math.round(center.x), Math.round(center.y)];
  for (let dy = -outer; dy <= outer; dy++) {
    for (let dx = -outer; dx <= outer; dx++) {
      const r2 = dx * dx + dy * dy;
      if (r2 < inner2 || r2 > outer * outer) continue;
      ringCount += 1;
      const [x, y] = [cx + dx, cy + dy];
      if (x < 0 || x >= plane.width || y < 0 || y >= plane.height) continue;
      const value = plane.pixels[y * plane.width + x]!;
      if (Number.isFinite(value)) values.push(value);
    }
  }
  return values.length < FINITE_SHARE_MIN * ringCount ? NaN : robustMoments(values).rms;
}

/** Position fitted from the catalogue's; undefined when the fit leaves the beam it began in. */
function fitCentroid(
  plane: ImagePlane,
  kernel: BeamKernel,
  blend: readonly PixelPosition[],
  amplitudes: Float64Array,
): PixelPosition | undefined {
  const start = blend.map(({ x, y }, index) => ({ amplitude: amplitudes[index]!, x, y }));
  const { components, converged } = fitComponents(plane, kernel, start);
  const fitted = components[0]!;
  const { x, y } = blend[0]!;
  if (!converged || beamValue(kernel, fitted.x - x, fitted.y - y) < 0.5) return undefined;
  return { x: fitted.x, y: fitted.y };
}
