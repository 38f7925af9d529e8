/** What an imaging run says of itself: in the headers of its files, and in its result. */
import { basename } from "node:path";

import { imagePath } from "../products/paths.ts";
import { makerOfRun } from "../products/run-id.ts";
import { softwareVersions } from "../products/software.ts";
import { recordText, roundText, type SelfCalibrationRecord } from "../self-calibration/record.ts";
import { SELF_CALIBRATION_TABLE } from "../self-calibration/self-calibrate.ts";
import type { Json, Output, ProductKind, RunContext, StageResult } from "../stage.ts";
import type { WscleanSummary } from "../tools/wsclean-log.ts";
import type { ChosenSettings, SettingName } from "./choose-settings.ts";
import type { CleanedFiles } from "./clean-tile.ts";
import { type FinishedTile, recoveryText } from "./finish-images.ts";
import type { ImagingParams } from "./imaging-params.ts";
import { calibrationTablesOf, type ImagedObservation } from "./observation.ts";
import type { Provenance } from "./product-header.ts";
import { type SteadiedTile, steadyText } from "./steady-tile.ts";
import { TIERS } from "./tiers.ts";
import type { VisibilityCensus } from "./visibility-census.ts";

type MadeFrom = Pick<ImagingParams, "group_id" | "tier" | "primary_beam_min"> & {
  readonly measurement_set_path: string;
};

/** What imaging has made, and how. */
export interface Made {
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

export function describeProvenance(
  inputs: MadeFrom,
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

export interface Outcome extends Made, FinishedTile {
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

export function toResult(inputs: MadeFrom, outcome: Outcome): StageResult {
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
