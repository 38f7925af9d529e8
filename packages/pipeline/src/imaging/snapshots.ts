/**
 * What shows up in one frame of a tile and not in the others. Pure.
 *
 * Frames are dirty images of single integrations. What persists is in all of them, and changes
 * slowly: sources drift through the primary beam, sidelobes turn with the sky. So each pixel's
 * course over the frames is fitted with a low polynomial, and a frame's candidate is the highest
 * peak of what the fit leaves, over the robust noise of that difference. What changes as slowly as
 * the polynomial, over minutes, is for photometry to find.
 */
import { type ImagePlane, measureNoiseMap, noiseAt, robustMoments } from "@contimg/astro";

import { sample } from "./quality.ts";

export interface FrameVerdict {
  /** Robust noise of the frame, and its highest pixel over that. */
  readonly rmsJy: number;
  readonly peakJy: number;
  readonly peakSnr: number;
  /** The same of the difference from the persistent sky. */
  readonly differenceRmsJy: number;
  readonly candidate: Candidate;
}

export interface Candidate {
  /** Pixel, counted from 0. */
  readonly x: number;
  readonly y: number;
  /** Above the persistent sky; the fit takes a share of it away, which is given back. */
  readonly fluxJy: number;
  readonly snr: number;
  /** What the persistent sky has there. */
  readonly persistentJy: number;
}

/** A drift through the beam's slope and shoulder. */
const DEGREE = 2;
const NOISE_BOX_PIXELS = 64;
/** Frames with more than this are left out of the others' fits [σ]. */
const FLASH_SNR = 5;

/**
 * @param frames equal in shape; those without a visibility are NaN or constant and get no verdict
 * @returns one a frame, undefined for a frame that says nothing
 */
export function judgeFrames(frames: readonly ImagePlane[]): (FrameVerdict | undefined)[] {
  const rms = frames.map(({ pixels }) => robustMoments(sample(pixels)).rms);
  const useful = frames.flatMap((_, index) => (rms[index]! > 0 ? [index] : []));
  const judge = (index: number, fitted: readonly number[]): FrameVerdict | undefined =>
    useful.includes(index) ? judgeFrame(frames, index, fitted, rms[index]!) : undefined;
  const first = frames.map((_, index) => judge(index, useful));
  // A strong flash bends the fit of the other frames, which makes ghosts of it.
  const calm = useful.filter((index) => first[index]!.candidate.snr < FLASH_SNR);
  if (calm.length === useful.length || calm.length <= DEGREE + 1) return first;
  return frames.map((_, index) => {
    return judge(
      index,
      [...new Set([...calm, index])].sort((p, q) => p - q),
    );
  });
}

function judgeFrame(
  frames: readonly ImagePlane[],
  index: number,
  fitted: readonly number[],
  rmsJy: number,
): FrameVerdict {
  const frame = frames[index]!;
  const row = fitted.indexOf(index);
  const shares = smoothProjection(fitted, fitted.length > DEGREE + 1 ? DEGREE : 0)[row]!;
  const persistent = combine(frames, fitted, shares);
  const difference = frame.pixels.map((pixel, at) => pixel - persistent[at]!);
  const { rms: differenceRmsJy, median } = robustMoments(sample(difference));
  const plane = { ...frame, pixels: difference };
  const noise = noiseOf(plane, differenceRmsJy);
  const significance = (pixel: number): number => difference[pixel]! / noise(pixel);
  const at = peaksOfBoxes(plane).reduce((best, pixel) =>
    significance(pixel) > significance(best) ? pixel : best,
  );
  const peakJy = frame.pixels[highest(frame.pixels)]!;
  const excess = difference[at]! - median;
  // A peak in this frame alone pulls the fit along by its own share of it.
  const kept = 1 - shares[row]!;
  const fluxJy = kept > 0 ? excess / kept : 0;
  return {
    rmsJy,
    peakJy,
    peakSnr: peakJy / rmsJy,
    differenceRmsJy,
    candidate: {
      x: at % frame.width,
      y: Math.floor(at / frame.width),
      fluxJy,
      snr: differenceRmsJy > 0 ? excess / noise(at) : 0,
      persistentJy: frame.pixels[at]! - fluxJy,
    },
  };
}

/**
 * Noise at a pixel: that around it where it is higher than the whole's, because what is left of
 * bright sources' turning sidelobes is not spread evenly.
 */
function noiseOf(difference: ImagePlane, wholeRms: number): (pixel: number) => number {
  const map = measureNoiseMap(difference, NOISE_BOX_PIXELS);
  return (pixel) => {
    const [x, y] = [pixel % difference.width, Math.floor(pixel / difference.width)];
    return Math.max(wholeRms, noiseAt(map, difference, x, y).rms);
  };
}

/**
 * The matrix that turns values at these times into those of the fitted polynomial: Σ qₖ(t) qₖ(s)
 * over orthonormal polynomials, made by Gram and Schmidt.
 */
export function smoothProjection(times: readonly number[], degree: number): number[][] {
  const basis: number[][] = [];
  const middle = times.reduce((sum, time) => sum + time, 0) / times.length;
  for (let power = 0; power <= degree; power++) {
    let column = times.map((time) => (time - middle) ** power);
    for (const earlier of basis) {
      const overlap = dot(column, earlier);
      column = column.map((value, index) => value - overlap * earlier[index]!);
    }
    const length = Math.sqrt(dot(column, column));
    basis.push(column.map((value) => value / length));
  }
  return times.map((_, row) =>
    times.map((__, column) => basis.reduce((sum, q) => sum + q[row]! * q[column]!, 0)),
  );
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + value * b[index]!, 0);
}

function combine(
  frames: readonly ImagePlane[],
  useful: readonly number[],
  shares: readonly number[],
): Float32Array {
  const sum = new Float32Array(frames[useful[0]!]!.pixels.length);
  for (const [position, index] of useful.entries()) {
    const share = shares[position]!;
    const { pixels } = frames[index]!;
    for (let at = 0; at < sum.length; at++) sum[at]! += share * pixels[at]!;
  }
  return sum;
}

/** The highest pixel of each box in which noise is measured. */
function peaksOfBoxes({ width, height, pixels }: ImagePlane): number[] {
  const columns = Math.ceil(width / NOISE_BOX_PIXELS);
  const peaks: number[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const box = Math.floor(y / NOISE_BOX_PIXELS) * columns + Math.floor(x / NOISE_BOX_PIXELS);
      const at = y * width + x;
      const best = peaks[box];
      if (best === undefined || pixels[at]! > pixels[best]!) peaks[box] = at;
    }
  }
  return peaks;
}

function highest(pixels: Float32Array): number {
  let best = 0;
  for (let at = 1; at < pixels.length; at++) {
    if (pixels[at]! > pixels[best]! || Number.isNaN(pixels[best])) best = at;
  }
  return best;
}
