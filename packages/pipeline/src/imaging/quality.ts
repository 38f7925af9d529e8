/** What an image is worth: noise against theory, dynamic range, beam. Its gate judges them. */
import { type ImagePlane, robustMoments } from "@contimg/astro";

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
  const { peakJy: peak, rmsJy: rms, medianJy } = findPeak(plane);
  const above = plane.pixels.reduce((n, pixel) => n + (pixel - medianJy > 5 * rms ? 1 : 0), 0);
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

export interface Peak {
  readonly peakJy: number;
  /** Of the highest pixel, from 0. */
  readonly x: number;
  readonly y: number;
  /** Robust. */
  readonly rmsJy: number;
  readonly medianJy: number;
}

export function findPeak({ pixels, width }: ImagePlane): Peak {
  const { rms: rmsJy, median: medianJy } = robustMoments(sample(pixels));
  let at = 0;
  for (let index = 1; index < pixels.length; index += 1)
    if (pixels[index]! > pixels[at]!) at = index;
  return { peakJy: pixels[at]!, x: at % width, y: Math.floor(at / width), rmsJy, medianJy };
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
