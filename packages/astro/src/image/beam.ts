/**
 * The restoring beam: an elliptical Gaussian of unit peak, in pixels.
 *
 * Position angle runs from north through east. On images with right ascension growing to the left
 * (CDELT1 < 0), east is −x.
 */
const FWHM_PER_SIGMA = Math.sqrt(8 * Math.LN2);

export interface Beam {
  /** Full widths at half maximum, major ≥ minor. */
  readonly majorRad: number;
  readonly minorRad: number;
  /** North through east. */
  readonly positionAngleRad: number;
}

/** K(dx, dy) = exp(−(xx·dx² + xy·dx·dy + yy·dy²)); distances in pixels. */
export interface BeamKernel {
  readonly xx: number;
  readonly xy: number;
  readonly yy: number;
  /** Half widths of the box outside which K < exp(−8) = 3e−4. */
  readonly reachX: number;
  readonly reachY: number;
  /** π·major·minor / (4 ln 2) [pixels]. */
  readonly areaPixels: number;
}

/**
 * How far noise alone moves a point source's place as least squares fit it: rms distance.
 *
 * σ_x² = σ² ΣΣ K′ᵢK′ⱼρᵢⱼ / (A ΣK′²)² along an axis, K′ the beam's slope there. With noise of
 * correlation ρ shaped like the beam all three are Gaussian integrals: σ_x = (4/3) s σ/A, s the
 * beam's standard deviation along the axis. On white noise convolved with the beam it is right to
 * 10 %. (Condon 1997, PASP 109, 166, has s σ/A, for a fit that weights by the noise's correlation.)
 */
export function placeErrorRad({ majorRad, minorRad }: Beam, peakOverNoise: number): number {
  return ((4 / 3) * Math.hypot(majorRad, minorRad)) / (FWHM_PER_SIGMA * peakOverNoise);
}

/** @param cellRad side of the square pixel; x is taken to run west, y north */
export function beamKernel(beam: Beam, cellRad: number): BeamKernel {
  const sigmaMajor = beam.majorRad / FWHM_PER_SIGMA / cellRad;
  const sigmaMinor = beam.minorRad / FWHM_PER_SIGMA / cellRad;
  if (!(sigmaMajor > 0 && sigmaMinor > 0)) {
    throw new RangeError(`beam is ${beam.majorRad} x ${beam.minorRad} rad, expected positive`);
  }
  // Unit vector of the major axis: north is +y, east is −x.
  const ux = -Math.sin(beam.positionAngleRad);
  const uy = Math.cos(beam.positionAngleRad);
  const p = 0.5 / sigmaMajor ** 2;
  const q = 0.5 / sigmaMinor ** 2;
  return {
    xx: p * ux * ux + q * uy * uy,
    xy: 2 * (p - q) * ux * uy,
    yy: p * uy * uy + q * ux * ux,
    reachX: Math.ceil(4 * Math.hypot(sigmaMajor * ux, sigmaMinor * uy)),
    reachY: Math.ceil(4 * Math.hypot(sigmaMajor * uy, sigmaMinor * ux)),
    areaPixels: 2 * Math.PI * sigmaMajor * sigmaMinor,
  };
}

/** The beam's value `dx`, `dy` pixels from its center. */
export function beamValue(kernel: BeamKernel, dx: number, dy: number): number {
  return Math.exp(-(kernel.xx * dx * dx + kernel.xy * dx * dy + kernel.yy * dy * dy));
}
