/** Tries a step again in place, without giving up the attempt. */
import { LeaseLost, Suspended, TaskCancelled, TaskError } from "./errors.ts";
import { pause } from "./pause.ts";
import type { StepRetry } from "./task.ts";

/** @throws what the last try threw */
export async function runWithRetry<T>(
  work: () => Promise<T> | T,
  { maxRetries, backoffSeconds = 1 }: StepRetry,
  signal: AbortSignal,
): Promise<T> {
  for (let retry = 0; ; retry++) {
    try {
      return await work();
    } catch (error) {
      if (retry >= maxRetries || signal.aborted || !mayPass(error)) throw error;
      await pause(backoffSeconds * 1000 * 2 ** Math.min(retry, 20), signal);
    }
  }
}

function mayPass(error: unknown): boolean {
  if (error instanceof Suspended || error instanceof LeaseLost) return false;
  if (error instanceof TaskCancelled) return false;
  if (!(error instanceof TaskError)) return true;
  return error.errorClass === "retryable" || error.errorClass === "recoverable";
}
