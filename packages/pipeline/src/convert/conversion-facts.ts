/** What a conversion says of the set that it wrote. */
import { DEGREE_RAD } from "@contimg/astro";
import { z } from "zod";

import { fractionsByReason } from "../flagging/flag-fractions.ts";
import { parseSubbandPath, subbandCode } from "../groups/subband-file.ts";
import { measured } from "../quality/measured.ts";
import { decisionSchema } from "../registry/decision.ts";
import { policySchema } from "../registry/policy.ts";
import type { QualityVerdict } from "../stage.ts";
import type { Conversion } from "./convert-group.ts";
import type { ConvertInputs } from "./convert-params.ts";

/** What is left of a subband that is flagged more than this is mostly what was not recognised. */
const PROBLEM_FLAGGED_FRACTION = 0.8;

/** The part of the result that the group's row keeps. */
export const groupFactsSchema = z.object({
  input_paths: z.tuple([z.string()], z.string()),
  start_mjd: z.number(),
  mid_mjd: z.number(),
  end_mjd: z.number(),
  declination_deg: z.number(),
  /** Of a set that was calibrated in the same pass. */
  calibration: decisionSchema.optional(),
  calibration_policy: policySchema.optional(),
});

/** For the result and the product's row. */
export function describeConversion(conversion: Conversion, inputs: ConvertInputs) {
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

export function measureConversion(conversion: Conversion, inputs: ConvertInputs): QualityVerdict {
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
