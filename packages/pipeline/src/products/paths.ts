/**
 * Where every file lives below the data root; no other module makes a path.
 *
 * Final paths are relative to the data root, with forward slashes, and carry the group id, which
 * is the UTC time of the group's earliest subband file: `2026-01-25T22:26:05`.
 */
import { join, relative } from "node:path";

/** A top folder of the data root. A stage folder lies on the same file system as its area. */
export type Area = "ms" | "caltables" | "images" | "validation" | "photometry";

export const AREAS: readonly Area[] = ["ms", "caltables", "images", "validation", "photometry"];

/** Folders of the data root that hold no products; what else lies there is nobody's. */
export const OTHER_FOLDERS: readonly string[] = [
  "incoming",
  "catalogs",
  "logs",
  "postgres",
  "scratch",
  "spool",
  "state",
  "tmp",
];

/** Where runs and people may leave what nobody needs tomorrow. */
export const SCRATCH_FOLDERS: readonly string[] = ["scratch", "tmp"];

/** In each top folder, so that it is on the same file system. */
export const QUARANTINE_FOLDER = ".quarantine";

/** Where each stage writes; its stage folder must be on the file system of its products. */
const AREA_OF_STAGE: Readonly<Record<string, Area>> = {
  "convert-uvh5-to-ms": "ms",
  "flag-thorough": "ms",
  "calibration-solve": "caltables",
  "calibration-apply": "ms",
  imaging: "images",
  snapshots: "images",
  validation: "validation",
  photometry: "photometry",
};

/** What a tile is for; it decides the folder of its Measurement Sets. */
export type TileRole = "science" | "calibrators";

/** Where its Measurement Sets lie: by its role, or apart when their stage judged them unusable. */
export type TilePlace = TileRole | "failed";

const GROUP_ID = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/;

export function isGroupId(text: string): boolean {
  return GROUP_ID.test(text) && !Number.isNaN(Date.parse(`${text}Z`));
}

export function incomingFolder(dataRoot: string): string {
  return join(dataRoot, "incoming");
}

/** The reference catalogue that validation and photometry compare with. */
export function referenceCatalogPath(dataRoot: string): string {
  return join(dataRoot, "catalogs", "reference.csv");
}

export function measurementSetPath(groupId: string, place: TilePlace): string {
  return `ms/${place}/${dayOf(groupId)}/${groupId}.ms`;
}

/** @param extension json for the statistics, svg for the drawing */
export function flagStatisticsPath(groupId: string, role: TileRole, extension: string): string {
  return `ms/${role}/${dayOf(groupId)}/${groupId}.flags.${extension}`;
}

/** What the tile of a Measurement Set is for, by its folder; one from elsewhere is science. */
export function roleOfMeasurementSet(absolutePath: string, dataRoot: string): TileRole {
  const isCalibrator = relative(dataRoot, absolutePath).startsWith("ms/calibrators/");
  return isCalibrator ? "calibrators" : "science";
}

/** The calibrated, averaged copy beside the raw Measurement Set. */
export function calibratedMeasurementSetPath(groupId: string, place: TilePlace): string {
  return `ms/${place}/${dayOf(groupId)}/${groupId}.cal.ms`;
}

export function calibrationTablePath(groupId: string): string {
  return `caltables/${dayOf(groupId)}/${groupId}.bcal`;
}

/** Delays beside the calibration table, which holds them. */
export function delayTablePath(groupId: string): string {
  return `caltables/${dayOf(groupId)}/${groupId}.kcal`;
}

/** Gains in time beside the calibration table. */
export function gainTablePath(groupId: string): string {
  return `caltables/${dayOf(groupId)}/${groupId}.gcal`;
}

/** @param suffix what follows `<group>.img-`, such as "image.fits" or "image-pb.fits" */
export function imagePath(groupId: string, suffix: string): string {
  return `images/${dayOf(groupId)}/${groupId}.img-${suffix}`;
}

/** @param extension such as "json" */
export function validationPath(groupId: string, extension: string): string {
  return `validation/${dayOf(groupId)}/${groupId}.validation.${extension}`;
}

/** @param extension such as "csv" */
export function photometryPath(groupId: string, extension: string): string {
  return `photometry/${dayOf(groupId)}/${groupId}.phot.${extension}`;
}

/** Holds one folder a running attempt. */
export function stageFoldersOf(area: Area): string {
  return `${area}/.stage`;
}

/** @param runId names the attempt and its fence; see RunId */
export function stageFolder(area: Area, runId: string): string {
  return `${stageFoldersOf(area)}/${runId}`;
}

/** Where the earlier version of a product waits between the two renames that replace it. */
export function replacedPath(area: Area, productId: string): string {
  return `${area}/.stage/replaced-${productId}`;
}

/** Where a file is put that no product names: its own path, below the time of the finding. */
export function quarantinePath(path: string, at: Date): string {
  const [top, ...rest] = path.split("/");
  const stamp = at.toISOString().replaceAll(":", "");
  return [top, QUARANTINE_FOLDER, stamp, ...rest].join("/");
}

/** @throws {RangeError} when the table above does not know the stage */
export function areaOfStage(stageName: string): Area {
  const area = AREA_OF_STAGE[stageName];
  if (area === undefined) throw new RangeError(`stage "${stageName}" has no area in paths.ts`);
  return area;
}

/** @throws {RangeError} when the first folder of the path is no area */
export function areaOf(finalPath: string): Area {
  const first = finalPath.split("/")[0];
  const area = AREAS.find((candidate) => candidate === first);
  if (area === undefined) {
    throw new RangeError(`final path ${finalPath} does not begin with one of ${AREAS.join(", ")}`);
  }
  return area;
}

function dayOf(groupId: string): string {
  if (!isGroupId(groupId)) {
    throw new RangeError(`group id is "${groupId}", expected a time such as 2026-01-25T22:26:05`);
  }
  return groupId.slice(0, 10);
}
