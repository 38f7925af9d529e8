/**
 * What self-calibration is asked for and what it must keep: the telescope's own numbers, each a
 * param of imaging. Off unless asked for.
 */
import { z } from "zod";

import { within } from "../imaging/within.ts";

/** With the amplitudes five rounds in all. */
const PHASE_ROUNDS_MAX = 4;

export const selfCalibrationSchema = z.strictObject({
  /** One round of phases each, from long to short. */
  phase_intervals_s: z
    .array(within(1, 86_400, "s"))
    .min(1)
    .max(PHASE_ROUNDS_MAX)
    .refine((all) => all.every((one, at) => at === 0 || one < all[at - 1]!), {
      error: "expected intervals from long to short, each shorter than the one before",
    })
    .default([300, 120, 60]),
  /** A last round of amplitudes and phases, one gain for the whole tile. */
  amplitude: z.boolean().default(true),
  /** Of an antenna, receptor and interval; without it the antenna stays as it is. */
  phase_snr_min: within(0, 1000).default(3),
  amplitude_snr_min: within(0, 1000).default(10),
  /** Rms over antennas, receptors and intervals; beyond it a round is refused. */
  phase_scatter_max_deg: within(0, 180, "deg").default(30),
  amplitude_scatter_max: within(0, 10).default(0.3),
  /** By so much χ² must fall and the image's peak over noise must grow. */
  improvement_min: within(0.001, 10).default(0.05),
  /** Where the first image is below, nothing is tried. */
  initial_snr_min: within(0, 1e6).default(5),
  flagged_fraction_max: within(0, 1).default(0.5),
  /** Of the primary beam at the brightest source. */
  beam_response_min: within(0, 1).default(0.5),
});

export type SelfCalibrationLimits = z.infer<typeof selfCalibrationSchema>;

export const selfCalibrationParam = z
  .union([z.boolean(), selfCalibrationSchema])
  .default(false)
  .describe("false; true for the telescope's own limits; or the limits that differ");

/** Null: it was not asked for. */
export function limitsOf(param: boolean | SelfCalibrationLimits): SelfCalibrationLimits | null {
  if (param === false) return null;
  return param === true ? selfCalibrationSchema.parse({}) : param;
}
