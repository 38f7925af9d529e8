/**
 * What bright sources leave around them that looks like sources, told by its place.
 *
 * A sidelobe is removed as well as the source follows the model (flat over band and time), so a
 * share of it may be left. Errors of phase make pairs: by Hermitian symmetry their image is odd
 * about the source, a peak on one side and a hole as deep at the mirrored place. A source is no
 * pair: what is mirrored to it is noise.
 */
import { beamValue, type BeamKernel } from "./beam.ts";
import type { Component } from "./fit-gaussian.ts";
import type { ImagePlane } from "./plane.ts";
import { sidelobeNear } from "./sidelobe.ts";

/**
 * Share of a sidelobe that may be left over. Imaging takes off what changes of bright catalogue
 * sources as they drift; with a tenth, sources of 15 σ beside one of 7 Jy were not believed.
 */
const SIDELOBE_RESIDUE = 0.02;
const SIDELOBE_RESIDUE_MAX = 0.06;
/** Peaks whose beams overlap by more than this may be one source's. */
const OVERLAP_MIN = 0.02;
/**
 * Largest half of a pair over its source: gains that are good to 1 % leave up to 0.9 %, those of a
 * solve two hours ago, after drifts of some degrees, up to 1.8 %.
 */
const PAIR_SHARE_MAX = 0.02;
/** The same within the beam's reach of the source, where what CLEAN left of it is odd, too. */
const PAIR_SHARE_BESIDE_MAX = 0.05;
/** A peak of a pair is at most this many times as high as its hole is deep: noise is on both. */
const PAIR_RATIO_MAX = 1.65;
/** Where the hole is looked for: half a beam around the mirrored place. */
const MIRROR_BEAM_VALUE_MIN = 0.5;

/** Says whether a peak is what a brighter source left there. */
export type IsArtefact = (peak: Component, source: Component) => boolean;

/**
 * @param psf point spread function of the same image, unit peak in its middle
 * @param response of the primary beam for each pixel; 1 everywhere when absent
 */
export function artefactTest(
  plane: ImagePlane,
  kernel: BeamKernel,
  { psf, response }: { readonly psf?: ImagePlane; readonly response?: Float32Array },
): IsArtefact {
  const residueOf = ({ amplitude, x, y }: Component): number => {
    const onSource = response?.[y * plane.width + x] ?? 1;
    return amplitude * Math.min(SIDELOBE_RESIDUE_MAX, SIDELOBE_RESIDUE / (onSource * onSource));
  };
  return (peak, source) => {
    const [dx, dy] = [peak.x - source.x, peak.y - source.y];
    const isBeside = Math.abs(dx) <= kernel.reachX && Math.abs(dy) <= kernel.reachY;
    const pairMax = source.amplitude * (isBeside ? PAIR_SHARE_BESIDE_MAX : PAIR_SHARE_MAX);
    if (
      peak.amplitude <= pairMax &&
      peak.amplitude <= PAIR_RATIO_MAX * mirroredHole(plane, kernel, source, peak)
    )
      return true;
    if (psf === undefined || beamValue(kernel, dx, dy) > OVERLAP_MIN) return false;
    return peak.amplitude <= residueOf(source) * sidelobeNear(psf, kernel, source, peak);
  };
}

/** Depth ≥ 0 of the deepest pixel within half a beam of the place opposite to the peak. */
function mirroredHole(
  { width, height, pixels }: ImagePlane,
  kernel: BeamKernel,
  source: Component,
  peak: Component,
): number {
  const [cx, cy] = [2 * source.x - peak.x, 2 * source.y - peak.y];
  let depth = 0;
  for (let dy = -kernel.reachY; dy <= kernel.reachY; dy++) {
    for (let dx = -kernel.reachX; dx <= kernel.reachX; dx++) {
      const [x, y] = [cx + dx, cy + dy];
      if (x < 0 || x >= width || y < 0 || y >= height) continue;
      if (beamValue(kernel, dx, dy) < MIRROR_BEAM_VALUE_MIN) continue;
      const value = pixels[y * width + x]!;
      if (-value > depth) depth = -value;
    }
  }
  return depth;
}
