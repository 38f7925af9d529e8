/**
 * Images every integration of one calibrated tile by itself, uncleaned, and looks for what is in
 * one frame only: transients of seconds to a minute.
 *
 * Writes one image a frame and a report with one candidate a frame.
 */
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

import { type ImagePlane, pixelToSky } from "@contimg/astro";
import { type FitsImage, readFitsImage } from "@contimg/formats";
import { z } from "zod";

import { toCsv } from "../imaging/csv.ts";
import { chooseSettings, type ImageSettings } from "../imaging/choose-settings.ts";
import { toWsclean } from "../imaging/clean-tile.ts";
import { recoveryText } from "../imaging/finish-images.ts";
import { replaceFits, wcsOf } from "../imaging/image-files.ts";
import { measurementSetParams, resourceParams } from "../imaging/imaging-params.ts";
import {
  calibrationTablesOf,
  type ImagedObservation,
  readImagedObservation,
  requireCasacore,
} from "../imaging/observation.ts";
import { wholeWithin, within } from "../imaging/within.ts";
import { productHeader, type Provenance } from "../imaging/product-header.ts";
import { type FrameVerdict, judgeFrames } from "../imaging/snapshots.ts";
import { factsOf, takeCensus } from "../imaging/visibility-census.ts";
import { imagePath } from "../products/paths.ts";
import { makerOfRun } from "../products/run-id.ts";
import { softwareVersions } from "../products/software.ts";
import { measured } from "../quality/measured.ts";
import type { Json, Output, QualityVerdict, RunContext, Stage, StageResult } from "../stage.ts";
import { readWscleanVersion, WSCLEAN_PACKAGE, wscleanMemoryGib } from "../tools/wsclean.ts";
import { type Recovered, runWscleanWithRecovery } from "../tools/wsclean-recovery.ts";

const paramsSchema = z.strictObject({
  ...measurementSetParams,
  /** The middle of the beam only: all frames are held in memory at once. */
  pixel_count: wholeWithin(64, 4096, "pixels").default(1024),
  cell_arcsec: within(0.01, 600, "arcsec").default(2.5),
  robustness: within(-2, 2).default(0.5),
  /** Frames a tile; every integration by itself when absent. */
  frame_count: wholeWithin(1, 1000).optional(),
  /** A candidate is reported as one from here on [σ of the difference]. */
  threshold_sigma: within(3, 100, "sigma").default(6),
  ...resourceParams,
});

export type SnapshotsParams = z.infer<typeof paramsSchema>;
export type SnapshotsInputs = Omit<
  SnapshotsParams,
  "calibrated_measurement_set_path" | "frame_count"
> & { measurement_set_path: string; frame_count: number | null };

/** Integrations of a tile of DSA-110, for the estimate of what will be written. */
const FRAMES_NOMINAL = 24;
/** WSClean's share of the stage's time. */
const IMAGE_SHARE = 0.8;

export const snapshotsStage: Stage<SnapshotsParams, SnapshotsInputs, Json> = {
  name: "snapshots",
  packages: [WSCLEAN_PACKAGE, "casacore-dev"],
  params: paramsSchema,

  async resolve({ calibrated_measurement_set_path: given, frame_count, ...settings }, lookup) {
    const found = given ?? (await lookup.find("calibrated-measurement-set", settings.group_id));
    return { ...settings, frame_count: frame_count ?? null, measurement_set_path: found };
  },

  /** WSClean's image and PSF of every frame, and one being rewritten. */
  outputBytes: ({ pixel_count, frame_count }) =>
    4 * pixel_count ** 2 * (2 * (frame_count ?? FRAMES_NOMINAL) + 1),

  async run(inputs, context) {
    requireCasacore();
    const path = inputs.measurement_set_path;
    const wscleanVersion = await readWscleanVersion();
    const observation = readImagedObservation(path);
    const census = takeCensus(path, observation.frequencyHz.length);
    const { settings } = chooseSettings("quicklook", factsOf(observation, census), {
      pixel_count: inputs.pixel_count,
      cell_arcsec: inputs.cell_arcsec,
      robustness: inputs.robustness,
      channels_out: 1,
    });
    const frameCount = splitTimes(observation.timesMjd, inputs.frame_count).length;
    const { recoveries } = await makeFrames(inputs, context, { settings, frameCount });
    return finish(inputs, context, { observation, wscleanVersion, recoveries });
  },

  site: {
    files: ({ measurement_set_path, frame_count }) => {
      requireCasacore();
      const { timesMjd } = readImagedObservation(measurement_set_path);
      return splitTimes(timesMjd, frame_count).map((_times, frame) => ({
        name: frameName(frame),
        what: "dirty image of one frame, Jy/beam, with BMAJ, BMIN and BPA; all on the same pixels",
        isRequired: true,
      }));
    },
    adopt: async (inputs, report, context) =>
      finish(inputs, context, {
        observation: readImagedObservation(inputs.measurement_set_path),
        wscleanVersion: report.version ?? "none: a site's own program",
        recoveries: [],
      }),
  },
};

interface Made extends Pick<Recovered, "recoveries"> {
  readonly observation: ImagedObservation;
  readonly wscleanVersion: string;
}

/** The frames stand in the stage folder. */
async function finish(
  inputs: SnapshotsInputs,
  context: RunContext,
  { observation, wscleanVersion, recoveries }: Made,
): Promise<StageResult> {
  const timesOfFrame = splitTimes(observation.timesMjd, inputs.frame_count);
  const provenance: Provenance = {
    groupId: inputs.group_id,
    taskId: makerOfRun(basename(context.stageFolder)),
    contimgVersion: softwareVersions().contimg,
    wscleanVersion,
    calibrationTables: calibrationTablesOf(inputs.measurement_set_path),
    history: ["snapshot: dirty image of one frame", ...recoveries.map(recoveryText)],
  };
  const frames = await completeFrames(context, { observation, timesOfFrame, provenance });
  context.progress(0.9, "looking for what is in one frame only");
  const rows = toRows(frames, judgeFrames(frames), timesOfFrame, inputs.threshold_sigma);
  await writeReport(context.stageFolder, inputs, rows);
  return toResult(inputs, rows, recoveries);
}

/** As WSClean cuts them: as equal as can be. */
function splitTimes(timesMjd: readonly number[], frameCount: number | null): number[][] {
  const count = Math.min(frameCount ?? timesMjd.length, timesMjd.length);
  return Array.from({ length: count }, (_, frame) =>
    timesMjd.slice(
      Math.floor((frame * timesMjd.length) / count),
      Math.floor(((frame + 1) * timesMjd.length) / count),
    ),
  );
}

function frameName(frame: number): string {
  return `snapshot-${String(frame).padStart(2, "0")}.fits`;
}

async function makeFrames(
  inputs: SnapshotsInputs,
  context: RunContext,
  { settings, frameCount }: { settings: ImageSettings; frameCount: number },
): Promise<Recovered> {
  const folder = join(context.stageFolder, "wsclean");
  await mkdir(folder, { recursive: true });
  const recovered = await runWscleanWithRecovery(
    {
      settings: { ...toWsclean(settings), intervalsOut: frameCount, only: "dirty" },
      limits: {
        threadCount: context.threadCount,
        memoryGib: wscleanMemoryGib(inputs.memory_gib, context.memoryBytes),
        reorder: true,
      },
    },
    {
      measurementSetPath: inputs.measurement_set_path,
      outputPrefix: join(folder, "tile"),
      temporaryFolder: folder,
    },
    {
      timeoutSeconds: inputs.timeout_seconds,
      signal: context.signal,
      onImage: (imagesDone) => {
        const note = `frame ${imagesDone} of ${frameCount}`;
        context.progress((IMAGE_SHARE * imagesDone) / frameCount, note);
      },
    },
  );
  for (let frame = 0; frame < frameCount; frame++) {
    const number = frameCount > 1 ? `-t${String(frame).padStart(4, "0")}` : "";
    const from = join(folder, `tile${number}-image.fits`);
    await rename(from, join(context.stageFolder, frameName(frame)));
  }
  await rm(folder, { recursive: true });
  return recovered;
}

async function completeFrames(
  context: RunContext,
  tile: {
    observation: ImagedObservation;
    timesOfFrame: readonly (readonly number[])[];
    provenance: Provenance;
  },
): Promise<FitsImage[]> {
  const frames: FitsImage[] = [];
  for (const [frame, timesMjd] of tile.timesOfFrame.entries()) {
    context.signal.throwIfAborted();
    const path = join(context.stageFolder, frameName(frame));
    const { header: own, ...plane } = await readFitsImage(path);
    const observation = { ...tile.observation, timesMjd };
    const image = { ...plane, header: productHeader(own, observation, tile.provenance) };
    image.header.set("FRAME", frame, "counted from 0");
    await replaceFits(path, image);
    frames.push(image);
  }
  return frames;
}

/** A frame and its candidate, as the report has them. */
type Row = Readonly<Record<(typeof COLUMNS)[number], number | boolean | null>>;

const COLUMNS = [
  "frame",
  "mid_mjd",
  "rms_jy",
  "peak_jy",
  "peak_snr",
  "difference_rms_jy",
  "candidate_ra_deg",
  "candidate_dec_deg",
  "candidate_flux_jy",
  "candidate_snr",
  "candidate_persistent_jy",
  "is_candidate",
] as const;

function toRows(
  frames: readonly FitsImage[],
  verdicts: readonly (FrameVerdict | undefined)[],
  timesOfFrame: readonly (readonly number[])[],
  thresholdSigma: number,
): Row[] {
  return frames.map((image, frame) => {
    const times = timesOfFrame[frame]!;
    const verdict = verdicts[frame];
    const place = verdict && skyOf(image, verdict.candidate);
    return {
      frame,
      mid_mjd: (times[0]! + times.at(-1)!) / 2,
      rms_jy: verdict?.rmsJy ?? null,
      peak_jy: verdict?.peakJy ?? null,
      peak_snr: verdict?.peakSnr ?? null,
      difference_rms_jy: verdict?.differenceRmsJy ?? null,
      candidate_ra_deg: place?.raDeg ?? null,
      candidate_dec_deg: place?.decDeg ?? null,
      candidate_flux_jy: verdict?.candidate.fluxJy ?? null,
      candidate_snr: verdict?.candidate.snr ?? null,
      candidate_persistent_jy: verdict?.candidate.persistentJy ?? null,
      is_candidate: (verdict?.candidate.snr ?? 0) >= thresholdSigma,
    };
  });
}

function skyOf(
  image: FitsImage & ImagePlane,
  pixel: { x: number; y: number },
): { raDeg: number; decDeg: number } | undefined {
  const sky = pixelToSky(wcsOf(image), pixel);
  if (sky === undefined) return undefined;
  return { raDeg: (sky.raRad * 180) / Math.PI, decDeg: (sky.decRad * 180) / Math.PI };
}

async function writeReport(
  folder: string,
  inputs: SnapshotsInputs,
  rows: readonly Row[],
): Promise<void> {
  const { group_id, threshold_sigma } = inputs;
  const report = { group_id, threshold_sigma, frames: rows };
  await writeFile(join(folder, "snapshots.json"), `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(join(folder, "snapshots.csv"), toCsv(COLUMNS, rows));
}

function toResult(
  inputs: SnapshotsInputs,
  rows: readonly Row[],
  recoveries: Recovered["recoveries"],
): { outputs: Output[]; quality: QualityVerdict; result: Json } {
  const candidates = rows.filter(({ is_candidate }) => is_candidate);
  const empty = rows.filter(({ rms_jy }) => rms_jy === null);
  const noises = rows.flatMap(({ rms_jy }) => (typeof rms_jy === "number" ? [rms_jy] : []));
  const metrics = {
    frame_count: rows.length,
    empty_frame_count: empty.length,
    candidate_count: candidates.length,
    ...(noises.length === 0
      ? {}
      : { median_rms_jy: noises.toSorted((a, b) => a - b)[noises.length >> 1]! }),
  };
  const outputs = [
    ...["json", "csv"].map((extension): Output => ({
      kind: "snapshot-report",
      stagePath: `snapshots.${extension}`,
      finalPath: imagePath(inputs.group_id, `snapshots.${extension}`),
      metadata: extension === "json" ? metrics : {},
    })),
    ...rows.map((row): Output => ({
      kind: "snapshot",
      stagePath: frameName(Number(row.frame)),
      finalPath: imagePath(inputs.group_id, frameName(Number(row.frame))),
      metadata: row,
    })),
  ];
  return {
    outputs,
    quality: { ...measured(metrics), findings: recoveries.map(recoveryText) },
    result: { ...metrics, candidates: candidates.map((row) => ({ ...row })) },
  };
}
