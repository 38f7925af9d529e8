/** Stages, chains and products of the continuum pipeline. */
export { dispositionOf, isPipelineErrorTag, PipelineError } from "./errors.ts";
export type { Disposition, PipelineErrorTag } from "./errors.ts";
export { runStageProcess } from "./run-stage.ts";
export type { StageModule, StageRun, StageRunOptions } from "./run-stage.ts";
export type {
  AnyStage,
  Json,
  Output,
  ProductKind,
  ProductLookup,
  QualityVerdict,
  RunContext,
  Stage,
  StageResult,
  Transaction,
} from "./stage.ts";
