/** Params by stage on the command line: `{"imaging": {"robustness": 0.5}}`. */
import { CHAINS } from "@contimg/pipeline";
import { z } from "zod";

const STAGE_NAMES = [...new Set(Object.values(CHAINS).flat())];

/** A stage that no chain has would be ignored in silence, so it is refused. */
export const paramsByStageSchema = z.partialRecord(
  z.enum(STAGE_NAMES),
  z.record(z.string(), z.json()),
);
