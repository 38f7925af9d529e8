/** Images that a site's own program made: whether they can become a tile's. */
import { join } from "node:path";

import { separationRad } from "@contimg/astro";
import { type FitsImage, readFitsImage } from "@contimg/formats";

import { PipelineError } from "../errors.ts";
import { beamOf, isInJanskys, wcsOf } from "./image-files.ts";
import type { ImagedObservation } from "./observation.ts";

/** WSClean's PSF is 1 to the last bit; others normalize by sums. */
const PSF_PEAK_TOLERANCE = 0.01;
/** A facet of the field, but of this field. */
const CENTER_TOLERANCE_RAD = Math.PI / 180;

/** @throws {PipelineError} MalformedFile @throws what reading throws */
export async function assertAlike(folder: string, observation: ImagedObservation): Promise<void> {
  const image = await readFitsImage(join(folder, "image.fits"));
  beamOf(image.header);
  if (!isInJanskys(image.header)) {
    const unit = String(image.header.find("BUNIT"));
    throw malformed("image.fits", `BUNIT is ${unit}, expected JY/BEAM`);
  }
  assertCenter(image, observation);
  assertNumbers("image.fits", image);
  for (const name of ["residual.fits", "psf.fits"]) {
    const other = await readFitsImage(join(folder, name));
    if (other.width !== image.width || other.height !== image.height)
      throw malformed(
        name,
        `is ${other.width} by ${other.height} pixels, image.fits ${image.width} by ${image.height}`,
      );
    assertNumbers(name, other);
    if (name !== "psf.fits") continue;
    const peak = other.pixels.reduce((most, pixel) => Math.max(most, pixel), -Infinity);
    if (Math.abs(peak - 1) > PSF_PEAK_TOLERANCE)
      throw malformed(name, `its peak is ${peak.toPrecision(4)}, expected 1`);
  }
}

function assertCenter(image: FitsImage, { phaseCenter }: ImagedObservation): void {
  const { referenceRaRad, referenceDecRad } = wcsOf(image);
  const { raRad, decRad } = phaseCenter;
  const offsetRad = separationRad(referenceRaRad, referenceDecRad, raRad, decRad);
  if (offsetRad <= CENTER_TOLERANCE_RAD) return;
  const degrees = ((offsetRad * 180) / Math.PI).toFixed(2);
  throw malformed("image.fits", `its reference is ${degrees} degrees from the phase center`);
}

function assertNumbers(name: string, { pixels }: FitsImage): void {
  const bad = pixels.reduce((count, pixel) => count + (Number.isFinite(pixel) ? 0 : 1), 0);
  if (bad > 0) throw malformed(name, `${bad} of ${pixels.length} pixels are not numbers`);
}

function malformed(name: string, what: string): PipelineError {
  return new PipelineError("MalformedFile", `${name}: ${what}`, { path: name });
}
