/**
 * What shows up in one frame of a tile and not in the others. Pure.
 *
 * Frames are dirty images of single integrations. What persists is in all of them, and changes
 * slowly: sources drift through the primary beam, sidelobes turn with the sky. So each pixel's
 * course over the frames is fitted with a low polynomial, and a frame's candidate is the highest
 * peak of what the fit leaves, over the robust noise of that difference. What changes as slowly as
 * the polynomial, over minutes, is for photometry to find.
 */
import { type ImagePlane, robustMoments } from "@contimg/astro";

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

/** Two sources' worth of curvature: a drift through the beam's slope and shoulder. */
const DEGREE = 2;

/**
 * @param frames equal in shape; those without a visibility are NaN or constant and get no verdict
 * @returns one a frame, undefined for a frame that says nothing
 */
export function judgeFrames(frames: readonly ImagePlane[]): (FrameVerdict | undefined)[] {
  const moments = frames.map(({ pixels }) => robustMoments(sample(pixels)));
  const useful = frames.flatMap((_, index) => (moments[index]!.rms > 0 ? [index] : []));
  const projection = smoothProjection(useful, useful.length > DEGREE + 1 ? DEGREE : 0);
  return frames.map((frame, index) => {
    const row = useful.indexOf(index);
    if (row < 0) return undefined;
    const { rms } = moments[index]!;
    const persistent = combine(frames, useful, projection[row]!);
    const difference = frame.pixels.map((pixel, at) => pixel - persistent[at]!);
    const { rms: differenceRms, median } = robustMoments(sample(difference));
    const at = highest(difference);
    const peakJy = frame.pixels[highest(frame.pixels)]!;
    const excess = difference[at]! - median;
    // A peak in this frame alone pulls the fit along by its own share of it.
    const kept = 1 - projection[row]![row]!;
    return {
      rmsJy: rms,
      peakJy,
      peakSnr: peakJy / rms,
      differenceRmsJy: differenceRms,
      candidate: {
        x: at % frame.width,
        y: Math.floor(at / frame.width),
        fluxJy: kept > 0 ? excess / kept : 0,
        snr: differenceRms > 0 ? excess / differenceRms : 0,
        persistentJy: frame.pixels[at]! - (kept > 0 ? excess / kept : 0),
      },
    };
  });
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

function highest(pixels: Float32Array): number {
  let best = 0;
  for (let at = 1; at < pixels.length; at++) {
    if (pixels[at]! > pixels[best]! || Number.isNaN(pixels[best])) best = at;
  }
  return best;
}
