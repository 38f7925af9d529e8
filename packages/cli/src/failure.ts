/**
 * How a command ends badly: one line for a person or one JSON object for a program, and an exit
 * code. Only a bug shows its stack.
 */
import {
  DependencyCycle,
  DependencyFailed,
  InvalidParams,
  InvalidSetting,
  InvalidTransition,
  QueueDraining,
  QueueFull,
  TaskError,
  TaskNotFound,
  UnknownTaskName,
  WorkerNotFound,
} from "@contimg/absurd";
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
  MissingTool: 4,
};

const CONNECTION_CODES = /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|08|57P|28|3D000)/;

/** What a machine may refuse of a file; no bug of ours. */
const FILE_CODES = new Set(["EACCES", "EDQUOT", "EIO", "ENOSPC", "ENOTDIR", "EPERM", "EROFS"]);

export function toFailure(error: unknown): Failure {
  if (error instanceof Interrupted) return failure(130, "Interrupted", error.message);
  if (error instanceof UsageError) return failure(2, "UsageError", error.message);
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
  if (
    error instanceof InvalidParams ||
    error instanceof InvalidSetting ||
    error instanceof UnknownTaskName
  ) {
    return failure(2, error.name, error.message);
  }
  if (error instanceof QueueFull) {
    const { queue, pendingMax, retryAfterSeconds } = error;
    return failure(1, error.name, error.message, { queue, pendingMax, retryAfterSeconds });
  }
  if (error instanceof QueueDraining) return failure(1, error.name, error.message);
  if (error instanceof TaskNotFound || error instanceof WorkerNotFound) {
    return failure(3, error.name, error.message);
  }
  if (error instanceof TaskError) return failure(1, error.tag, error.message, error.fields);
  if (error instanceof DependencyCycle) return failure(2, error.name, error.message);
  if (error instanceof DependencyFailed || error instanceof InvalidTransition) {
    return failure(1, error.name, error.message);
  }
  return undefined;
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
