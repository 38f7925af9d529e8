/**
 * How a command ends badly: one line for a person or one JSON object for a program, and an exit
 * code. Only a bug shows its stack.
 */
import { TaskError } from "@contimg/absurd";
import { PipelineError, type PipelineErrorTag } from "@contimg/pipeline";
import { z } from "zod";

/** Each code with its meaning; `--help` prints it. */
export const EXIT_CODES = {
  0: "done",
  1: "failed; the message says why",
  2: "wrong usage: unknown command or name, invalid params or settings",
  3: "not found: no such product, task, calibration or calibrator",
  4: "this machine lacks something: a package, disk space, the database",
  70: "a bug; please report its stack",
  130: "interrupted",
} as const;

type ExitCode = keyof typeof EXIT_CODES;

/** A person pressed Ctrl-C. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** The command line or the environment is wrong; nothing was done. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The command did its work, and what it found is not as it should be. */
export class NotInOrder extends Error {
  override readonly name = "NotInOrder";
}

export interface Failure {
  readonly exitCode: ExitCode;
  readonly tag: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Only of a bug. */
  readonly stack?: string | undefined;
}

const CODE_OF_TAG: Readonly<Partial<Record<PipelineErrorTag, ExitCode>>> = {
  InvalidParams: 2,
  MissingProduct: 3,
  NoCalibration: 3,
  NoCalibrator: 3,
  DiskFull: 4,
  MachineTooSmall: 4,
  MemoryBusy: 4,
  TooFewFileHandles: 4,
  MissingTool: 4,
};

/** The engine's errors that a person can act on, by name. */
const CODE_OF_ENGINE_ERROR: Readonly<Record<string, ExitCode>> = {
  AwaitCycle: 2,
  DependencyCycle: 2,
  InvalidCondition: 2,
  InvalidDemand: 2,
  InvalidEventName: 2,
  InvalidFilter: 2,
  InvalidParams: 2,
  InvalidPolicy: 2,
  InvalidSchedule: 2,
  InvalidServerSetting: 2,
  InvalidSetting: 2,
  InvalidSpawn: 2,
  InvalidWorkflow: 2,
  UnknownTaskName: 2,
  MayNotAct: 4,
  LimitNotFound: 3,
  ScheduleNotFound: 3,
  StepNotFound: 3,
  TaskNotFound: 3,
  TemplateNotFound: 3,
  UnknownErrorGroup: 3,
  WorkerNotFound: 3,
  WorkflowNotFound: 3,
  DependencyFailed: 1,
  HistoryClosed: 1,
  InvalidTransition: 1,
  QueueDraining: 1,
  QueueFull: 1,
  WorkflowBusy: 1,
};

const CONNECTION_CODES = /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|08|57P|28|3D000)/;

/** What a machine may refuse of a file; no bug of ours. */
const FILE_CODES = new Set(["EACCES", "EDQUOT", "EIO", "ENOSPC", "ENOTDIR", "EPERM", "EROFS"]);

export function toFailure(error: unknown): Failure {
  if (error instanceof Interrupted) return failure(130, "Interrupted", error.message);
  if (error instanceof UsageError) return failure(2, "UsageError", error.message);
  if (error instanceof NotInOrder) return failure(1, "NotInOrder", error.message);
  if (error instanceof z.ZodError) {
    const issues = error.issues.map(({ path, message }) => [...path, message].join(": "));
    return failure(2, "InvalidParams", `params are invalid: ${issues.join("; ")}`);
  }
  if (error instanceof PipelineError) {
    return failure(CODE_OF_TAG[error.tag] ?? 1, error.tag, error.message, error.fields);
  }
  return toEngineFailure(error) ?? toSystemFailure(error) ?? toBug(error);
}

function toEngineFailure(error: unknown): Failure | undefined {
  if (error instanceof TaskError) return failure(1, error.tag, error.message, error.fields);
  if (!(error instanceof Error)) return undefined;
  const code = CODE_OF_ENGINE_ERROR[error.name];
  if (code === undefined) return undefined;
  return failure(code, error.name, error.message, ownFields(error));
}

/** What an error of the engine says beside its message. */
function ownFields(error: Error): Record<string, unknown> {
  const hidden = new Set(["name", "message", "stack", "cause"]);
  return Object.fromEntries(Object.entries(error).filter(([field]) => !hidden.has(field)));
}

function toSystemFailure(error: unknown): Failure | undefined {
  if (!(error instanceof Error && "code" in error)) return undefined;
  const code = String(error.code);
  if (CONNECTION_CODES.test(code)) {
    const what = error.message === "" ? code : error.message;
    return failure(4, "DatabaseAway", `the database does not answer: ${what}`, { code });
  }
  if ("path" in error && FILE_CODES.has(code)) {
    return failure(4, "FileSystem", error.message, { code, path: error.path });
  }
  if (code === "42P01" || code === "3F000") {
    return failure(4, "NotMigrated", `${error.message}; run: contimg migrate`, { code });
  }
  if (code === "42501") {
    const message = `${error.message}: the role of ABSURD_DATABASE_URL lacks a right`;
    return failure(4, "NotPermitted", message, { code });
  }
  return undefined;
}

function toBug(error: unknown): Failure {
  if (error instanceof Error) {
    return { ...failure(70, error.name, error.message), stack: error.stack };
  }
  return failure(70, "Error", String(error));
}

function failure(
  exitCode: ExitCode,
  tag: string,
  message: string,
  fields: Readonly<Record<string, unknown>> = {},
): Failure {
  return { exitCode, tag, message, fields };
}

/** The failure as text: JSON for programs, a line for people. */
export function formatFailure(program: string, failed: Failure, json: boolean): string {
  const { tag, message, fields, stack, exitCode } = failed;
  if (json) return JSON.stringify({ error: { tag, message, fields, exit_code: exitCode, stack } });
  const lines = [`${program}: ${message}`];
  if (stack !== undefined) lines.push(stack);
  return lines.join("\n");
}
