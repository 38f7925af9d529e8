/** Opens what validation and photometry read: an image with its primary beam, and the catalogue. */
import type { Beam, BeamKernel } from "@contimg/astro";
import { beamKernel, cellRad, wcsFromCards } from "@contimg/astro";
import {
  type CatalogSource,
  FitsError,
  type FitsImage,
  readFitsImage,
  readReferenceCatalog,
} from "@contimg/formats";

import { PipelineError } from "../errors.ts";
import type { Field } from "./catalog-field.ts";
import { beamOf, isInJanskys } from "./image-files.ts";

export interface OpenedField {
  readonly image: FitsImage;
  readonly field: Field;
  readonly kernel: BeamKernel;
  readonly beam: Beam;
  readonly midMjd: number;
}

/** @throws {PipelineError} MalformedFile when a file is no image or the two do not go together */
export async function openField(imagePath: string, beamPath: string): Promise<OpenedField> {
  const image = await readImage(imagePath);
  const response = await readImage(beamPath);
  if (image.width !== response.width || image.height !== response.height) {
    throw new PipelineError(
      "MalformedFile",
      `${beamPath} has ${response.width} x ${response.height} pixels, expected ` +
        `${image.width} x ${image.height} as ${imagePath} has`,
      { path: beamPath },
    );
  }
  return describeField(imagePath, image, response);
}

/** @throws {PipelineError} MalformedFile when a card of the image is missing or cannot be meant */
function describeField(path: string, image: FitsImage, response: FitsImage): OpenedField {
  try {
    if (!isInJanskys(image.header)) {
      throw new RangeError(`card BUNIT is ${String(image.header.find("BUNIT"))}, expected Jy/beam`);
    }
    const beam = beamOf(image.header);
    const wcs = wcsFromCards(image.header);
    assertBeamFits(beam, cellRad(wcs), image);
    return {
      image,
      kernel: beamKernel(beam, cellRad(wcs)),
      beam,
      midMjd: image.header.number("MJD-AVG"),
      field: {
        wcs,
        width: image.width,
        height: image.height,
        response: response.pixels,
        frequencyHz: frequencyOf(image),
      },
    };
  } catch (error) {
    if (error instanceof FitsError) throw malformed(path, error.message, error);
    if (error instanceof RangeError) throw malformed(path, `${path}: ${error.message}`, error);
    throw error;
  }
}

/** @throws {RangeError} for a beam that is wider than the image, as one in arcseconds would be */
function assertBeamFits(beam: Beam, cell: number, { width, height }: FitsImage): void {
  const [beamDeg, imageDeg] = [beam.majorRad, cell * Math.max(width, height)].map(
    (rad) => (rad * 180) / Math.PI,
  );
  if (beamDeg! <= imageDeg!) return;
  throw new RangeError(
    `card BMAJ is ${beamDeg!.toPrecision(4)} deg, expected at most the image's ` +
      `${imageDeg!.toPrecision(3)} deg`,
  );
}

function malformed(path: string, message: string, cause: Error): PipelineError {
  return new PipelineError("MalformedFile", message, { path }, { cause });
}

/** @throws {PipelineError} MalformedFile, naming path and card or byte */
export async function readImage(path: string): Promise<FitsImage> {
  try {
    return await readFitsImage(path);
  } catch (error) {
    throw error instanceof FitsError ? malformed(path, error.message, error) : error;
  }
}

/** @throws {PipelineError} MissingProduct without the file, MalformedFile naming line and column */
export function openCatalog(path: string): CatalogSource[] {
  try {
    return readReferenceCatalog(path);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const missing = "code" in error && error.code === "ENOENT";
    throw new PipelineError(
      missing ? "MissingProduct" : "MalformedFile",
      missing ? `the reference catalogue ${path} does not exist` : error.message,
      { path },
      { cause: error },
    );
  }
}

/** The middle of the band: of the frequency axis where there is one, else of the sky image. */
function frequencyOf(image: FitsImage): number {
  for (const axis of [3, 4]) {
    if (image.header.find(`CTYPE${axis}`) === "FREQ") return image.header.number(`CRVAL${axis}`);
  }
  return image.header.number("RESTFRQ");
}
