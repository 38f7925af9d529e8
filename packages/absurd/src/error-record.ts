/** From a thrown value to what is stored of it, and to what happens next. Pure. */
import {
  DeadlineExceeded,
  InvalidParams,
  LeaseLost,
  ShuttingDown,
  Suspended,
  TaskCancelled,
  TaskError,
  TimedOut,
} from "./errors.ts";
import type { ErrorClass } from "./errors.ts";

/** The classes of absurd.fail_attempts that a worker sends. */
export type FailureClass = ErrorClass | "timeout" | "cancelled" | "released";

export type ClassifyError = (error: unknown) => ErrorClass;

/** Retryable, unless the error says otherwise itself. */
export function defaultErrorClass(error: unknown): ErrorClass {
  return error instanceof TaskError ? error.errorClass : "retryable";
}

/**
 * What an attempt that threw `error` counts as; undefined when it goes on later. Why it was aborted
 * outweighs what its handler made of it. One that lost its lease gives it back: who was told so
 * wrongly would keep it for ever, under a worker that beats.
 */
export function failureClass(
  error: unknown,
  abortReason: unknown,
  classify: ClassifyError,
): FailureClass | undefined {
  if (abortReason instanceof TaskCancelled) return "cancelled";
  if (abortReason instanceof TimedOut || abortReason instanceof DeadlineExceeded) return "timeout";
  if (abortReason instanceof ShuttingDown || abortReason instanceof LeaseLost) return "released";
  if (abortReason instanceof Suspended) return undefined;
  return error instanceof InvalidParams ? "validation" : classify(error);
}

/** JSON of { tag, class, message, fields, stack, retry_after_seconds }. */
export function errorRecord(error: unknown, errorClass: FailureClass): string {
  const isError = error instanceof Error;
  return JSON.stringify({
    tag: tagOf(error),
    class: errorClass,
    message: isError ? error.message : String(error),
    fields: fieldsOf(error),
    ...(isError && error.stack !== undefined ? { stack: error.stack } : {}),
    ...retryAfterOf(error),
  });
}

/** Any error may say when it is worth to try again. */
function retryAfterOf(error: unknown): object {
  if (!(error instanceof Error && "retryAfterSeconds" in error)) return {};
  const seconds = error.retryAfterSeconds;
  return typeof seconds === "number" && Number.isFinite(seconds)
    ? { retry_after_seconds: Math.max(0, seconds) }
    : {};
}

function tagOf(error: unknown): string {
  if (error instanceof Error && "tag" in error && typeof error.tag === "string") return error.tag;
  return error instanceof Error ? error.name : "NotAnError";
}

function fieldsOf(error: unknown): unknown {
  if (error instanceof InvalidParams) return { issues: error.issues };
  if (!(error instanceof Error && "fields" in error)) return {};
  try {
    JSON.stringify(error.fields);
    return error.fields;
  } catch {
    // Circular or bigint: the words of the message must do.
    return {};
  }
}
