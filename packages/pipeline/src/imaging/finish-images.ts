/**
 * From WSClean's files to the products of a tile: measured, with whole headers, the primary beam
 * divided out, a picture drawn. Everything is written into the stage folder.
 */
import { join } from "node:path";

import { type FitsImage, readFitsImage } from "@contimg/formats";

import { PipelineError } from "../errors.ts";
import { measured } from "../quality/measured.ts";
import type { QualityVerdict, RunContext } from "../stage.ts";
import type { Recovery } from "../tools/wsclean-recovery.ts";
import type { CleanedFiles } from "./clean-tile.ts";
import { beamMapImage, beamOf, findBeam, replaceFits, wcsOf, writePreview } from "./image-files.ts";
import type { ImagedObservation } from "./observation.ts";
import { correctForBeam, type PointingKind, primaryBeamMap } from "./primary-beam.ts";
import { productHeader, type Provenance, setQuality } from "./product-header.ts";
import { type ImageMetrics, measureImage, theoreticalNoiseJy } from "./quality.ts";
import type { VisibilityCensus } from "./visibility-census.ts";

export interface FinishOptions {
  readonly measurement_set_path: string;
  readonly axis_count: 2 | 4;
  readonly pointing: PointingKind;
  readonly primary_beam_min: number;
  readonly sefd_jy: number;
}

export interface CleanedTile {
  readonly observation: ImagedObservation;
  readonly census: VisibilityCensus;
  readonly provenance: Provenance;
  readonly cleaned: Pick<CleanedFiles, "channelFiles" | "recoveries">;
}

export interface FinishedTile {
  readonly metrics: ImageMetrics;
  readonly quality: QualityVerdict;
}

export async function finishImages(
  options: FinishOptions,
  context: RunContext,
  tile: CleanedTile,
): Promise<FinishedTile> {
  const at = (name: string): string => join(context.stageFolder, name);
  const { observation, provenance } = tile;
  const wsclean = await readFitsImage(at("image.fits"));
  if (findBeam(wsclean.header) === undefined) {
    const path = options.measurement_set_path;
    const message = `${path}: WSClean fitted no beam, expected visibilities that are not flagged`;
    throw new PipelineError("TooFewVisibilities", message, { path });
  }
  const metrics = measureImage(wsclean, beamInArcsec(wsclean), noiseTheory(options, tile));
  const quality = withRecoveries(measured({ ...metrics }), tile.cleaned.recoveries);
  const complete = ({ header: own, ...plane }: FitsImage): FitsImage => {
    const axes = { axisCount: options.axis_count };
    const header = productHeader(own, observation, provenance, axes);
    setQuality(header, metrics);
    return { ...plane, header };
  };
  const image = complete(wsclean);
  await replaceFits(at("image.fits"), image);
  const channels = tile.cleaned.channelFiles.map(({ name }) => name);
  for (const name of ["residual.fits", "psf.fits", ...channels]) {
    context.signal.throwIfAborted();
    await replaceFits(at(name), complete(await readFitsImage(at(name))));
  }
  context.progress(0.92, "averaging the primary beam over the drift");
  await writeCorrected(options, context, image, tile);
  context.progress(0.97, "drawing the preview");
  await writePreview(context.stageFolder, "preview.png", image, provenance);
  return { metrics, quality };
}

/** The beam's map, and the image over it. */
async function writeCorrected(
  options: FinishOptions,
  context: RunContext,
  image: FitsImage,
  { observation, census }: CleanedTile,
): Promise<void> {
  const at = (name: string): string => join(context.stageFolder, name);
  const place = { ...image, wcs: wcsOf(image) };
  const response = primaryBeamMap(observation, options.pointing, census.weights, place);
  const { dishDiameterM, timesMjd, frequencyHz } = observation;
  const method =
    `contimg primary beam: Airy pattern of a ${dishDiameterM} m dish, ${options.pointing}, mean ` +
    `of ${timesMjd.length} integrations and ${frequencyHz.length} channels by their weights`;
  const map = beamMapImage(image, response);
  map.header.set("PBDIAM", dishDiameterM, "[m] dish of the Airy beam").addHistory(method);
  await replaceFits(at("pb.fits"), map);
  context.signal.throwIfAborted();
  const cut = options.primary_beam_min;
  const header = image.header
    .copy()
    .set("PBMIN", cut, "no value where the beam is below")
    .set("PBDIAM", dishDiameterM, "[m] dish of the Airy beam")
    .addHistory(method)
    .addHistory(`contimg divided by the primary beam where it is ${cut} or more, NaN elsewhere`);
  const pixels = correctForBeam(image.pixels, response, cut);
  await replaceFits(at("image-pb.fits"), { ...image, header, pixels });
}

/** An image that came only at another try is as good as its numbers, and says so. */
function withRecoveries(verdict: QualityVerdict, recoveries: readonly Recovery[]): QualityVerdict {
  if (recoveries.length === 0) return verdict;
  const diverged = recoveries.some(({ failure }) => failure === "diverged");
  return {
    grade: diverged && verdict.grade === "good" ? "warn" : verdict.grade,
    findings: [...verdict.findings, ...recoveries.map(recoveryText)],
    metrics: { ...verdict.metrics, recovery_count: recoveries.length },
  };
}

/** One line for a verdict or a header. */
export function recoveryText({ failure, reason, change }: Recovery): string {
  return `recovery: WSClean failed (${failure}: ${reason}) and was run again with ${change}`;
}

function noiseTheory(options: FinishOptions, { observation, census }: CleanedTile): number {
  return theoreticalNoiseJy({
    sefdJy: options.sefd_jy,
    channelWidthHz: observation.channelWidthHz,
    integrationSeconds: observation.integrationSeconds,
    visibilityCount: census.visibilityCount,
  });
}

function beamInArcsec(image: FitsImage): {
  majorArcsec: number;
  minorArcsec: number;
  positionAngleDeg: number;
} {
  const beam = beamOf(image.header);
  const toArcsec = (180 / Math.PI) * 3600;
  return {
    majorArcsec: beam.majorRad * toArcsec,
    minorArcsec: beam.minorRad * toArcsec,
    positionAngleDeg: (beam.positionAngleRad * 180) / Math.PI,
  };
}
