/**
 * Images one calibrated tile: WSClean, the drift-averaged primary beam, a look at the quality.
 *
 * Reads column DATA of `<group>.cal.ms`. Writes the restored, corrected, residual and PSF images, the
 * beam map and a picture.
 */
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { isCasacoreAvailable, openTable } from "@contimg/casacore";
import type { FitsImage } from "@contimg/formats";
import { z } from "zod";

import { PipelineError } from "../errors.ts";
import {
  beamMapImage,
  beamOf,
  findBeam,
  type Provenance,
  readProduct,
  replaceFits,
  wcsOf,
  writePreview,
} from "../imaging/image-files.ts";
import { type ImagedObservation, readImagedObservation } from "../imaging/observation.ts";
import { correctForBeam, primaryBeamMap } from "../imaging/primary-beam.ts";
import { type ImageMetrics, measureImage, theoreticalNoiseJy } from "../imaging/quality.ts";
import { imagePath } from "../products/paths.ts";
import { softwareVersions } from "../products/software.ts";
import { measured } from "../quality/measured.ts";
import type { Json, Output, ProductKind, RunContext, Stage, StageResult } from "../stage.ts";
import { groupIdParam, pathParam } from "../stage-params.ts";
import { readWscleanVersion, runWsclean, WSCLEAN_PACKAGE } from "../tools/wsclean.ts";
import type { WscleanSummary } from "../tools/wsclean-log.ts";

const paramsSchema = z.strictObject({
  group_id: groupIdParam,
  /** Absolute; found in the registry when absent. */
  calibrated_measurement_set_path: pathParam.optional(),
  pixel_count: z.int().min(64).max(16384).multipleOf(2).default(4096),
  cell_arcsec: z.number().positive().max(60).default(3),
  robustness: z.number().min(-2).max(2).default(-0.5),
  iterations_max: z.int().min(0).default(30_000),
  major_gain: z.number().gt(0).max(1).default(0.9),
  auto_mask_sigma: z.number().positive().default(5),
  auto_threshold_sigma: z.number().positive().default(3),
  channels_out: z.int().min(1).max(64).default(1),
  pointing: z.enum(["drift", "tracking"]).default("drift"),
  /** The corrected image has no value where the beam's response is lower. */
  primary_beam_min: z.number().gt(0).max(1).default(0.15),
  /** System equivalent flux density of an antenna, for the theoretical noise. */
  sefd_jy: z.number().positive().default(6500),
  timeout_seconds: z.number().positive().default(1800),
});

export type ImagingParams = z.infer<typeof paramsSchema>;
export type ImagingInputs = Omit<ImagingParams, "calibrated_measurement_set_path"> & {
  measurement_set_path: string;
};

export const imagingStage: Stage<ImagingParams, ImagingInputs, Json> = {
  name: "imaging",
  packages: [WSCLEAN_PACKAGE, "casacore-dev"],
  params: paramsSchema,

  async resolve({ calibrated_measurement_set_path: given, ...settings }, lookup) {
    const found = given ?? (await lookup.find("calibrated-measurement-set", settings.group_id));
    return { ...settings, measurement_set_path: found };
  },

  /** Eight float32 planes at the most: WSClean's five, ours, and one being rewritten. */
  outputBytes: ({ pixel_count, channels_out }) =>
    4 * pixel_count ** 2 * (8 + (channels_out > 1 ? 5 * channels_out : 0)),

  async run(inputs, context) {
    if (!isCasacoreAvailable()) {
      throw new PipelineError("MissingTool", "the casacore addon is not built: run the set-up", {
        debianPackage: "casacore-dev",
      });
    }
    const wscleanVersion = await readWscleanVersion();
    const observation = readImagedObservation(inputs.measurement_set_path);
    const summary = await clean(inputs, context);
    const provenance = describeProvenance(inputs, observation, wscleanVersion);
    const metrics = await finishImages(inputs, context, { observation, summary, provenance });
    return toResult(inputs, { observation, summary, metrics, wscleanVersion });
  },
};

/** WSClean's share of the stage's time. */
const CLEAN_FRACTION = 0.9;

async function clean(inputs: ImagingInputs, context: RunContext): Promise<WscleanSummary> {
  const temporaryFolder = join(context.stageFolder, "wsclean");
  await mkdir(temporaryFolder, { recursive: true });
  const summary = await runWsclean(
    {
      pixelCount: inputs.pixel_count,
      cellArcsec: inputs.cell_arcsec,
      robustness: inputs.robustness,
      iterationsMax: inputs.iterations_max,
      majorGain: inputs.major_gain,
      autoMaskSigma: inputs.auto_mask_sigma,
      autoThresholdSigma: inputs.auto_threshold_sigma,
      channelsOut: inputs.channels_out,
    },
    {
      measurementSetPath: inputs.measurement_set_path,
      outputPrefix: join(temporaryFolder, "tile"),
      temporaryFolder,
    },
    {
      threadCount: context.threadCount,
      timeoutSeconds: inputs.timeout_seconds,
      signal: context.signal,
      onProgress: ({ fraction, note }) => {
        context.progress(CLEAN_FRACTION * fraction, note);
      },
    },
  );
  const prefix = inputs.channels_out > 1 ? "tile-MFS" : "tile";
  for (const name of ["image", "residual", "psf"]) {
    const from = join(temporaryFolder, `${prefix}-${name}.fits`);
    await rename(from, join(context.stageFolder, `${name}.fits`));
  }
  await rm(temporaryFolder, { recursive: true });
  return summary;
}

interface Made {
  readonly observation: ImagedObservation;
  readonly summary: WscleanSummary;
  readonly provenance: Provenance;
}

async function finishImages(
  inputs: ImagingInputs,
  context: RunContext,
  { observation, summary, provenance }: Made,
): Promise<ImageMetrics> {
  const at = (name: string): string => join(context.stageFolder, name);
  const image = await readProduct(at("image.fits"), provenance);
  if (findBeam(image.header) === undefined) {
    const path = inputs.measurement_set_path;
    const message = `${path}: WSClean fitted no beam, expected visibilities that are not flagged`;
    throw new PipelineError("TooFewVisibilities", message, { path });
  }
  for (const name of ["residual.fits", "psf.fits"]) {
    context.signal.throwIfAborted();
    await replaceFits(at(name), await readProduct(at(name), provenance));
  }
  context.progress(0.92, "averaging the primary beam over the drift");
  const metrics = measureImage(
    image,
    beamInArcsec(image),
    noiseTheory(inputs, observation, summary),
  );
  image.header.set("RMSJY", metrics.rms_jy, "[Jy/beam] robust noise before beam correction");
  await replaceFits(at("image.fits"), image);

  const response = primaryBeamMap(observation, inputs.pointing, wcsOf(image), image);
  await replaceFits(at("pb.fits"), beamMapImage(image, response));
  context.signal.throwIfAborted();
  const corrected = correctForBeam(image.pixels, response, inputs.primary_beam_min);
  const header = image.header.copy().set("PBMIN", inputs.primary_beam_min, "least beam response");
  header.set("PBDIAM", observation.dishDiameterM, "[m] dish of the Airy beam");
  await replaceFits(at("image-pb.fits"), { ...image, header, pixels: corrected });
  context.progress(0.97, "drawing the preview");
  await writePreview(context.stageFolder, "preview.png", image, provenance);
  return metrics;
}

function noiseTheory(
  inputs: ImagingInputs,
  observation: ImagedObservation,
  summary: WscleanSummary,
): number {
  return theoreticalNoiseJy({
    sefdJy: inputs.sefd_jy,
    channelWidthHz: observation.channelWidthHz,
    integrationSeconds: observation.integrationSeconds,
    visibilityCount: summary.visibilityCount ?? NaN,
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

function describeProvenance(
  inputs: ImagingInputs,
  observation: ImagedObservation,
  wscleanVersion: string,
): Provenance {
  return {
    groupId: inputs.group_id,
    contimgVersion: softwareVersions().contimg,
    wscleanVersion,
    calibrationTable: calibrationTableOf(inputs.measurement_set_path),
    midMjd: midMjd(observation),
    integrationCount: observation.timesMjd.length,
    antennaCount: observation.antennaCount,
  };
}

/** The calibration stage leaves the name of its table in the set's history. */
function calibrationTableOf(measurementSetPath: string): string | undefined {
  using history = openTable(`${measurementSetPath}/HISTORY`);
  const messages = history.rowCount === 0 ? [] : history.getStrings("MESSAGE");
  return messages.map((message) => /^calibrated with (\S+)$/.exec(message)?.[1]).find(Boolean);
}

function midMjd({ timesMjd }: ImagedObservation): number {
  return (timesMjd[0]! + timesMjd.at(-1)!) / 2;
}

interface Outcome {
  readonly observation: ImagedObservation;
  readonly summary: WscleanSummary;
  readonly metrics: ImageMetrics;
  readonly wscleanVersion: string;
}

const FILES: readonly { kind: ProductKind; name: string }[] = [
  { kind: "image", name: "image.fits" },
  { kind: "corrected-image", name: "image-pb.fits" },
  { kind: "primary-beam", name: "pb.fits" },
  { kind: "residual-image", name: "residual.fits" },
  { kind: "psf", name: "psf.fits" },
  { kind: "preview", name: "preview.png" },
];

function toResult(inputs: ImagingInputs, outcome: Outcome): StageResult {
  const { observation, summary, metrics } = outcome;
  const { frequencyHz, phaseCenter } = observation;
  const metadata = {
    ...metrics,
    mid_mjd: midMjd(observation),
    frequency_hz: (frequencyHz[0]! + frequencyHz.at(-1)!) / 2,
    center_ra_deg: (phaseCenter.raRad * 180) / Math.PI,
    center_dec_deg: (phaseCenter.decRad * 180) / Math.PI,
    pixel_count: inputs.pixel_count,
    cell_arcsec: inputs.cell_arcsec,
    robustness: inputs.robustness,
    wsclean_version: outcome.wscleanVersion,
    visibility_count: summary.visibilityCount ?? null,
    major_iterations: summary.majorIterationCount,
    minor_iterations: summary.minorIterationCount,
  };
  const outputs = FILES.map(({ kind, name }): Output => ({
    kind,
    stagePath: name,
    finalPath: imagePath(inputs.group_id, name),
    metadata: kind === "image" || kind === "corrected-image" ? metadata : {},
  }));
  return { outputs, quality: measured({ ...metrics }), result: metadata };
}
