/** How an attempt ended, as its worker reports it to the database. */
import { type ClassifyError, errorRecord, failureClass } from "./error-record.ts";
import { LeaseLost } from "./errors.ts";
import type { Claim, EndedAttempt } from "./worker-session.ts";

export function completed({ taskNumber, claimNo }: Claim, result: unknown): EndedAttempt {
  const text = result === undefined ? null : JSON.stringify(result);
  return { kind: "completed", taskNumber, claimNo, result: text };
}

/**
 * Of a handler that completed the task in its own transaction. If that was rolled back, the lease
 * is still there and this failure finds it; if not, this is stale and nobody hears of it.
 */
export function rolledBack({ taskNumber, claimNo }: Claim): EndedAttempt {
  const error = new Error("the transaction that completed the task was rolled back");
  return {
    kind: "failed",
    taskNumber,
    claimNo,
    errorClass: "retryable",
    error: errorRecord(error, "retryable"),
    mayBeStale: true,
  };
}

/** Undefined: the lease is given up until later, and there is nothing to report. */
export function failed(
  { taskNumber, claimNo }: Claim,
  error: unknown,
  how: {
    readonly abortReason: Error | undefined;
    readonly classifyError: ClassifyError;
    readonly completedByHandler: boolean;
  },
): EndedAttempt | undefined {
  const errorClass = failureClass(error, how.abortReason, how.classifyError);
  if (errorClass === undefined) return undefined;
  const cause = how.abortReason ?? error;
  return {
    kind: "failed",
    taskNumber,
    claimNo,
    errorClass,
    error: errorRecord(cause, errorClass),
    mayBeStale: how.completedByHandler || cause instanceof LeaseLost,
  };
}
