/** What a conversion is asked for, and what it goes on. */
import { z } from "zod";

import type { DecidedCalibration } from "../calibration/apply-decided.ts";
import { flagParamsSchema } from "../flagging/flag-params.ts";
import { GROUP_TOLERANCE_SECONDS, SUBBAND_COUNT } from "../groups/group-subbands.ts";
import { policyParam } from "../registry/policy.ts";
import { groupIdParam, pathParam } from "../stage-params.ts";

export const convertParamsSchema = z
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

export type ConvertParams = z.infer<typeof convertParamsSchema>;
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
