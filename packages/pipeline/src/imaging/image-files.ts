/**
 * From WSClean's files to the products of a tile: headers made whole, the primary beam divided out,
 * a picture drawn. Everything is written into the stage folder.
 */
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { type Beam, wcsFromCards } from "@contimg/astro";
import { encodePng, type FitsHeader, type FitsImage, writeFitsImage } from "@contimg/formats";

import { renderPreview } from "./preview.ts";
import type { Provenance } from "./product-header.ts";

const DEGREE_RAD = Math.PI / 180;

/** @returns undefined when there is none: WSClean fits a beam to any visibilities it has */
export function findBeam(header: FitsHeader): Beam | undefined {
  const [major, minor] = [header.find("BMAJ"), header.find("BMIN")];
  if (typeof major !== "number" || typeof minor !== "number" || !(minor > 0)) return undefined;
  return {
    majorRad: major * DEGREE_RAD,
    minorRad: minor * DEGREE_RAD,
    positionAngleRad: header.number("BPA") * DEGREE_RAD,
  };
}

/** @throws {RangeError} without a beam */
export function beamOf(header: FitsHeader): Beam {
  const beam = findBeam(header);
  if (beam) return beam;
  throw new RangeError(`card BMIN is ${String(header.find("BMIN"))}, expected a fitted beam`);
}

/** Fluxes are in Jy: an image in another unit, or in none, is not guessed from its values. */
export function isInJanskys(header: FitsHeader): boolean {
  const unit = header.find("BUNIT");
  return typeof unit === "string" && unit.toUpperCase() === "JY/BEAM";
}

export function wcsOf(image: FitsImage): ReturnType<typeof wcsFromCards> {
  return wcsFromCards(image.header);
}

/** Writes to a neighboring name first: `path` may be the file that was read. */
export async function replaceFits(path: string, image: FitsImage): Promise<void> {
  await writeFitsImage(`${path}.new`, image);
  await rename(`${path}.new`, path);
}

/** A map of numbers without unit or beam, on the image's pixels. */
export function beamMapImage(image: FitsImage, pixels: Float32Array): FitsImage {
  const header = image.header
    .copy()
    .remove(/^(BMAJ|BMIN|BPA|QA.*)$/)
    .set("BUNIT", "", "no unit")
    .set("BTYPE", "Beam", "primary-beam power response, 1 on axis");
  return { ...image, header, pixels };
}

export async function writePreview(
  folder: string,
  fileName: string,
  image: FitsImage,
  provenance: Provenance,
): Promise<void> {
  const beam = beamOf(image.header);
  const toArcsec = 3600 / DEGREE_RAD;
  const picture = renderPreview(image, {
    cellArcsec: Math.abs(image.header.number("CDELT2")) * 3600,
    beam: {
      majorArcsec: beam.majorRad * toArcsec,
      minorArcsec: beam.minorRad * toArcsec,
      positionAngleDeg: beam.positionAngleRad / DEGREE_RAD,
    },
    wcs: wcsOf(image),
    caption: captionOf(image, provenance),
  });
  const texts = {
    Title: `contimg tile ${provenance.groupId}`,
    Software: `contimg ${provenance.contimgVersion}`,
  };
  await writeFile(join(folder, fileName), encodePng(picture, texts));
}

function captionOf({ header }: FitsImage, { groupId }: Provenance): string {
  const mhz = (header.number("RESTFRQ") / 1e6).toFixed(0);
  const [major, minor] = ["BMAJ", "BMIN"].map((card) => (3600 * header.number(card)).toFixed(1));
  const noise = (1e3 * header.number("QARMS")).toFixed(2);
  return `${groupId}  ${mhz} MHz  rms ${noise} mJy  beam ${major!}"x${minor!}"`;
}
