/**
 * What an image is worth: noise against theory, dynamic range, beam; graded by limits that are
 * configuration, because a telescope's good day is known only after some nights.
 */
import { type ImagePlane, robustMoments } from "@contimg/astro";

import type { QualityVerdict } from "../stage.ts";

export interface ImageLimits {
  /** Peak over noise below which nothing is believed to be there. */
  readonly dynamicRangeMin: number;
  readonly dynamicRangeWarn: number;
  /** Noise over the theoretical noise of natural weighting. */
  readonly noiseRatioWarn: number;
  readonly pixelsAbove5SigmaMin: number;
  readonly beamMajorArcsecMax: number;
}

export const IMAGE_LIMITS: ImageLimits = {
  dynamicRangeMin: 5,
  dynamicRangeWarn: 10,
  noiseRatioWarn: 5,
  pixelsAbove5SigmaMin: 10,
  beamMajorArcsecMax: 120,
};

export interface ImageMetrics {
  /** Robust noise of the uncorrected image. */
  readonly rms_jy: number;
  readonly theoretical_rms_jy: number;
  readonly noise_ratio: number;
  readonly peak_jy: number;
  readonly dynamic_range: number;
  readonly pixels_above_5_sigma: number;
  readonly beam_major_arcsec: number;
  readonly beam_minor_arcsec: number;
  readonly beam_position_angle_deg: number;
}

export interface NoiseTheory {
  /** System equivalent flux density of one antenna and polarization [Jy]. */
  readonly sefdJy: number;
  readonly channelWidthHz: number;
  readonly integrationSeconds: number;
  /** Stokes I visibilities that went into the image, one a baseline, channel and integration. */
  readonly visibilityCount: number;
}

/**
 * σ = SEFD / √(2 · 2 Δν Δt N): each of the N Stokes I visibilities is the mean of two polarizations
 * whose real parts have σ = SEFD/√(2ΔνΔt).
 *
 * Taylor, Carilli & Perley (1999), Synthesis Imaging II, eq. 9-26 for equal antennas, natural
 * weighting and perfect correlators.
 */
export function theoreticalNoiseJy(theory: NoiseTheory): number {
  const { sefdJy, channelWidthHz, integrationSeconds, visibilityCount } = theory;
  return sefdJy / Math.sqrt(4 * channelWidthHz * integrationSeconds * visibilityCount);
}

export function measureImage(
  plane: ImagePlane,
  beam: { majorArcsec: number; minorArcsec: number; positionAngleDeg: number },
  theoreticalRmsJy: number,
): ImageMetrics {
  const { rms, median } = robustMoments(sample(plane.pixels));
  let peak = -Infinity;
  let above = 0;
  for (const pixel of plane.pixels) {
    if (pixel > peak) peak = pixel;
    if (pixel - median > 5 * rms) above += 1;
  }
  return {
    rms_jy: rms,
    theoretical_rms_jy: theoreticalRmsJy,
    noise_ratio: rms / theoreticalRmsJy,
    peak_jy: peak,
    dynamic_range: peak / rms,
    pixels_above_5_sigma: above,
    beam_major_arcsec: beam.majorArcsec,
    beam_minor_arcsec: beam.minorArcsec,
    beam_position_angle_deg: beam.positionAngleDeg,
  };
}

export function gradeImage(metrics: ImageMetrics, limits: ImageLimits): QualityVerdict {
  const failures: string[] = [];
  const warnings: string[] = [];
  const rangeText = `dynamic range is ${metrics.dynamic_range.toFixed(1)}`;
  if (!(metrics.dynamic_range >= limits.dynamicRangeMin)) {
    failures.push(`${rangeText}, below ${limits.dynamicRangeMin}`);
  } else if (metrics.dynamic_range < limits.dynamicRangeWarn) {
    warnings.push(`${rangeText}, below ${limits.dynamicRangeWarn}`);
  }
  if (metrics.pixels_above_5_sigma < limits.pixelsAbove5SigmaMin) {
    const count = metrics.pixels_above_5_sigma;
    failures.push(`${count} pixels are above 5 sigma, fewer than ${limits.pixelsAbove5SigmaMin}`);
  }
  if (!(metrics.beam_major_arcsec <= limits.beamMajorArcsecMax)) {
    const major = metrics.beam_major_arcsec.toFixed(1);
    failures.push(`beam is ${major} arcsec long, above ${limits.beamMajorArcsecMax}`);
  }
  if (metrics.noise_ratio > limits.noiseRatioWarn) {
    const ratio = metrics.noise_ratio.toFixed(1);
    warnings.push(`noise is ${ratio} times the theoretical, above ${limits.noiseRatioWarn}`);
  }
  const grade = failures.length > 0 ? "fail" : warnings.length > 0 ? "warn" : "good";
  return { grade, findings: [...failures, ...warnings], metrics: { ...metrics } };
}

/** Every so many pixels: a quarter of a million say the noise to 0.2 %. */
export function sample(pixels: Float32Array): Float32Array {
  const stride = Math.max(1, Math.floor(pixels.length / 250_000));
  // An odd stride that shares no factor with the width visits all columns.
  const step = stride % 2 === 0 ? stride + 1 : stride;
  return Float32Array.from({ length: Math.floor(pixels.length / step) }, (_, index) => {
    return pixels[index * step]!;
  });
}
