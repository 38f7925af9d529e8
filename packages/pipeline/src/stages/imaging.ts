/**
 * Images one calibrated tile: settings from the data, WSClean, the drift-averaged primary beam, a
 * look at the quality.
 *
 * Reads column DATA of `<group>.cal.ms`. Writes the restored, corrected, residual and PSF images, the
 * beam map and a picture.
 */
import { access, rm } from "node:fs/promises";
import { basename } from "node:path";

import {
  type ChosenSettings,
  chooseSettings,
  givenSettings,
  type GivenSettings,
  nominalSettings,
  type SettingName,
} from "../imaging/choose-settings.ts";
import { type CleanedFiles, type CleanRequest, cleanTile } from "../imaging/clean-tile.ts";
import { type FinishedTile, finishImages, recoveryText } from "../imaging/finish-images.ts";
import { type ImagingParams, imagingParamsSchema } from "../imaging/imaging-params.ts";
import {
  calibrationTablesOf,
  type ImagedObservation,
  readImagedObservation,
  requireCasacore,
} from "../imaging/observation.ts";
import type { Provenance } from "../imaging/product-header.ts";
import {
  STEADY_COPY_BYTES,
  type SteadiedTile,
  steadyText,
  steadyTile,
} from "../imaging/steady-tile.ts";
import { TIERS } from "../imaging/tiers.ts";
import { factsOf, takeCensus, type VisibilityCensus } from "../imaging/visibility-census.ts";
import { imagePath, referenceCatalogPath } from "../products/paths.ts";
import { makerOfRun } from "../products/run-id.ts";
import { softwareVersions } from "../products/software.ts";
import { limitsOf, type SelfCalibrationLimits } from "../self-calibration/limits.ts";
import { recordText, roundText, type SelfCalibrationRecord } from "../self-calibration/record.ts";
import { SELF_CALIBRATION_TABLE, selfCalibrate } from "../self-calibration/self-calibrate.ts";
import type {
  Json,
  Output,
  ProductKind,
  ProductLookup,
  QualityVerdict,
  RunContext,
  Stage,
  StageResult,
} from "../stage.ts";
import { assertAlike } from "../imaging/site-images.ts";
import type { WscleanSummary } from "../tools/wsclean-log.ts";
import { readWscleanVersion, WSCLEAN_PACKAGE, wscleanMemoryGib } from "../tools/wsclean.ts";

export type { ImagingParams };
export type ImagingInputs = Omit<
  ImagingParams,
  | "calibrated_measurement_set_path"
  | "restoring_beam"
  | "catalog_path"
  | "self_calibration"
  | "uses_field_sources"
  | SettingName
> & {
  measurement_set_path: string;
  /** Null: the field is imaged as it drifts. */
  catalog_path: string | null;
  /** The settings that were given; the data choose the others. */
  given: GivenSettings;
  restoring_beam: NonNullable<ImagingParams["restoring_beam"]> | null;
  self_calibration: SelfCalibrationLimits | null;
};

/** WSClean's share of the stage's time. */
const CLEAN_SHARE = 0.9;

export const imagingStage: Stage<ImagingParams, ImagingInputs, Json> = {
  name: "imaging",
  packages: [WSCLEAN_PACKAGE, "casacore-dev"],
  params: imagingParamsSchema,

  async resolve(params, lookup) {
    const given = params.calibrated_measurement_set_path;
    return {
      group_id: params.group_id,
      measurement_set_path:
        given ?? (await lookup.find("calibrated-measurement-set", params.group_id)),
      tier: params.tier,
      given: givenSettings(params),
      pointing: params.pointing,
      catalog_path: await catalogFor(params, lookup),
      primary_beam_min: params.primary_beam_min,
      restoring_beam: params.restoring_beam ?? null,
      channel_images: params.channel_images,
      axis_count: params.axis_count,
      sefd_jy: params.sefd_jy,
      self_calibration: limitsOf(params.self_calibration),
      memory_gib: params.memory_gib,
      timeout_seconds: params.timeout_seconds,
    };
  },

  /**
   * Eight float32 planes at the most: WSClean's five, ours, and one being rewritten; while
   * self-calibrating the best round's besides; and the copy of the visibilities.
   */
  outputBytes: ({ tier, given, self_calibration, catalog_path: catalog }) => {
    const { pixel_count: pixels, channels_out: channels } = nominalSettings(tier, given);
    const copy = catalog === null ? 0 : STEADY_COPY_BYTES;
    const kept = self_calibration === null ? 0 : 3 + (channels > 1 ? channels : 0);
    return copy + 4 * pixels ** 2 * (8 + kept + (channels > 1 ? 5 * channels : 0));
  },

  async run(inputs, context) {
    const wscleanVersion = await readWscleanVersion();
    const { observation, census, chosen } = lookAt(inputs);
    const steadied = steadyTile(inputs, context, census.weights, chosen.settings);
    const clean = {
      measurementSetPath: steadied?.path ?? inputs.measurement_set_path,
      settings: chosen.settings,
      restoringBeam: givenBeam(inputs),
      keepsChannels: inputs.channel_images,
      memoryGib: wscleanMemoryGib(inputs.memory_gib, context.memoryBytes),
      timeoutSeconds: inputs.timeout_seconds,
      progressShare: CLEAN_SHARE,
    };
    const { self_calibration: limits, pointing } = inputs;
    const made =
      limits === null
        ? { cleaned: await cleanTile(clean, context) }
        : await selfCalibrate({ clean, limits, observation, census, pointing }, context);
    if (steadied !== undefined) await rm(steadied.path, { recursive: true });
    const look = { observation, census, chosen, wscleanVersion, steadied };
    return finish(inputs, context, { ...look, ...made });
  },

  site: {
    files: () => [
      {
        name: "image.fits",
        what: "restored, Jy/beam, with BMAJ, BMIN and BPA, not corrected for the primary beam",
        isRequired: true,
      },
      { name: "residual.fits", what: "on the same pixels", isRequired: true },
      { name: "psf.fits", what: "on the same pixels, 1 at its peak", isRequired: true },
    ],

    /** The settings that our own imaging would take; names and units are those of the params. */
    brief(inputs) {
      const { chosen } = lookAt(inputs);
      return { settings: { ...chosen.settings } };
    },

    async adopt(inputs, report, context) {
      const look = lookAt(inputs);
      await assertAlike(context.stageFolder, look.observation);
      const summary = { majorIterationCount: 0, minorIterationCount: 0 };
      const cleaned = { channelFiles: [], recoveries: [], summary, seconds: null };
      const wscleanVersion = report.version ?? "none: a site's own program";
      const made = await finish(inputs, context, {
        ...{ ...look, cleaned, wscleanVersion },
        steadied: undefined,
      });
      if (inputs.self_calibration === null) return made;
      const finding =
        "self-calibration was asked for; what the site's program did is not on record";
      return { ...made, quality: withFinding(made.quality, finding) };
    },
  },
};

/** The catalogue that was named, else the reference where there is one. */
async function catalogFor(params: ImagingParams, lookup: ProductLookup): Promise<string | null> {
  if (!params.uses_field_sources || params.pointing === "tracking") return null;
  if (params.catalog_path !== undefined) return params.catalog_path;
  const reference = referenceCatalogPath(lookup.dataRoot);
  const exists = await access(reference).then(
    () => true,
    // Absent is an answer here: the tile is imaged as it drifts.
    () => false,
  );
  return exists ? reference : null;
}

interface Look {
  readonly observation: ImagedObservation;
  readonly census: VisibilityCensus;
  readonly chosen: ChosenSettings;
}

function lookAt(inputs: ImagingInputs): Look {
  requireCasacore();
  const path = inputs.measurement_set_path;
  const observation = readImagedObservation(path);
  const census = takeCensus(path, observation.frequencyHz.length);
  const chosen = chooseSettings(inputs.tier, factsOf(observation, census), inputs.given);
  return { observation, census, chosen };
}

async function finish(
  inputs: ImagingInputs,
  context: RunContext,
  made: Look & Made,
): Promise<StageResult> {
  const { observation, census, cleaned } = made;
  const provenance = describeProvenance(inputs, context, made);
  const tile = { observation, census, provenance, cleaned };
  return toResult(inputs, { ...made, ...(await finishImages(inputs, context, tile)) });
}

function givenBeam({ restoring_beam: beam }: ImagingInputs): CleanRequest["restoringBeam"] {
  if (beam === null) return undefined;
  if (beam === "common") return beam;
  return {
    majorArcsec: beam.major_arcsec,
    minorArcsec: beam.minor_arcsec,
    positionAngleDeg: beam.position_angle_deg,
  };
}

interface Made {
  readonly chosen: ChosenSettings;
  readonly cleaned: Pick<CleanedFiles, "channelFiles" | "recoveries"> & {
    /** Null: a site's own program. */
    readonly seconds: number | null;
    readonly summary: Pick<WscleanSummary, "majorIterationCount" | "minorIterationCount">;
  };
  readonly wscleanVersion: string;
  /** Absent: the visibilities were imaged as they are. */
  readonly steadied: SteadiedTile | undefined;
  /** Absent when self-calibration was not asked for. */
  readonly record?: SelfCalibrationRecord;
}

function describeProvenance(
  inputs: ImagingInputs,
  context: RunContext,
  { chosen, cleaned, wscleanVersion, steadied, record }: Made,
): Provenance {
  const settings = Object.entries(chosen.settings).map(
    ([name, value]) => `${name} = ${String(value)}: ${chosen.reasons[name as SettingName]}`,
  );
  return {
    groupId: inputs.group_id,
    taskId: makerOfRun(basename(context.stageFolder)),
    contimgVersion: softwareVersions().contimg,
    wscleanVersion,
    calibrationTables: calibrationTablesOf(inputs.measurement_set_path),
    history: [
      `tier ${inputs.tier}: ${TIERS[inputs.tier].purpose}`,
      ...settings,
      ...(steadied === undefined ? [] : [steadyText(steadied)]),
      ...cleaned.recoveries.map(recoveryText),
      ...(record === undefined ? [] : [recordText(record), ...record.rounds.map(roundText)]),
    ],
  };
}

interface Outcome extends Made, FinishedTile {
  readonly observation: ImagedObservation;
  readonly census: VisibilityCensus;
}

const FILES: readonly { kind: ProductKind; name: string }[] = [
  { kind: "image", name: "image.fits" },
  { kind: "corrected-image", name: "image-pb.fits" },
  { kind: "primary-beam", name: "pb.fits" },
  { kind: "residual-image", name: "residual.fits" },
  { kind: "psf", name: "psf.fits" },
  { kind: "preview", name: "preview.png" },
];

const SELF_GAINS: ProductKind = "self-calibration-table";

function toResult(inputs: ImagingInputs, outcome: Outcome): StageResult {
  const { chosen, cleaned, metrics, quality, record } = outcome;
  const metadata: Readonly<Record<string, Json>> = {
    ...metrics,
    ...describeObservation(outcome),
    tier: inputs.tier,
    ...chosen.settings,
    setting_reasons: { ...chosen.reasons },
    primary_beam_min: inputs.primary_beam_min,
    recoveries: cleaned.recoveries.map((recovery) => ({ ...recovery })),
    wsclean_version: outcome.wscleanVersion,
    wsclean_seconds: cleaned.seconds,
    major_iterations: cleaned.summary.majorIterationCount,
    minor_iterations: cleaned.summary.minorIterationCount,
    steadied_source_count: outcome.steadied?.steadiedCount ?? 0,
    removed_source_count: outcome.steadied?.removedCount ?? 0,
    rescaled_source_count: outcome.steadied?.rescaledCount ?? 0,
    ...(record === undefined ? {} : { self_calibration: record }),
  };
  const isSelfCalibrated = record !== undefined && record.kept_round > 0;
  const files = [
    ...FILES,
    ...cleaned.channelFiles,
    ...(isSelfCalibrated ? [{ kind: SELF_GAINS, name: SELF_CALIBRATION_TABLE }] : []),
  ];
  const outputs = files.map(({ kind, name }): Output => ({
    kind,
    stagePath: name,
    finalPath: imagePath(inputs.group_id, name),
    metadata: kind === "image" || kind === "corrected-image" ? metadata : {},
  }));
  // Of an earlier run that kept a round.
  return { outputs, replaces: [SELF_GAINS], quality, result: { ...metadata } };
}

function withFinding(quality: QualityVerdict, finding: string): QualityVerdict {
  return { ...quality, findings: [...quality.findings, finding] };
}

function describeObservation({ observation, census }: Outcome): Record<string, Json> {
  const { frequencyHz, phaseCenter, timesMjd } = observation;
  return {
    mid_mjd: (timesMjd[0]! + timesMjd.at(-1)!) / 2,
    frequency_hz: (frequencyHz[0]! + frequencyHz.at(-1)!) / 2,
    center_ra_deg: (phaseCenter.raRad * 180) / Math.PI,
    center_dec_deg: (phaseCenter.decRad * 180) / Math.PI,
    visibility_count: census.visibilityCount,
    longest_baseline_m: census.longestBaselineM,
    expected_rms_jy: census.expectedNoiseJy ?? null,
  };
}
