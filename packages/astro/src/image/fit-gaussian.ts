/**
 * Fits beam-shaped components to an image: amplitude and sub-pixel position of each, several at
 * once where they overlap.
 *
 * The shape is the restoring beam's and is not fitted: a point source in a CLEANed image has it,
 * and two free parameters fewer a source make faint fits stable. Levenberg (1944) and Marquardt
 * (1963) with the scaling of the latter.
 */
import { beamValue, type BeamKernel } from "./beam.ts";
import { solveInPlace } from "../cholesky.ts";
import type { ImagePlane } from "./plane.ts";

export interface Component {
  /** Peak above the background, in the image's unit. */
  readonly amplitude: number;
  /** Pixels, from 0. */
  readonly x: number;
  readonly y: number;
}

export interface ComponentFit {
  readonly components: readonly Component[];
  readonly converged: boolean;
  /** Root mean square of image − model over the fitted pixels. */
  readonly residualRms: number;
}

const ITERATIONS_MAX = 40;
/** Stop when no position moves by more than this; far below any noise. */
const SHIFT_PIXELS_MIN = 1e-4;
/** Pixels where the beam of the starting position is above this take part. */
const BEAM_VALUE_MIN = 0.05;

interface Samples {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly value: Float64Array;
}

/**
 * @param start one entry a component; amplitudes need not be good, positions within half a beam
 * @param background constant subtracted from every pixel
 */
export function fitComponents(
  plane: ImagePlane,
  kernel: BeamKernel,
  start: readonly Component[],
  background = 0,
): ComponentFit {
  const samples = collectSamples(plane, kernel, start, background);
  let parameters = Float64Array.from(start.flatMap(({ amplitude, x, y }) => [amplitude, x, y]));
  let chi2 = sumOfSquares(samples, kernel, parameters);
  let damping = 1e-3;
  let converged = false;
  for (let iteration = 0; iteration < ITERATIONS_MAX && !converged; iteration++) {
    const step = dampedStep(samples, kernel, parameters, damping);
    const next = parameters.map((value, index) => value + (step?.[index] ?? NaN));
    const nextChi2 = sumOfSquares(samples, kernel, next);
    if (step !== undefined && nextChi2 <= chi2) {
      converged = largestShift(step) < SHIFT_PIXELS_MIN;
      [parameters, chi2, damping] = [next, nextChi2, damping / 5];
    } else {
      damping *= 10;
      // No downhill step of any length is left: this is the minimum, to rounding.
      if (damping > 1e8) converged = step !== undefined;
      if (damping > 1e8) break;
    }
  }
  return {
    components: start.map((_, index) => ({
      amplitude: parameters[3 * index]!,
      x: parameters[3 * index + 1]!,
      y: parameters[3 * index + 2]!,
    })),
    converged: converged && parameters.every(Number.isFinite),
    residualRms: Math.sqrt(chi2 / samples.value.length),
  };
}

function collectSamples(
  plane: ImagePlane,
  kernel: BeamKernel,
  start: readonly Component[],
  background: number,
): Samples {
  const kept: number[] = [];
  const seen = new Set<number>();
  for (const { x, y } of start) {
    const [cx, cy] = [Math.round(x), Math.round(y)];
    for (
      let py = Math.max(0, cy - kernel.reachY);
      py <= Math.min(plane.height - 1, cy + kernel.reachY);
      py++
    ) {
      for (
        let px = Math.max(0, cx - kernel.reachX);
        px <= Math.min(plane.width - 1, cx + kernel.reachX);
        px++
      ) {
        const index = py * plane.width + px;
        if (seen.has(index) || beamValue(kernel, px - x, py - y) < BEAM_VALUE_MIN) continue;
        seen.add(index);
        if (Number.isFinite(plane.pixels[index])) kept.push(index);
      }
    }
  }
  return {
    x: Float64Array.from(kept, (index) => index % plane.width),
    y: Float64Array.from(kept, (index) => Math.floor(index / plane.width)),
    value: Float64Array.from(kept, (index) => plane.pixels[index]! - background),
  };
}

function modelAt(kernel: BeamKernel, parameters: Float64Array, x: number, y: number): number {
  let sum = 0;
  for (let p = 0; p < parameters.length; p += 3) {
    sum += parameters[p]! * beamValue(kernel, x - parameters[p + 1]!, y - parameters[p + 2]!);
  }
  return sum;
}

function sumOfSquares(samples: Samples, kernel: BeamKernel, parameters: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < samples.value.length; index++) {
    const model = modelAt(kernel, parameters, samples.x[index]!, samples.y[index]!);
    sum += (samples.value[index]! - model) ** 2;
  }
  return sum;
}

/** (JᵀJ + λ diag JᵀJ) step = Jᵀ residual; undefined when that system is singular. */
function dampedStep(
  samples: Samples,
  kernel: BeamKernel,
  parameters: Float64Array,
  damping: number,
): Float64Array | undefined {
  const order = parameters.length;
  const matrix = new Float64Array(order * order);
  const right = new Float64Array(order);
  const gradient = new Float64Array(order);
  for (let index = 0; index < samples.value.length; index++) {
    const [x, y] = [samples.x[index]!, samples.y[index]!];
    let residual = samples.value[index]!;
    for (let p = 0; p < order; p += 3) {
      const [dx, dy] = [x - parameters[p + 1]!, y - parameters[p + 2]!];
      const value = beamValue(kernel, dx, dy);
      const scaled = parameters[p]! * value;
      residual -= scaled;
      gradient[p] = value;
      gradient[p + 1] = scaled * (2 * kernel.xx * dx + kernel.xy * dy);
      gradient[p + 2] = scaled * (2 * kernel.yy * dy + kernel.xy * dx);
    }
    accumulate(matrix, right, gradient, residual);
  }
  for (let p = 0; p < order; p++) matrix[p * order + p]! *= 1 + damping;
  return solveInPlace(matrix, right) ? right : undefined;
}

function accumulate(
  matrix: Float64Array,
  right: Float64Array,
  gradient: Float64Array,
  residual: number,
): void {
  const order = gradient.length;
  for (let row = 0; row < order; row++) {
    right[row]! += gradient[row]! * residual;
    for (let column = 0; column <= row; column++) {
      matrix[row * order + column]! += gradient[row]! * gradient[column]!;
    }
  }
}

function largestShift(step: Float64Array): number {
  let largest = 0;
  for (let p = 0; p < step.length; p += 3) {
    largest = Math.max(largest, Math.abs(step[p + 1]!), Math.abs(step[p + 2]!));
  }
  return largest;
}
