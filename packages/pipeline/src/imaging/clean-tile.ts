/** WSClean's part of imaging: from a Measurement Set to image, residual and PSF in a folder. */
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { commonBeam } from "@contimg/astro";
import { readFitsHeader, readFitsImage } from "@contimg/formats";

import type { RunContext } from "../stage.ts";
import {
  type RestoringBeam,
  runWsclean,
  type WscleanFiles,
  type WscleanRun,
  type WscleanSettings,
} from "../tools/wsclean.ts";
import { type Recovered, runWscleanWithRecovery } from "../tools/wsclean-recovery.ts";
import type { ImageSettings } from "./choose-settings.ts";
import { beamOf } from "./image-files.ts";

export interface CleanRequest {
  readonly measurementSetPath: string;
  readonly settings: ImageSettings;
  /** "common": the smallest that covers those of all parts of the band. */
  readonly restoringBeam: RestoringBeam | "common" | undefined;
  readonly keepsChannels: boolean;
  /** Leaves the model's visibilities in the Measurement Set; else it is only read. */
  readonly keepsModel?: boolean;
  readonly memoryGib: number;
  readonly timeoutSeconds: number;
  /** Of the progress of the whole stage, WSClean's share. */
  readonly progressShare: number;
}

/** What stands in the stage folder afterwards, beside image.fits, residual.fits and psf.fits. */
export interface CleanedFiles extends Recovered {
  readonly channelFiles: readonly { readonly kind: "channel-image"; readonly name: string }[];
}

/** Beyond the dirty image's peak the residual holds what CLEAN itself put there. */
const RESIDUAL_EXCESS = 1.05;
const ARCSEC_PER_RAD = (180 / Math.PI) * 3600;

/** Leaves its files in the stage folder, and nothing else. */
export async function cleanTile(request: CleanRequest, context: RunContext): Promise<CleanedFiles> {
  const folder = join(context.stageFolder, "wsclean");
  await mkdir(folder, { recursive: true });
  const files: WscleanFiles = {
    measurementSetPath: request.measurementSetPath,
    outputPrefix: join(folder, "tile"),
    temporaryFolder: folder,
  };
  const isSplit = request.settings.channels_out > 1;
  const made = (name: string): string => join(folder, `tile${isSplit ? "-MFS" : ""}-${name}.fits`);
  const { memoryGib, timeoutSeconds } = request;
  const limits = { threadCount: context.threadCount, memoryGib, reorder: true };
  const run = { timeoutSeconds, signal: context.signal };
  const settings = toWsclean(request.settings);
  const restoringBeam =
    request.restoringBeam === "common"
      ? await commonBeamOf(settings, files, { ...run, limits })
      : request.restoringBeam;
  const recovered = await runWscleanWithRecovery(
    { settings: { ...settings, restoringBeam, keepsModel: request.keepsModel ?? false }, limits },
    files,
    {
      ...run,
      onProgress: ({ fraction, note }) => {
        context.progress(request.progressShare * fraction, note);
      },
      inspect: ({ dirtyPeakJy }) => inspectResidual(made("residual"), dirtyPeakJy),
    },
  );
  for (const name of ["image", "residual", "psf"]) {
    await rename(made(name), join(context.stageFolder, `${name}.fits`));
  }
  const channelFiles =
    isSplit && request.keepsChannels ? await moveChannels(folder, context.stageFolder) : [];
  await rm(folder, { recursive: true });
  return { ...recovered, channelFiles };
}

async function moveChannels(from: string, to: string): Promise<CleanedFiles["channelFiles"]> {
  const moved: { kind: "channel-image"; name: string }[] = [];
  for (const file of (await readdir(from)).toSorted()) {
    const channel = /^tile-(\d{4})-image\.fits$/.exec(file)?.[1];
    if (channel === undefined) continue;
    const name = `channel-${channel}.fits`;
    await rename(join(from, file), join(to, name));
    moved.push({ kind: "channel-image", name });
  }
  return moved;
}

/** Makes the PSFs only, which costs two of the many passes through the visibilities. */
async function commonBeamOf(
  settings: WscleanSettings,
  files: WscleanFiles,
  run: WscleanRun,
): Promise<RestoringBeam> {
  await runWsclean({ ...settings, only: "psf" }, files, run);
  const folder = files.temporaryFolder;
  const names = (await readdir(folder)).filter((name) => /^tile-(\d{4}-)?psf\.fits$/.test(name));
  const headers = await Promise.all(names.map((name) => readFitsHeader(join(folder, name))));
  const beam = commonBeam(headers.map(beamOf));
  return {
    majorArcsec: beam.majorRad * ARCSEC_PER_RAD,
    minorArcsec: beam.minorRad * ARCSEC_PER_RAD,
    positionAngleDeg: (beam.positionAngleRad * 180) / Math.PI,
  };
}

export function toWsclean(settings: ImageSettings): WscleanSettings {
  return {
    pixelCount: settings.pixel_count,
    cellArcsec: settings.cell_arcsec,
    robustness: settings.robustness,
    iterationsMax: settings.iterations_max,
    majorGain: settings.major_gain,
    autoMaskSigma: settings.auto_mask_sigma,
    autoThresholdSigma: settings.auto_threshold_sigma,
    thresholdJy: settings.threshold_jy,
    channelsOut: settings.channels_out,
  };
}

/** The log does not show what the last major iteration left behind. */
async function inspectResidual(
  path: string,
  dirtyPeakJy: number | undefined,
): Promise<string | undefined> {
  const { pixels } = await readFitsImage(path);
  let peakJy = 0;
  for (const pixel of pixels) {
    const size = Math.abs(pixel);
    if (!(size <= peakJy)) peakJy = size;
    if (Number.isNaN(size)) return "the residual has pixels that are not numbers";
  }
  if (dirtyPeakJy === undefined || peakJy <= RESIDUAL_EXCESS * dirtyPeakJy) return undefined;
  const [left, dirty] = [peakJy.toPrecision(3), dirtyPeakJy.toPrecision(3)];
  return `the residual's peak is ${left} Jy, the dirty image's ${dirty}`;
}
