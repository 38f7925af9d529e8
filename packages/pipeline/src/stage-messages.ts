/**
 * What a stage's process and its parent tell each other, as JSON.
 *
 * The parent writes one request to standard input and closes it. The process writes messages to
 * standard output, one a line; a line that is no message is taken for a log line, so a library
 * that prints does no harm. File descriptor 3 is the lifeline: it closes when the parent dies.
 * A site's own executable runs inside the process, and has a simpler contract (site/).
 */
import { z } from "zod";

import { executableSchema } from "./site/site-config.ts";
import type { Json, ProductKind, StageResult } from "./stage.ts";

export const LIFELINE_FD = 3;
/** An argument of the process: nobody holds a lifeline. */
export const NO_LIFELINE = "--no-lifeline";

export const stageRequestSchema = z.strictObject({
  stage: z.string(),
  /** URL of the module that exports the stage. */
  module: z.string(),
  inputs: z.json(),
  stage_folder: z.string(),
  thread_count: z.int().positive(),
  attempt: z.int().positive(),
  /** What the run reserved; null when nothing was. */
  memory_bytes: z.number().positive().nullable(),
  /** Runs in place of the stage's own `run`. */
  executable: executableSchema.nullable(),
});

export type StageRequest = z.infer<typeof stageRequestSchema>;

/** An error on its way through a pipe. */
export interface StageError {
  /** Null for what is not a PipelineError, that is, a bug. */
  readonly tag: string | null;
  readonly name: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, Json>>;
  readonly stack: string | null;
}

export type StageMessage =
  | { readonly type: "progress"; readonly fraction: number; readonly note: string }
  | {
      readonly type: "result";
      readonly result: StageResult;
      /** Of the process and the tools it has waited for. */
      readonly cpu_seconds: number;
      /** Largest resident set of the process itself. */
      readonly peak_rss_mib: number;
    }
  | { readonly type: "error"; readonly error: StageError };

export const PRODUCT_KINDS = [
  "measurement-set",
  "calibration-table",
  "delay-table",
  "gain-table",
  "self-calibration-table",
  "calibrated-measurement-set",
  "image",
  "corrected-image",
  "residual-image",
  "primary-beam",
  "psf",
  "preview",
  "channel-image",
  "snapshot",
  "snapshot-report",
  "validation",
  "photometry",
  "flag-statistics",
  "flag-plot",
] as const satisfies readonly ProductKind[];

/** Refuses what JSON would silently change, such as NaN for a metric. */
export const stageResultSchema = z.strictObject({
  outputs: z.array(
    z.strictObject({
      kind: z.enum(PRODUCT_KINDS),
      stagePath: z.string().min(1),
      finalPath: z.string().min(1),
      metadata: z.record(z.string(), z.json()),
    }),
  ),
  replaces: z.array(z.enum(PRODUCT_KINDS)).optional(),
  quality: z.strictObject({
    grade: z.enum(["good", "warn", "fail"]),
    findings: z.array(z.string()),
    metrics: z.record(z.string(), z.number()),
  }),
  result: z.json(),
});

const stageMessageSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("progress"), fraction: z.number(), note: z.string() }),
  z.strictObject({
    type: z.literal("result"),
    result: stageResultSchema,
    cpu_seconds: z.number(),
    peak_rss_mib: z.number(),
  }),
  z.strictObject({
    type: z.literal("error"),
    error: z.strictObject({
      tag: z.string().nullable(),
      name: z.string(),
      message: z.string(),
      fields: z.record(z.string(), z.json()),
      stack: z.string().nullable(),
    }),
  }),
]);

/** @returns undefined when the line is not one of our messages */
export function parseStageMessage(line: string): StageMessage | undefined {
  if (!line.startsWith("{")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined; // A log line that happens to begin with a brace.
  }
  return stageMessageSchema.safeParse(value).data;
}
