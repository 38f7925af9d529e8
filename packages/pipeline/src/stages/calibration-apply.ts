/**
 * Calibrates a tile: reads the raw Measurement Set once and writes a new one, `<group>.cal.ms`,
 * with DATA in Jy, averaged in frequency, weighted and flagged.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";

import { isCasacoreAvailable, readBandpassTable, type BandpassTable } from "@contimg/casacore";
import { z } from "zod";

import { applyGains, type ApplyReport } from "../calibration/apply-gains.ts";
import { readPointing } from "../calibration/pointing.ts";
import { openVisibilitySet } from "../calibration/visibility-set.ts";
import { PipelineError } from "../errors.ts";
import {
  calibratedMeasurementSetPath,
  roleOfMeasurementSet,
  type TileRole,
} from "../products/paths.ts";
import { measured } from "../quality/measured.ts";
import type { QualityVerdict, Stage } from "../stage.ts";
import { groupIdParam, pathParam } from "../stage-params.ts";

/** More than this is flagged: nothing to image, whatever the gate says. */
const FLAGGED_FRACTION_MAX = 0.95;
/** Sets below it may have too few channels to average. */
const AVERAGED_FROM_BYTES = 500_000_000;

const paramsSchema = z.strictObject({
  group_id: groupIdParam,
  /** Absolute; found in the registry when absent. */
  measurement_set_path: pathParam.optional(),
  /** Absolute; the one valid for the tile's time and declination when absent. */
  calibration_table_path: pathParam.optional(),
  flagged_fraction_max: z.number().gt(0).max(1).default(FLAGGED_FRACTION_MAX),
});

export type ApplyParams = z.infer<typeof paramsSchema>;

export interface ApplyInputs {
  [key: string]: string | number;
  group_id: string;
  measurement_set_path: string;
  calibration_table_path: string;
  flagged_fraction_max: number;
  role: TileRole;
  /** Of the raw set. */
  input_bytes: number;
}

export interface ApplyResult {
  [key: string]: string | number | string[];
  measurement_set_path: string;
  group_id: string;
  calibration_table_path: string;
}

export const calibrationApplyStage: Stage<ApplyParams, ApplyInputs, ApplyResult> = {
  name: "calibration-apply",
  packages: ["casacore-dev", "casacore-data"],
  params: paramsSchema,

  async resolve(
    { group_id, measurement_set_path: given, calibration_table_path, ...rest },
    lookup,
  ) {
    checkAddon();
    const measurement_set_path = given ?? (await lookup.find("measurement-set", group_id));
    // Three small tables: milliseconds, so the parent may do it although casacore blocks.
    const { midMjd, declinationRad } = readPointing(measurement_set_path);
    return {
      ...rest,
      group_id,
      measurement_set_path,
      calibration_table_path:
        calibration_table_path ?? (await lookup.findCalibration(midMjd, declinationRad)),
      role: roleOfMeasurementSet(measurement_set_path, lookup.dataRoot),
      input_bytes: await dataBytes(measurement_set_path),
    };
  },

  /** Visibilities and weights of an averaged set are at most a third of the raw one; small ones
   * are not averaged, and get weights besides. */
  outputBytes: ({ input_bytes }) =>
    input_bytes > AVERAGED_FROM_BYTES ? input_bytes / 2 : 2 * input_bytes,

  async run(inputs, context) {
    checkAddon();
    using set = openVisibilitySet(inputs.measurement_set_path);
    const table = readTable(inputs.calibration_table_path);
    const stagePath = `${inputs.group_id}.cal.ms`;
    const report = await applyGains(set, table, join(context.stageFolder, stagePath), {
      threadCount: context.threadCount,
      signal: context.signal,
      progress(fraction) {
        context.progress(fraction, "calibrating");
      },
      history: `calibrated with ${basename(inputs.calibration_table_path)}`,
    });
    const quality = judge(report, inputs);
    const finalPath = calibratedMeasurementSetPath(inputs.group_id, inputs.role);
    const result = describe(report, inputs, finalPath);
    const times = { start_mjd: set.startMjd, end_mjd: set.endMjd };
    return {
      outputs: [
        {
          kind: "calibrated-measurement-set",
          stagePath,
          finalPath,
          metadata: { ...result, ...times, mid_mjd: (set.startMjd + set.endMjd) / 2 },
        },
      ],
      quality,
      result,
    };
  },
};

function checkAddon(): void {
  if (isCasacoreAvailable()) return;
  throw new PipelineError(
    "MissingTool",
    "the casacore addon is not built: install Debian package casacore-dev and run the set-up again",
    { debianPackage: "casacore-dev" },
  );
}

function readTable(path: string): BandpassTable {
  try {
    return readBandpassTable(path);
  } catch (cause) {
    throw new PipelineError(
      "MalformedFile",
      `${path} is not a bandpass table that can be read: ${String(cause)}`,
      { path },
      { cause },
    );
  }
}

/** @throws {PipelineError} TooFewVisibilities */
function judge(report: ApplyReport, inputs: ApplyInputs): QualityVerdict {
  const { flaggedFraction } = report;
  if (report.rowCount === 0 || flaggedFraction > inputs.flagged_fraction_max)
    throw new PipelineError(
      "TooFewVisibilities",
      `${inputs.measurement_set_path}: ${(100 * flaggedFraction).toFixed(1)} % of the calibrated ` +
        `visibilities are flagged, expected at most ${100 * inputs.flagged_fraction_max} %`,
      {
        path: inputs.measurement_set_path,
        flaggedFraction,
        flaggedBeforeFraction: report.flaggedBeforeFraction,
        unusableFraction: report.unusableFraction,
        clippedFraction: report.clippedFraction,
      },
    );
  return measured({
    flagged_fraction: flaggedFraction,
    flagged_before_fraction: report.flaggedBeforeFraction,
    unusable_fraction: report.unusableFraction,
    clipped_fraction: report.clippedFraction,
  });
}

function describe(report: ApplyReport, inputs: ApplyInputs, finalPath: string): ApplyResult {
  return {
    measurement_set_path: finalPath,
    group_id: inputs.group_id,
    calibration_table_path: inputs.calibration_table_path,
    row_count: report.rowCount,
    channel_count: report.channelCount,
    averaging_factor: report.averagingFactor,
    antennas_without_solution: [...report.antennasWithoutSolution],
    flagged_fraction: report.flaggedFraction,
    flagged_before_fraction: report.flaggedBeforeFraction,
    clipped_fraction: report.clippedFraction,
  };
}

async function dataBytes(path: string): Promise<number> {
  const files = await readdir(path, { withFileTypes: true });
  const sizes = await Promise.all(
    files.filter((file) => file.isFile()).map(async (file) => stat(join(path, file.name))),
  );
  return sizes.reduce((sum, { size }) => sum + size, 0);
}
