/**
 * Calibrates a tile: reads the raw Measurement Set once and writes a new one, `<group>.cal.ms`,
 * with DATA in Jy, averaged in frequency, weighted and flagged. Which calibration it gets, and why,
 * is recorded with it.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve as resolvePath } from "node:path";

import { isCasacoreAvailable, readBandpassTable, type BandpassTable } from "@contimg/casacore";
import { z } from "zod";

import { applyGains, type ApplyReport } from "../calibration/apply-gains.ts";
import { readBand, readPointing } from "../calibration/pointing.ts";
import { readSiteSet } from "../calibration/site-set.ts";
import { openVisibilitySet } from "../calibration/visibility-set.ts";
import { PipelineError } from "../errors.ts";
import {
  calibratedMeasurementSetPath,
  roleOfMeasurementSet,
  type TileRole,
} from "../products/paths.ts";
import { measured } from "../quality/measured.ts";
import { type CalibrationDecision, givenTable } from "../registry/decision.ts";
import { heldError } from "../registry/held.ts";
import { interpolateGains, type InterpolatedGains } from "../registry/interpolate-gains.ts";
import { type CalibrationPolicy, policyOf, policyParam } from "../registry/policy.ts";
import type { Json, ProductLookup, QualityVerdict, Stage } from "../stage.ts";
import { groupIdParam, pathParam } from "../stage-params.ts";

/** More than this is flagged: nothing to image, whatever the gate says. */
const FLAGGED_FRACTION_MAX = 0.95;
/** Sets below it may have too few channels to average. */
const AVERAGED_FROM_BYTES = 500_000_000;

const paramsSchema = z.strictObject({
  group_id: groupIdParam,
  /** Absolute; found in the registry when absent. */
  measurement_set_path: pathParam.optional(),
  /** Absolute; what the registry decides for the tile's time and declination when absent. */
  calibration_table_path: pathParam.optional(),
  /** How far calibrations reach, where that is not the default. */
  calibration_policy: policyParam.optional(),
  flagged_fraction_max: z.number().gt(0).max(1).default(FLAGGED_FRACTION_MAX),
});

export type ApplyParams = z.infer<typeof paramsSchema>;

export interface ApplyInputs {
  [key: string]: Json;
  group_id: string;
  measurement_set_path: string;
  /** Absolute, the heaviest first: one, or two to interpolate between. */
  calibration_table_paths: string[];
  decision: CalibrationDecision;
  policy: CalibrationPolicy;
  flagged_fraction_max: number;
  role: TileRole;
  /** Of the raw set. */
  input_bytes: number;
}

export interface ApplyResult {
  [key: string]: Json;
  measurement_set_path: string;
  group_id: string;
  /** The heaviest. */
  calibration_table_path: string;
  calibration: CalibrationDecision;
  calibration_policy: CalibrationPolicy;
}

export const calibrationApplyStage: Stage<ApplyParams, ApplyInputs, ApplyResult> = {
  name: "calibration-apply",
  packages: ["casacore-dev", "casacore-data"],
  params: paramsSchema,

  async resolve(params, lookup) {
    const { group_id, flagged_fraction_max } = params;
    checkAddon();
    const measurement_set_path =
      params.measurement_set_path ?? (await lookup.find("measurement-set", group_id));
    const policy = policyOf(params.calibration_policy);
    const decision = await decisionFor(params, measurement_set_path, policy, lookup);
    return {
      group_id,
      measurement_set_path,
      calibration_table_paths: decision.tables.map(({ table_path }) =>
        resolvePath(lookup.dataRoot, table_path),
      ),
      decision,
      policy,
      flagged_fraction_max,
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
    const gains = gainsOf(inputs);
    const stagePath = `${inputs.group_id}.cal.ms`;
    const report = await applyGains(set, gains.table, join(context.stageFolder, stagePath), {
      threadCount: context.threadCount,
      signal: context.signal,
      progress(fraction) {
        context.progress(fraction, "calibrating");
      },
      history: historyOf(inputs),
    });
    const quality = judge(report, inputs, gains);
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

  site: {
    files: ({ group_id }) => [
      {
        name: `${group_id}.cal.ms`,
        what: "the input's visibilities over the gains of the decided tables: DATA in Jy, weights",
        isRequired: true,
      },
    ],
    adopt(inputs, _report, context) {
      checkAddon();
      const stagePath = `${inputs.group_id}.cal.ms`;
      const facts = readSiteSet(join(context.stageFolder, stagePath), context.signal);
      const report = {
        ...{ averagingFactor: 1, antennasWithoutSolution: [], flaggedBeforeFraction: 0 },
        ...{ unusableFraction: 0, clippedFraction: 0 },
        rowCount: facts["row_count"] ?? 0,
        channelCount: facts["channel_count"] ?? 0,
        flaggedFraction: facts.flagged_fraction,
      };
      const finalPath = calibratedMeasurementSetPath(inputs.group_id, inputs.role);
      const { grade, findings } = judge(report, inputs, gainsOf(inputs));
      const result = { ...describe(report, inputs, finalPath), ...facts };
      const { age_hours: calibration_age_hours } = inputs.decision;
      const metrics = { flagged_fraction: facts.flagged_fraction, calibration_age_hours };
      return Promise.resolve({
        outputs: [{ kind: "calibrated-measurement-set", stagePath, finalPath, metadata: result }],
        quality: { ...measured(metrics), grade, findings },
        result,
      });
    },
  },

  async register(transaction, _params, { group_id, calibration, calibration_policy }) {
    await transaction.query("select contimg.record_calibration_decision($1, $2, $3)", [
      group_id,
      JSON.stringify(calibration),
      JSON.stringify(calibration_policy),
    ]);
  },
};

/** @throws {PipelineError} NoCalibration with the decision, when the tile has to wait */
async function decisionFor(
  params: ApplyParams,
  measurementSetPath: string,
  policy: CalibrationPolicy,
  lookup: ProductLookup,
): Promise<CalibrationDecision> {
  // Four small tables: milliseconds, so the parent may do it although casacore blocks.
  const { midMjd, declinationRad } = readPointing(measurementSetPath);
  const band = readBand(measurementSetPath);
  const { group_id: groupId, calibration_table_path: given } = params;
  if (given !== undefined) return givenTable(given, { mjd: midMjd, declinationRad });
  const decision = await lookup.findCalibration({ groupId, midMjd, declinationRad, band }, policy);
  if (decision.kind === "hold") throw heldError(groupId, decision, policy);
  return decision;
}

/** The gains of the tile's time: read once, and interpolated before the data come. */
function gainsOf({ calibration_table_paths, decision }: ApplyInputs): InterpolatedGains {
  return interpolateGains(
    calibration_table_paths.map((path, index) => ({
      table: readTable(path),
      weight: decision.tables[index]?.weight ?? 0,
    })),
  );
}

/** The first sentence names the table that imaging names in its images. */
function historyOf({ calibration_table_paths, decision }: ApplyInputs): string[] {
  return [
    ...calibration_table_paths.map((path, index) => {
      const weight = (decision.tables[index]?.weight ?? 0).toFixed(3);
      const name = basename(path);
      return index === 0
        ? `calibrated with ${name}`
        : `interpolated with ${name}, weight ${weight}`;
    }),
    `calibration ${decision.kind}: ${decision.reason}`,
    ...decision.warnings.map((warning) => `calibration warning: ${warning}`),
  ];
}

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
function judge(
  report: ApplyReport,
  inputs: ApplyInputs,
  { report: interpolation }: InterpolatedGains,
): QualityVerdict {
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
  const { warnings } = inputs.decision;
  const { metrics } = measured({
    flagged_fraction: flaggedFraction,
    flagged_before_fraction: report.flaggedBeforeFraction,
    unusable_fraction: report.unusableFraction,
    clipped_fraction: report.clippedFraction,
    gains_interpolated_fraction: interpolation.interpolatedFraction,
    gains_one_sided_fraction: interpolation.oneSidedFraction,
    gains_turned_fraction: interpolation.turnedFraction,
    calibration_age_hours: inputs.decision.age_hours,
  });
  return { grade: warnings.length > 0 ? "warn" : "good", findings: warnings, metrics };
}

function describe(report: ApplyReport, inputs: ApplyInputs, finalPath: string): ApplyResult {
  return {
    measurement_set_path: finalPath,
    group_id: inputs.group_id,
    calibration_table_path: inputs.calibration_table_paths[0] ?? "",
    calibration: inputs.decision,
    calibration_policy: inputs.policy,
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
