/** A tile that no calibration may be used for: the error that says so, and what is in it. */
import { z } from "zod";

import { PipelineError } from "../errors.ts";
import { type CalibrationDecision, decisionSchema } from "./decision.ts";
import { type CalibrationPolicy, policySchema } from "./policy.ts";

export interface HeldTile {
  readonly groupId: string;
  readonly decision: CalibrationDecision;
  readonly policy: CalibrationPolicy;
}

export function heldError(
  groupId: string,
  decision: CalibrationDecision,
  policy: CalibrationPolicy,
): PipelineError {
  return new PipelineError("NoCalibration", decision.reason, { groupId, decision, policy });
}

const fieldsSchema = z.looseObject({
  groupId: z.string(),
  decision: decisionSchema,
  policy: policySchema,
});

/** The tile that an error holds back; undefined when it is about something else. */
export function heldTileOf(error: unknown): HeldTile | undefined {
  if (!(error instanceof PipelineError) || error.tag !== "NoCalibration") return undefined;
  const parsed = fieldsSchema.safeParse(error.fields);
  return parsed.success ? parsed.data : undefined;
}
