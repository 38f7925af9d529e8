/** Imaging's copy of a tile in which the field stands still: chosen for its image, then written. */
import { join } from "node:path";

import { ARCSEC_RAD, skyToPixel, type SkyPosition, type Wcs } from "@contimg/astro";

import type { RunContext } from "../stage.ts";
import type { ImageSettings } from "./choose-settings.ts";
import { readImagedObservation } from "./observation.ts";
import { openCatalog } from "./open-field.ts";
import { steadyField, type SteadyReport } from "./steady-field.ts";

export interface SteadiedTile extends SteadyReport {
  /** In the stage folder, for WSClean alone. */
  readonly path: string;
}

/** A full-size tile: 24 integrations of 4560 baselines, 192 channels, 2 polarizations, 13 bytes. */
export const STEADY_COPY_BYTES = 600_000_000;
/**
 * Sources that change by less [rms over the tile, Jy] are left alone: at the largest sidelobes of a
 * single integration, a fifth, this is half of a full-size tile's noise.
 */
const CHANGE_MIN_JY = 0.001;

/** @returns undefined without a catalogue */
export function steadyTile(
  inputs: { readonly measurement_set_path: string; readonly catalog_path: string | null },
  context: RunContext,
  weights: Float64Array,
  settings: ImageSettings,
): SteadiedTile | undefined {
  if (inputs.catalog_path === null) return undefined;
  const { phaseCenter } = readImagedObservation(inputs.measurement_set_path);
  const path = join(context.stageFolder, "steady.ms");
  context.progress(0, "taking off what drifts");
  const report = steadyField(inputs.measurement_set_path, path, {
    catalog: openCatalog(inputs.catalog_path),
    isInImage: imageOf(phaseCenter, settings),
    weights,
    changeMinJy: CHANGE_MIN_JY,
  });
  return { ...report, path };
}

/** One line for a header. */
export function steadyText({ steadiedCount, removedCount, rescaledCount }: SteadyReport): string {
  return (
    `catalogue sources through the drifting beam: the change of ${steadiedCount} in the image ` +
    `taken off, and ${removedCount} beyond it whole` +
    (rescaledCount > 0 ? `; ${rescaledCount} as bright as in the data` : "")
  );
}

function imageOf(
  center: SkyPosition,
  { pixel_count: side, cell_arcsec: cellArcsec }: ImageSettings,
): (position: SkyPosition) => boolean {
  const cell = cellArcsec * ARCSEC_RAD;
  const wcs: Wcs = {
    projection: "SIN",
    referenceRaRad: center.raRad,
    referenceDecRad: center.decRad,
    referenceX: side / 2,
    referenceY: side / 2,
    radPerPixel: [-cell, 0, 0, cell],
  };
  const isInside = (at: number): boolean => at >= 0 && at < side;
  return (position) => {
    const pixel = skyToPixel(wcs, position);
    return pixel !== undefined && isInside(pixel.x) && isInside(pixel.y);
  };
}
