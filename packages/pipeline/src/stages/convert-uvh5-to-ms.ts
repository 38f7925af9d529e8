/**
 * Converts the subband files of one group into a Measurement Set: `<group>.ms`.
 */
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";

import { DEGREE_RAD } from "@contimg/astro";
import { isCasacoreAvailable } from "@contimg/casacore";
import { isHdf5Available } from "@contimg/formats";
import { z } from "zod";

import { readSiteSet } from "../calibration/site-set.ts";
import {
  applyDecided,
  type DecidedCalibration,
  factsOfApply,
  FLAGGED_FRACTION_MAX,
  leaveNote,
} from "../calibration/apply-decided.ts";
import { calibrateGroup } from "../convert/calibrate-group.ts";
import type { PlanOptions } from "../convert/conversion-plan.ts";
import { convertGroup } from "../convert/convert-group.ts";
import type { Conversion, ConversionRequest } from "../convert/convert-group.ts";
import { knownCalibration } from "../convert/known-gains.ts";
import { PipelineError } from "../errors.ts";
import { fractionsByReason } from "../flagging/flag-fractions.ts";
import { flagParamsSchema } from "../flagging/flag-params.ts";
import { writeFlagProducts } from "../flagging/flag-products.ts";
import { flagStatistics } from "../flagging/statistics.ts";
import { findGroupFiles } from "../groups/find-group-files.ts";
import { GROUP_TOLERANCE_SECONDS, SUBBAND_COUNT } from "../groups/group-subbands.ts";
import { parseSubbandPath, subbandCode } from "../groups/subband-file.ts";
import {
  calibratedMeasurementSetPath,
  incomingFolder,
  measurementSetPath,
} from "../products/paths.ts";
import { decisionSchema } from "../registry/decision.ts";
import { policyOf, policyParam, policySchema } from "../registry/policy.ts";
import { measured } from "../quality/measured.ts";
import type { Json, Output, QualityVerdict, RunContext, Stage, StageResult } from "../stage.ts";
import { groupIdParam, pathParam } from "../stage-params.ts";

/** What is left of a subband that is flagged more than this is mostly what was not recognised. */
const PROBLEM_FLAGGED_FRACTION = 0.8;

const paramsSchema = z
  .strictObject({
    group_id: groupIdParam,
    /** Absolute; found in `incoming/` when absent. */
    input_paths: z.array(pathParam).min(1).optional(),
    expected_subbands: z.int().min(1).max(99).default(SUBBAND_COUNT),
    /** What to make of a group that lacks some: nothing, or flagged channels. */
    missing_subbands: z.enum(["refuse", "flag"]).default("refuse"),
    tolerance_seconds: z.number().min(0).max(150).default(GROUP_TOLERANCE_SECONDS),
    role: z.enum(["science", "calibrators"]).default("science"),
    /** ICRS; the meridian at the middle of the observation when absent. */
    phase_center_ra_deg: z.number().min(0).lt(360).optional(),
    phase_center_dec_deg: z.number().min(-90).max(90).optional(),
    /** Apparent; a file that points elsewhere is refused. */
    expected_declination_deg: z.number().min(-90).max(90).optional(),
    /** UT1 - UTC, which is never more than 0.9 s; the file's own, else 0, when absent. */
    dut1_seconds: z.number().min(-1).max(1).optional(),
    flagging: flagParamsSchema.prefault({}),
    /**
     * `when-known`: a science tile for which the registry has a calibration already is calibrated
     * in the same pass, and no raw set is written.
     */
    gains: z.enum(["later", "when-known"]).default("later"),
    /** How far calibrations reach, where that is not the default. */
    calibration_policy: policyParam.optional(),
  })
  .refine(
    (params) =>
      (params.phase_center_ra_deg === undefined) === (params.phase_center_dec_deg === undefined),
    "phase_center_ra_deg and phase_center_dec_deg need each other",
  );

export type ConvertParams = z.infer<typeof paramsSchema>;
/** Null where the group itself decides. */
export type ConvertInputs = Pick<ConvertParams, "group_id" | "role" | "flagging"> & {
  input_paths: string[];
  input_bytes: number;
  center: { ra_deg: number; dec_deg: number } | null;
  expected_declination_deg: number | null;
  dut1_seconds: number | null;
  flag_missing_of: number | null;
  /** To be applied in the same pass; null: later, by calibration-apply. */
  calibration: DecidedCalibration | null;
};

export const convertUvh5ToMsStage: Stage<ConvertParams, ConvertInputs, Json> = {
  name: "convert-uvh5-to-ms",
  packages: ["casacore-dev", "libhdf5-dev", "liblzf-dev"],
  params: paramsSchema,

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
    const metadata = describe(conversion, inputs);
    const flagProducts = await writeFlags(conversion, inputs, context.stageFolder);
    return {
      outputs: [{ kind: "measurement-set", stagePath, finalPath, metadata }, ...flagProducts],
      quality: judge(conversion, inputs),
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
    ...describe(conversion, inputs),
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
    quality: judge(conversion, inputs),
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

/** The part of the result that the group's row keeps. */
const groupFactsSchema = z.object({
  input_paths: z.tuple([z.string()], z.string()),
  start_mjd: z.number(),
  mid_mjd: z.number(),
  end_mjd: z.number(),
  declination_deg: z.number(),
  /** Of a set that was calibrated in the same pass. */
  calibration: decisionSchema.optional(),
  calibration_policy: policySchema.optional(),
});

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

function describe(conversion: Conversion, inputs: ConvertInputs) {
  const { center, frequencyHz } = conversion;
  return {
    ra_deg: center.raRad / DEGREE_RAD,
    dec_deg: center.decRad / DEGREE_RAD,
    declination_deg: conversion.declinationRad / DEGREE_RAD,
    start_mjd: conversion.startMjd,
    mid_mjd: (conversion.startMjd + conversion.endMjd) / 2,
    end_mjd: conversion.endMjd,
    dut1_seconds: conversion.dut1Seconds,
    row_count: conversion.rowCount,
    time_count: conversion.timeCount,
    baseline_count: conversion.baselineCount,
    antenna_count: conversion.antennaCount,
    polarization_count: conversion.polarizationCount,
    channel_count: frequencyHz.length,
    channel_width_hz: conversion.channelWidthHz,
    start_frequency_hz: frequencyHz[0]!,
    end_frequency_hz: frequencyHz.at(-1)!,
    flagged_fraction: conversion.flaggedFraction,
    problem_subbands: problemSubbands(conversion, inputs),
    has_weight_spectrum: conversion.hasWeightSpectrum,
    missing_subbands: conversion.missing.map(subbandCode),
    input_bytes: inputs.input_bytes,
    input_paths: inputs.input_paths,
  };
}

function judge(conversion: Conversion, inputs: ConvertInputs): QualityVerdict {
  return measured({
    flagged_fraction: conversion.flaggedFraction,
    amplitude_max: conversion.visAbsMax,
    missing_subband_count: conversion.missing.length,
    problem_subband_count: problemSubbands(conversion, inputs).length,
    ...flagMetrics(conversion.flags),
  });
}

/** What is wholly flagged is not there and harms nothing. */
function problemSubbands(conversion: Conversion, { input_paths }: ConvertInputs): string[] {
  return conversion.subbandFlaggedFractions.flatMap((fraction, index) => {
    const file = parseSubbandPath(input_paths[index]!);
    const isProblem = fraction > PROBLEM_FLAGGED_FRACTION && fraction < 1;
    return isProblem && file !== undefined ? [subbandCode(file.subbandIndex)] : [];
  });
}

/** `flagged_burst_fraction` and so on. */
function flagMetrics(flags: Conversion["flags"]): Record<string, number> {
  if (flags === undefined) return {};
  return Object.fromEntries(
    Object.entries(fractionsByReason(flags)).map(([reason, fraction]) => [
      `flagged_${reason.replaceAll("-", "_")}_fraction`,
      fraction,
    ]),
  );
}
