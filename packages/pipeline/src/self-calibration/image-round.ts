/** One image of the working copy, in a folder of its own, and what it is worth. */
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { readFitsImage } from "@contimg/formats";

import { type CleanedFiles, type CleanRequest, cleanTile } from "../imaging/clean-tile.ts";
import { wcsOf } from "../imaging/image-files.ts";
import { type PointingKind, primaryBeamMap } from "../imaging/primary-beam.ts";
import type { ImagedObservation } from "../imaging/observation.ts";
import { findPeak, type Peak } from "../imaging/quality.ts";
import type { VisibilityCensus } from "../imaging/visibility-census.ts";
import type { RunContext } from "../stage.ts";

export interface RoundImage {
  readonly folder: string;
  readonly cleaned: CleanedFiles;
  readonly peak: Peak;
  /** Peak over noise. */
  readonly snr: number;
}

/** @throws {PipelineError} what cleanTile throws; then its folder is gone */
export async function imageRound(
  request: CleanRequest,
  context: RunContext,
  folderName: string,
): Promise<RoundImage> {
  const folder = join(context.stageFolder, folderName);
  await mkdir(folder);
  try {
    const cleaned = await cleanTile(
      { ...request, keepsModel: true },
      { ...context, stageFolder: folder },
    );
    const peak = findPeak(await readFitsImage(join(folder, "image.fits")));
    return { folder, cleaned, peak, snr: peak.peakJy / peak.rmsJy };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Leaves the round's files in the stage folder itself. */
export async function settleRound({ folder }: RoundImage, stageFolder: string): Promise<void> {
  for (const name of await readdir(folder))
    await rename(join(folder, name), join(stageFolder, name));
  await rm(folder, { recursive: true });
}

/** Of the primary beam, averaged as for the tile's image, at the image's highest pixel. */
export async function responseAtPeak(
  { folder, peak }: RoundImage,
  observation: ImagedObservation,
  census: VisibilityCensus,
  pointing: PointingKind,
): Promise<number> {
  const wcs = wcsOf(await readFitsImage(join(folder, "image.fits")));
  const moved = {
    ...wcs,
    referenceX: wcs.referenceX - peak.x,
    referenceY: wcs.referenceY - peak.y,
  };
  // The smallest map there is; its first pixel is the peak.
  const map = { wcs: moved, width: 2, height: 2 };
  return primaryBeamMap(observation, pointing, census.weights, map)[0]!;
}
