/**
 * What can go wrong on purpose, and what follows from it.
 *
 * A pipeline error carries a tag, typed fields and, through ERRORS, a class, a hint and a runbook.
 * The message is one lower-case sentence that names the file or product, the field, the value and
 * what was wanted. Anything that is not a PipelineError is a bug: it fails the task and keeps its
 * stack.
 */
import type { ErrorClass } from "@contimg/absurd";

/**
 * The engine's own classes, so nothing is lost on the way to it:
 * - retryable: the same work may succeed later, with back-off;
 * - recoverable: the same, and other inputs may succeed now (next calibrator, nearest solution);
 * - fatal: the data are bad, or only a person can help; trying again would repeat it;
 * - validation: the params can never work.
 */
export interface ErrorEntry {
  readonly class: ErrorClass;
  /** Stages in which it occurs; every: in what runs any stage. */
  readonly stages: "every" | readonly [string, ...string[]];
  /** What to do, one sentence. */
  readonly hint: string;
  /** The page that says more, below docs/operations. */
  readonly runbook: string;
}

const CONVERT = "convert-uvh5-to-ms";
const SOLVE = "calibration-solve";
const APPLY = "calibration-apply";

/** Every tag with all that follows from it; a tag exists by having its line here. */
export const ERRORS = {
  MalformedFile: {
    class: "fatal",
    stages: "every",
    hint: "copy the file again from where it came, then retry the task",
    runbook: "a-group-is-refused.md",
  },
  MissingSubband: {
    class: "fatal",
    stages: [CONVERT],
    hint: "look for the subbands that the message lists, then spawn the group again",
    runbook: "a-group-is-refused.md",
  },
  UnphysicalData: {
    class: "fatal",
    stages: [CONVERT],
    hint: "nothing can be saved of these data; tell the correlator's operator",
    runbook: "a-group-is-refused.md",
  },
  WrongDeclination: {
    class: "fatal",
    stages: [CONVERT],
    hint: "spawn the group with the declination of its files, or leave it: it was a slew",
    runbook: "a-group-is-refused.md",
  },
  MissingProduct: {
    class: "fatal",
    stages: "every",
    hint: "run the stage that makes the product the message names, then retry the task",
    runbook: "a-product-is-missing.md",
  },
  NoCalibration: {
    class: "retryable",
    stages: [APPLY],
    hint: "wait for the calibrator tile, or process one that is near in time and declination",
    runbook: "no-calibration.md",
  },
  NoCalibrator: {
    class: "fatal",
    stages: [SOLVE],
    hint: "solve another tile, one with a listed calibrator in its beam",
    runbook: "a-solve-is-refused.md",
  },
  SolutionTooNoisy: {
    class: "recoverable",
    stages: [SOLVE],
    hint: "solve with more channels a solution, or another calibrator tile",
    runbook: "a-solve-is-refused.md",
  },
  TooFewVisibilities: {
    class: "fatal",
    stages: [SOLVE, APPLY, "imaging"],
    hint: "look at what was flagged and why; nothing is left to work with",
    runbook: "too-few-visibilities.md",
  },
  QualityHeld: {
    class: "retryable",
    stages: "every",
    hint: "look at the product that is held and release or reject it with contimg quality",
    runbook: "a-group-is-held.md",
  },
  QualityRejected: {
    class: "fatal",
    stages: "every",
    hint: "see the findings with contimg quality, mend their cause, then retry the task",
    runbook: "a-run-is-rejected.md",
  },
  DiskFull: {
    class: "retryable",
    stages: "every",
    hint: "free space below the path that the message names; the task tries again by itself",
    runbook: "disk-full.md",
  },
  MemoryBusy: {
    class: "retryable",
    stages: "every",
    hint: "other runs of the machine hold the memory; the task tries again by itself",
    runbook: "memory-is-short.md",
  },
  OutOfMemory: {
    class: "retryable",
    stages: "every",
    hint: "the next attempt has twice the memory by itself; if none suffices, see what else runs",
    runbook: "memory-is-short.md",
  },
  MachineTooSmall: {
    class: "fatal",
    stages: "every",
    hint: "run the task on a machine with the memory or disk that the message names",
    runbook: "memory-is-short.md",
  },
  TooFewFileHandles: {
    class: "fatal",
    stages: "every",
    hint: "raise the limit of open files to what the message names, then start the worker again",
    runbook: "memory-is-short.md",
  },
  MissingTool: {
    class: "fatal",
    stages: "every",
    hint: "install the Debian package that the message names, then retry the task",
    runbook: "a-tool-is-missing.md",
  },
  ToolFailed: {
    class: "retryable",
    stages: ["imaging"],
    hint: "read the last lines of the tool's log in the error's fields",
    runbook: "a-tool-fails.md",
  },
  SiteStageFailed: {
    class: "retryable",
    stages: "every",
    hint: "read the last lines that the site's executable printed, in the error's fields",
    runbook: "a-site-stage-fails.md",
  },
  SiteStageRefused: {
    class: "fatal",
    stages: "every",
    hint: "the site's executable says that trying again is no use; its own words say why",
    runbook: "a-site-stage-fails.md",
  },
  SiteOutputWrong: {
    class: "fatal",
    stages: "every",
    hint: "mend the site's executable: what it wrote is not what the message says was expected",
    runbook: "a-site-stage-fails.md",
  },
  JobLost: {
    class: "retryable",
    stages: "every",
    hint: "see the cluster's own words in the fields; the task submits another job by itself",
    runbook: "a-cluster-job-fails.md",
  },
  JobTimedOut: {
    class: "retryable",
    stages: "every",
    hint: "the next job asks for twice the time by itself; if none suffices, raise its limit",
    runbook: "a-cluster-job-fails.md",
  },
  ClusterAway: {
    class: "retryable",
    stages: "every",
    hint: "ask the cluster's operator why Slurm does not answer; the task tries again by itself",
    runbook: "a-cluster-job-fails.md",
  },
  StageCrashed: {
    class: "retryable",
    stages: "every",
    hint: "look at the signal and the log in the error's fields: SIGKILL is mostly lack of memory",
    runbook: "a-stage-crashes.md",
  },
  InvalidParams: {
    class: "validation",
    stages: "every",
    hint: "spawn again with params that fit; the message names the field",
    runbook: "a-task-fails.md",
  },
} as const satisfies Readonly<Record<string, ErrorEntry>>;

export type PipelineErrorTag = keyof typeof ERRORS;

/** What follows from an error without a tag. */
export const BUG: ErrorEntry = {
  class: "fatal",
  stages: "every",
  hint: "this is a bug of ours: report the stack with the params",
  runbook: "a-task-fails.md",
};

/** True for the tags above; a tag that came through a pipe or a database may be anything. */
export function isPipelineErrorTag(tag: unknown): tag is PipelineErrorTag {
  return typeof tag === "string" && Object.hasOwn(ERRORS, tag);
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

export function entryOf(error: unknown): ErrorEntry {
  return error instanceof PipelineError ? ERRORS[error.tag] : BUG;
}

/** Where a stage failed, with what. */
export interface FailureScene {
  readonly stage: string;
  readonly groupId: string;
  /** From the group's first file to the last product made of it. */
  readonly correlationId: string;
  /** The inputs that resolve found; the params where it did not come that far. */
  readonly inputs: unknown;
}

/**
 * The same error with the scene, the hint and the runbook among its fields, which the engine keeps.
 * The error's own fields win.
 */
export function withScene(error: unknown, scene: FailureScene): unknown {
  if (!(error instanceof Error)) return error;
  const { hint, runbook } = entryOf(error);
  const own: unknown = "fields" in error ? error.fields : {};
  const fields = {
    stage: scene.stage,
    group_id: scene.groupId,
    correlation_id: scene.correlationId,
    inputs: scene.inputs,
    hint,
    runbook: `docs/operations/${runbook}`,
    ...(typeof own === "object" ? own : {}),
  };
  return Object.assign(error, { fields });
}
