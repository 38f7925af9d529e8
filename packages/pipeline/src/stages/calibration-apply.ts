/**
 * Calibrates a tile: reads the raw Measurement Set once and writes a new one, `<group>.cal.ms`,
 * with DATA in Jy, averaged in frequency, weighted and flagged. Which calibration it gets, and why,
 * is recorded with it.
 */
import { readdir, stat } from "node:fs/promises";
import { join, resolve as resolvePath } from "node:path";

import { isCasacoreAvailable } from "@contimg/casacore";
import { z } from "zod";

import {
  applyDecided,
  type AppliedNote,
  assertEnough,
  factsOfApply,
  FLAGGED_FRACTION_MAX,
  readNote,
} from "../calibration/apply-decided.ts";
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
import { type CalibrationPolicy, policyOf, policyParam } from "../registry/policy.ts";
import type { Json, ProductLookup, Stage, StageResult } from "../stage.ts";
import { groupIdParam, pathParam } from "../stage-params.ts";

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
  /** The conversion has done it, and there is no raw set. */
  applied: AppliedNote | null;
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
    const found = await findSet(params, lookup);
    if ("applied" in found) return appliedInputs(params, found, lookup.dataRoot);
    const { measurement_set_path } = found;
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
      applied: null,
    };
  },

  /** Visibilities and weights of an averaged set are at most a third of the raw one; small ones
   * are not averaged, and get weights besides. */
  outputBytes: ({ input_bytes }) =>
    input_bytes > AVERAGED_FROM_BYTES ? input_bytes / 2 : 2 * input_bytes,

  async run(inputs, context) {
    checkAddon();
    if (inputs.applied !== null) return alreadyApplied(inputs, inputs.applied);
    using set = openVisibilitySet(inputs.measurement_set_path);
    const stagePath = `${inputs.group_id}.cal.ms`;
    const outputPath = join(context.stageFolder, stagePath);
    const limit = inputs.flagged_fraction_max;
    const { report, quality } = await applyDecided(set, inputs, outputPath, context, limit);
    const finalPath = calibratedMeasurementSetPath(inputs.group_id, inputs.role);
    const result = { ...describe(inputs, finalPath), ...factsOfApply(report) };
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
      const finalPath = calibratedMeasurementSetPath(inputs.group_id, inputs.role);
      const counts = { rowCount: facts["row_count"] ?? 0, flaggedFraction: facts.flagged_fraction };
      assertEnough(counts, inputs.measurement_set_path, inputs.flagged_fraction_max);
      const { warnings: findings } = inputs.decision;
      const grade = findings.length > 0 ? "warn" : "good";
      const result = { ...describe(inputs, finalPath), ...facts };
      const { age_hours: calibration_age_hours } = inputs.decision;
      const metrics = { flagged_fraction: facts.flagged_fraction, calibration_age_hours };
      return Promise.resolve({
        outputs: [{ kind: "calibrated-measurement-set", stagePath, finalPath, metadata: result }],
        quality: { ...measured(metrics), grade, findings },
        result,
      });
    },
  },

  async register(transaction, _params, result) {
    // The conversion has recorded its decision with what it published.
    if (result["applied_by_conversion"] === true) return;
    const { group_id, calibration, calibration_policy } = result;
    await transaction.query("select contimg.record_calibration_decision($1, $2, $3)", [
      group_id,
      JSON.stringify(calibration),
      JSON.stringify(calibration_policy),
    ]);
  },
};

type FoundSet =
  | { readonly measurement_set_path: string }
  | { readonly applied: AppliedNote; readonly calibrated_path: string };

/**
 * The raw set; without one, the calibrated set that the conversion made with gains it knew. A table
 * that is named needs a raw set.
 */
async function findSet(params: ApplyParams, lookup: ProductLookup): Promise<FoundSet> {
  const { group_id, measurement_set_path, calibration_table_path } = params;
  if (measurement_set_path !== undefined) return { measurement_set_path };
  try {
    return { measurement_set_path: await lookup.find("measurement-set", group_id) };
  } catch (error) {
    if (!(error instanceof PipelineError && error.tag === "MissingProduct")) throw error;
    if (calibration_table_path !== undefined) throw error;
    const calibrated_path = await lookup
      .find("calibrated-measurement-set", group_id)
      .catch(() => undefined);
    const applied = calibrated_path === undefined ? undefined : readNote(calibrated_path);
    if (calibrated_path === undefined || applied === undefined) throw error;
    return { applied, calibrated_path };
  }
}

function appliedInputs(
  { group_id, flagged_fraction_max }: ApplyParams,
  { applied, calibrated_path }: Extract<FoundSet, { applied: AppliedNote }>,
  dataRoot: string,
): ApplyInputs {
  const { decision, policy } = applied;
  return {
    ...{ group_id, flagged_fraction_max, decision, policy, applied },
    measurement_set_path: calibrated_path,
    calibration_table_paths: [],
    role: roleOfMeasurementSet(calibrated_path, dataRoot),
    input_bytes: 0,
  };
}

/** Nothing is left to do; its gate judges what the conversion measured. */
function alreadyApplied(inputs: ApplyInputs, applied: AppliedNote): StageResult<ApplyResult> {
  const { group_id, role } = inputs;
  const { metrics, decision, policy } = applied;
  return {
    outputs: [],
    quality: {
      grade: decision.warnings.length > 0 ? "warn" : "good",
      findings: decision.warnings,
      metrics,
    },
    result: {
      group_id,
      measurement_set_path: calibratedMeasurementSetPath(group_id, role),
      calibration_table_path: applied.calibration_table_paths[0] ?? "",
      calibration: decision,
      calibration_policy: policy,
      applied_by_conversion: true,
    },
  };
}

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

function checkAddon(): void {
  if (isCasacoreAvailable()) return;
  throw new PipelineError(
    "MissingTool",
    "the casacore addon is not built: install Debian package casacore-dev and run the set-up again",
    { debianPackage: "casacore-dev" },
  );
}

function describe(inputs: ApplyInputs, finalPath: string): ApplyResult {
  return {
    measurement_set_path: finalPath,
    group_id: inputs.group_id,
    calibration_table_path: inputs.calibration_table_paths[0] ?? "",
    calibration: inputs.decision,
    calibration_policy: inputs.policy,
  };
}

async function dataBytes(path: string): Promise<number> {
  const files = await readdir(path, { withFileTypes: true });
  const sizes = await Promise.all(
    files.filter((file) => file.isFile()).map(async (file) => stat(join(path, file.name))),
  );
  return sizes.reduce((sum, { size }) => sum + size, 0);
}
