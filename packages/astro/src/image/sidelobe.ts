/** How strong the sidelobe of one source is at the place of another. */
import type { BeamKernel } from "./beam.ts";
import type { ImagePlane } from "./plane.ts";
import type { PixelPosition } from "./wcs.ts";

/** Residues sit up to a beam's width beside the sidelobe that made them [4 σ reaches]. */
const SEARCH_REACH = 0.6;

/**
 * Largest |PSF| within about one beam of the offset between two places, 0 beyond the PSF's map.
 *
 * @param psf unit peak in the pixel (width/2, height/2), where WSClean puts it
 */
export function sidelobeNear(
  psf: ImagePlane,
  kernel: BeamKernel,
  source: PixelPosition,
  place: PixelPosition,
): number {
  const cx = psf.width / 2 + Math.round(place.x - source.x);
  const cy = psf.height / 2 + Math.round(place.y - source.y);
  const reachX = Math.ceil(SEARCH_REACH * kernel.reachX);
  const reachY = Math.ceil(SEARCH_REACH * kernel.reachY);
  let largest = 0;
  for (let y = Math.max(0, cy - reachY); y <= Math.min(psf.height - 1, cy + reachY); y++) {
    for (let x = Math.max(0, cx - reachX); x <= Math.min(psf.width - 1, cx + reachX); x++) {
      largest = Math.max(largest, Math.abs(psf.pixels[y * psf.width + x]!));
    }
  }
  return largest;
}
