/**
 * What self-calibration tried on a tile and why each round was kept or refused: stored with the
 * tile's images, shown by `contimg explain`. Plain JSON, so its names are those of the database.
 */
import { z } from "zod";

import { selfCalibrationSchema } from "./limits.ts";

const roundSchema = z.strictObject({
  /** From 1; round 0 is the image without self-calibration. */
  round: z.int(),
  kind: z.enum(["phase", "amplitude"]),
  /** Of the phases; the amplitudes are one for the whole tile. */
  interval_s: z.number(),
  solved_fraction: z.number(),
  phase_scatter_deg: z.number(),
  amplitude_scatter: z.number(),
  /** Of the data against the model of the round that was best, after over before. */
  chi_square_ratio: z.number(),
  /** Peak over noise of its image; null when it was refused before it was imaged. */
  snr: z.number().nullable(),
  /** "diverged" ends the rounds. */
  verdict: z.enum(["kept", "refused", "diverged"]),
  reason: z.string(),
});

export const selfCalibrationRecordSchema = z.strictObject({
  /** 0: the image is as the calibration alone made it. */
  kept_round: z.int(),
  /** A sentence for a person. */
  reason: z.string(),
  first: z.strictObject({
    snr: z.number(),
    flagged_fraction: z.number(),
    beam_response: z.number(),
  }),
  kept_snr: z.number(),
  rounds: z.array(roundSchema),
  limits: selfCalibrationSchema,
});

export type SelfCalibrationRound = z.infer<typeof roundSchema>;
export type SelfCalibrationRecord = z.infer<typeof selfCalibrationRecordSchema>;

/** One line a round, for headers and people. */
export function roundText({ round, kind, interval_s, verdict, reason }: SelfCalibrationRound) {
  const what = kind === "phase" ? "phases" : "amplitudes over the tile, phases";
  return `round ${round}, ${what} of ${interval_s.toFixed(0)} s: ${verdict}: ${reason}`;
}

export function recordText({ kept_round, reason }: SelfCalibrationRecord): string {
  return `self-calibration: round ${kept_round} is kept: ${reason}`;
}
