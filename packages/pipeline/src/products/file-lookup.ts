/**
 * Finds products by their place alone, for runs without a database. It knows no versions, no
 * lineage and no calibration registry: a calibration table has to be named in the params.
 */
import { join } from "node:path";

import { PipelineError } from "../errors.ts";
import type { Tile } from "../registry/choose.ts";
import type { CalibrationDecision } from "../registry/decision.ts";
import type { ProductKind, ProductLookup } from "../stage.ts";
import {
  calibratedMeasurementSetPath,
  calibrationTablePath,
  delayTablePath,
  flagStatisticsPath,
  gainTablePath,
  imagePath,
  measurementSetPath,
  photometryPath,
  validationPath,
} from "./paths.ts";
import { exists } from "./place.ts";

/** Where a product of a kind may be, the best place first. */
const PLACES: Readonly<Record<ProductKind, (groupId: string) => string[]>> = {
  "measurement-set": (groupId) => [
    measurementSetPath(groupId, "science"),
    measurementSetPath(groupId, "calibrators"),
    measurementSetPath(groupId, "failed"),
  ],
  "calibrated-measurement-set": (groupId) => [
    calibratedMeasurementSetPath(groupId, "science"),
    calibratedMeasurementSetPath(groupId, "calibrators"),
    calibratedMeasurementSetPath(groupId, "failed"),
  ],
  "calibration-table": (groupId) => [calibrationTablePath(groupId)],
  "delay-table": (groupId) => [delayTablePath(groupId)],
  "gain-table": (groupId) => [gainTablePath(groupId)],
  "self-calibration-table": (groupId) => [imagePath(groupId, "selfcal.gcal")],
  image: (groupId) => [imagePath(groupId, "image.fits")],
  "corrected-image": (groupId) => [imagePath(groupId, "image-pb.fits")],
  "residual-image": (groupId) => [imagePath(groupId, "residual.fits")],
  "primary-beam": (groupId) => [imagePath(groupId, "pb.fits")],
  psf: (groupId) => [imagePath(groupId, "psf.fits")],
  preview: (groupId) => [imagePath(groupId, "preview.png")],
  "channel-image": (groupId) => [imagePath(groupId, "channel-0000.fits")],
  snapshot: (groupId) => [imagePath(groupId, "snapshot-00.fits")],
  "snapshot-report": (groupId) => [imagePath(groupId, "snapshots.json")],
  validation: (groupId) => [validationPath(groupId, "json")],
  photometry: (groupId) => [photometryPath(groupId, "csv")],
  "flag-statistics": (groupId) => [
    flagStatisticsPath(groupId, "science", "json"),
    flagStatisticsPath(groupId, "calibrators", "json"),
  ],
  "flag-plot": (groupId) => [
    flagStatisticsPath(groupId, "science", "svg"),
    flagStatisticsPath(groupId, "calibrators", "svg"),
  ],
};

export class FileLookup implements ProductLookup {
  readonly dataRoot: string;

  constructor(dataRoot: string) {
    this.dataRoot = dataRoot;
  }

  async find(kind: ProductKind, groupId: string): Promise<string> {
    const places = PLACES[kind](groupId).map((path) => join(this.dataRoot, path));
    for (const path of places) if (await exists(path)) return path;
    const tried = places.join(" and ");
    throw new PipelineError("MissingProduct", `group ${groupId} has no ${kind}: tried ${tried}`, {
      groupId,
      kind,
      tried: places,
    });
  }

  async findCalibration({ groupId }: Tile): Promise<CalibrationDecision> {
    throw new PipelineError(
      "NoCalibration",
      "without a database there is no calibration registry: give calibration_table_path",
      { groupId },
    );
  }
}
