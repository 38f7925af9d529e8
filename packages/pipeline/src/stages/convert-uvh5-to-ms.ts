/**
 * Converts the subband files of one group into a Measurement Set: `<group>.ms`.
 */
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";

import { DEGREE_RAD } from "@contimg/astro";
import { isCasacoreAvailable } from "@contimg/casacore";
import { isHdf5Available } from "@contimg/formats";

import { readSiteSet } from "../calibration/site-set.ts";
import {
  applyDecided,
  type DecidedCalibration,
  factsOfApply,
  FLAGGED_FRACTION_MAX,
  leaveNote,
} from "../calibration/apply-decided.ts";
import { calibrateGroup } from "../convert/calibrate-group.ts";
import {
  type ConvertInputs,
  type ConvertParams,
  convertParamsSchema,
} from "../convert/convert-params.ts";
import {
  describeConversion,
  groupFactsSchema,
  measureConversion,
} from "../convert/conversion-facts.ts";
import type { PlanOptions } from "../convert/conversion-plan.ts";
import { convertGroup } from "../convert/convert-group.ts";
import type { Conversion, ConversionRequest } from "../convert/convert-group.ts";
import { knownCalibration } from "../convert/known-gains.ts";
import { PipelineError } from "../errors.ts";
import { writeFlagProducts } from "../flagging/flag-products.ts";
import { flagStatistics } from "../flagging/statistics.ts";
import { findGroupFiles } from "../groups/find-group-files.ts";
import {
  calibratedMeasurementSetPath,
  incomingFolder,
  measurementSetPath,
} from "../products/paths.ts";
import { policyOf } from "../registry/policy.ts";
import { measured } from "../quality/measured.ts";
import type { Json, Output, RunContext, Stage, StageResult } from "../stage.ts";

export const convertUvh5ToMsStage: Stage<ConvertParams, ConvertInputs, Json> = {
  name: "convert-uvh5-to-ms",
  packages: ["casacore-dev", "libhdf5-dev", "liblzf-dev"],
  params: convertParamsSchema,

  async resolve(params, lookup) {
    const { group_id, role, flagging } = params;
    const { expected_declination_deg = null, dut1_seconds = null } = params;
    const input_paths = params.input_paths ?? (await findInputs(params, lookup.dataRoot));
    checkCount(input_paths, params);
    const input_bytes = await totalBytes(input_paths);
    const center = centerOf(params);
    const flag_missing_of = params.missing_subbands === "flag" ? params.expected_subbands : null;
    const inputs = {
      ...{ group_id, role, flagging, input_paths, input_bytes },
      ...{ center, expected_declination_deg, dut1_seconds, flag_missing_of },
    };
    const isApplied = params.gains === "when-known" && role === "science";
    const policy = policyOf(params.calibration_policy);
    const group = { groupId: group_id, ...planOf(inputs), inputPaths: input_paths };
    const calibration = isApplied ? await knownCalibration(group, policy, lookup) : null;
    return { ...inputs, calibration };
  },

  /** The output drops nsamples and stores flags as bits: two thirds of the input, or all of it. */
  outputBytes: ({ input_bytes }) => input_bytes,

  async run(inputs, context) {
    checkAddons();
    const { calibration } = inputs;
    if (calibration !== null) return convertCalibrated(inputs, calibration, context);
    const finalPath = measurementSetPath(inputs.group_id, inputs.role);
    const stagePath = `${inputs.group_id}.ms`;
    const outputPath = join(context.stageFolder, stagePath);
    const conversion = await convertGroup(toRequest(inputs, outputPath, context));
    const metadata = describeConversion(conversion, inputs);
    const flagProducts = await writeFlags(conversion, inputs, context.stageFolder);
    return {
      outputs: [{ kind: "measurement-set", stagePath, finalPath, metadata }, ...flagProducts],
      quality: measureConversion(conversion, inputs),
      result: metadata,
    } satisfies StageResult;
  },

  site: {
    files: ({ group_id }) => [
      {
        name: `${group_id}.ms`,
        what: "DATA, FLAG and UVW by docs/conventions.md, rows by time, one spectral window",
        isRequired: true,
      },
    ],
    adopt(inputs, _report, context) {
      checkAddons();
      const stagePath = `${inputs.group_id}.ms`;
      const facts = readSiteSet(join(context.stageFolder, stagePath), context.signal);
      const { flagged_fraction, amplitude_max } = facts;
      const finalPath = measurementSetPath(inputs.group_id, inputs.role);
      const { input_paths, input_bytes } = inputs;
      const metadata = { ...facts, input_bytes, input_paths };
      return Promise.resolve({
        outputs: [{ kind: "measurement-set", stagePath, finalPath, metadata }],
        quality: measured({ flagged_fraction, amplitude_max }),
        result: metadata,
      });
    },
  },

  async register(transaction, { group_id }, result) {
    const facts = groupFactsSchema.parse(result);
    await transaction.query("select contimg.describe_group($1, $2, $3, $4, $5, $6)", [
      group_id,
      dirname(facts.input_paths[0]),
      facts.start_mjd,
      facts.mid_mjd,
      facts.end_mjd,
      facts.declination_deg * DEGREE_RAD,
    ]);
    if (facts.calibration === undefined) return;
    await transaction.query("select contimg.record_calibration_decision($1, $2, $3)", [
      group_id,
      JSON.stringify(facts.calibration),
      JSON.stringify(facts.calibration_policy),
    ]);
  },
};

/**
 * The calibrated set in one pass. What it replaces: a raw set of an earlier conversion, which may
 * be of other files by now.
 */
async function convertCalibrated(
  inputs: ConvertInputs,
  decided: DecidedCalibration,
  context: RunContext,
): Promise<StageResult> {
  const stagePath = `${inputs.group_id}.cal.ms`;
  const outputPath = join(context.stageFolder, stagePath);
  // Half of the time each: one pass to flag, one to apply.
  const passes = passProgress(context);
  const { conversion, report: applied } = await calibrateGroup(
    { ...toRequest(inputs, outputPath, passes.first) },
    (set) => applyDecided(set, decided, outputPath, passes.second, FLAGGED_FRACTION_MAX),
  );
  const { decision: calibration, policy: calibration_policy } = decided;
  const { metrics } = applied.quality;
  leaveNote(outputPath, { ...decided, metrics });
  const metadata = {
    ...describeConversion(conversion, inputs),
    ...{ calibration, calibration_policy },
    calibration_table_path: decided.calibration_table_paths[0] ?? "",
    applied: factsOfApply(applied.report),
  };
  const finalPath = calibratedMeasurementSetPath(inputs.group_id, inputs.role);
  return {
    outputs: [
      { kind: "calibrated-measurement-set", stagePath, finalPath, metadata },
      ...(await writeFlags(conversion, inputs, context.stageFolder)),
    ],
    replaces: ["measurement-set"],
    quality: measureConversion(conversion, inputs),
    result: metadata,
  };
}

function passProgress(context: RunContext): { first: RunContext; second: RunContext } {
  const half = (from: number): RunContext => ({
    ...context,
    progress(fraction, note) {
      context.progress(from + fraction / 2, note);
    },
  });
  return { first: half(0), second: half(0.5) };
}

function findInputs(params: ConvertParams, dataRoot: string): Promise<string[]> {
  return findGroupFiles(incomingFolder(dataRoot), params.group_id, {
    expectedSubbands: params.expected_subbands,
    toleranceSeconds: params.tolerance_seconds,
    mayMiss: params.missing_subbands === "flag",
  });
}

function centerOf(params: ConvertParams): ConvertInputs["center"] {
  const { phase_center_ra_deg: ra_deg, phase_center_dec_deg: dec_deg } = params;
  return ra_deg === undefined || dec_deg === undefined ? null : { ra_deg, dec_deg };
}

function checkCount(paths: readonly string[], params: ConvertParams): void {
  const { group_id: groupId, expected_subbands: expectedSubbands } = params;
  if (paths.length === expectedSubbands) return;
  if (params.missing_subbands === "flag" && paths.length < expectedSubbands) return;
  throw new PipelineError(
    "MissingSubband",
    `group ${groupId}: input_paths names ${paths.length} files, expected ${expectedSubbands}`,
    { groupId, expectedSubbands },
  );
}

async function totalBytes(paths: readonly string[]): Promise<number> {
  const sizes = await Promise.all(paths.map(sizeOf));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    throw new PipelineError(
      "MissingProduct",
      `${path}: cannot be read`,
      { path },
      { cause: error },
    );
  }
}

function checkAddons(): void {
  if (isCasacoreAvailable() && isHdf5Available()) return;
  const debianPackage = isCasacoreAvailable() ? "libhdf5-dev" : "casacore-dev";
  throw new PipelineError(
    "MissingTool",
    `an addon is not built: install Debian package ${debianPackage} and run the set-up again`,
    { debianPackage },
  );
}

async function writeFlags(
  conversion: Conversion,
  inputs: ConvertInputs,
  stageFolder: string,
): Promise<Output[]> {
  if (conversion.flags === undefined) return [];
  const tile = { ...conversion, groupId: inputs.group_id };
  const statistics = flagStatistics(conversion.flags, tile);
  return writeFlagProducts(statistics, inputs.role, stageFolder);
}

function planOf(inputs: Omit<ConvertInputs, "calibration">): PlanOptions {
  const { center, expected_declination_deg: declinationDeg, dut1_seconds: dut1Seconds } = inputs;
  const { flag_missing_of: flagMissingOf } = inputs;
  return {
    ...(center !== null && {
      center: { raRad: center.ra_deg * DEGREE_RAD, decRad: center.dec_deg * DEGREE_RAD },
    }),
    ...(declinationDeg !== null && { expectedDeclinationRad: declinationDeg * DEGREE_RAD }),
    ...(dut1Seconds !== null && { dut1Seconds }),
    ...(flagMissingOf !== null && { flagMissingOf }),
  };
}

function toRequest(
  inputs: ConvertInputs,
  outputPath: string,
  context: RunContext,
): ConversionRequest {
  return {
    inputPaths: inputs.input_paths,
    outputPath,
    flagging: inputs.flagging,
    threadCount: context.threadCount,
    signal: context.signal,
    ...planOf(inputs),
    onIntegration(done, of) {
      context.progress(done / of, `integration ${done} of ${of}`);
    },
  };
}
