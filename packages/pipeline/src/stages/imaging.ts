/**
 * Images one calibrated tile: settings from the data, WSClean, the drift-averaged primary beam, a
 * look at the quality.
 *
 * Reads column DATA of `<group>.cal.ms`. Writes the restored, corrected, residual and PSF images, the
 * beam map and a picture.
 */
import { access, rm } from "node:fs/promises";

import {
  type ChosenSettings,
  chooseSettings,
  givenSettings,
  type GivenSettings,
  nominalSettings,
  type SettingName,
} from "../imaging/choose-settings.ts";
import { type CleanRequest, cleanTile } from "../imaging/clean-tile.ts";
import { finishImages } from "../imaging/finish-images.ts";
import { type ImagingParams, imagingParamsSchema } from "../imaging/imaging-params.ts";
import { describeProvenance, type Made, toResult } from "../imaging/imaging-result.ts";
import {
  type ImagedObservation,
  readImagedObservation,
  requireCasacore,
} from "../imaging/observation.ts";
import { STEADY_COPY_BYTES, steadyTile } from "../imaging/steady-tile.ts";
import { factsOf, takeCensus, type VisibilityCensus } from "../imaging/visibility-census.ts";
import { referenceCatalogPath } from "../products/paths.ts";
import { limitsOf, type SelfCalibrationLimits } from "../self-calibration/limits.ts";
import { selfCalibrate } from "../self-calibration/self-calibrate.ts";
import type {
  Json,
  ProductLookup,
  QualityVerdict,
  RunContext,
  Stage,
  StageResult,
} from "../stage.ts";
import { assertAlike } from "../imaging/site-images.ts";
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

function withFinding(quality: QualityVerdict, finding: string): QualityVerdict {
  return { ...quality, findings: [...quality.findings, finding] };
}
