/**
 * What can go wrong on purpose, and what the engine does about it.
 *
 * A pipeline error carries a tag, typed fields and, through DISPOSITION, a verdict. The message is
 * one lower-case sentence that names the file or product, the field, the value and what was wanted.
 * Anything that is not a PipelineError is a bug: it fails the task and keeps its stack.
 */

export type PipelineErrorTag =
  | "MalformedFile"
  | "MissingSubband"
  | "UnphysicalData"
  | "WrongDeclination"
  | "MissingProduct"
  | "NoCalibration"
  | "NoCalibrator"
  | "SolutionTooNoisy"
  | "TooFewVisibilities"
  | "DiskFull"
  | "MemoryBusy"
  | "OutOfMemory"
  | "MachineTooSmall"
  | "TooFewFileHandles"
  | "MissingTool"
  | "ToolFailed"
  | "StageCrashed"
  | "InvalidParams";

/**
 * - retry: the same work may succeed later, with back-off;
 * - recover: other inputs may succeed now (next calibrator, nearest solution);
 * - skip: the data are bad, the pipeline is not; record it and go on;
 * - fail: only a person can help.
 */
export type Disposition = "retry" | "recover" | "skip" | "fail";

// A new tag does not compile until it has its line here.
const DISPOSITION: Readonly<Record<PipelineErrorTag, Disposition>> = {
  MalformedFile: "fail",
  MissingSubband: "fail",
  UnphysicalData: "skip",
  WrongDeclination: "fail",
  MissingProduct: "fail",
  NoCalibration: "retry",
  NoCalibrator: "fail",
  SolutionTooNoisy: "recover",
  TooFewVisibilities: "skip",
  DiskFull: "retry",
  MemoryBusy: "retry",
  OutOfMemory: "retry",
  MachineTooSmall: "fail",
  TooFewFileHandles: "fail",
  MissingTool: "fail",
  ToolFailed: "retry",
  StageCrashed: "retry",
  InvalidParams: "fail",
};

/** True for the tags above; a tag that came through a pipe or a database may be anything. */
export function isPipelineErrorTag(tag: unknown): tag is PipelineErrorTag {
  return typeof tag === "string" && Object.hasOwn(DISPOSITION, tag);
}

export class PipelineError extends Error {
  override readonly name = "PipelineError";
  readonly tag: PipelineErrorTag;
  /** What a screen or a query can use: paths, fields, numbers with units in their names. */
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(
    tag: PipelineErrorTag,
    message: string,
    fields: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.tag = tag;
    this.fields = fields;
  }
}

export function dispositionOf(error: unknown): Disposition {
  return error instanceof PipelineError ? DISPOSITION[error.tag] : "fail";
}
