/**
 * Tells whether a run ended for want of memory, whatever it said: programs die of it in ways of
 * their own, and the kernel kills without a word.
 */
import { readFileSync } from "node:fs";

import { PipelineError } from "../errors.ts";

const WORDS = /bad_alloc|out of memory|cannot allocate memory|ENOMEM|buffer allocation failed/i;

/** Processes that the kernel has killed for want of memory since it started; proc(5), vmstat. */
export function kernelKills(): number {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync("/proc/vmstat", "utf8"))?.[1] ?? 0);
  } catch {
    return 0; // No /proc: then only words tell.
  }
}

/** @param kills by the kernel while the run ran */
export function isOutOfMemory(error: unknown, kills: number): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof PipelineError) {
    if (error.tag === "OutOfMemory") return true;
    const wasKilled =
      error.fields["signal"] === "SIGKILL" || error.fields["killedBy"] === "SIGKILL";
    if (wasKilled && kills > 0) return true;
    if (error.tag !== "StageCrashed" && error.tag !== "ToolFailed") return false;
    return WORDS.test(`${error.message} ${JSON.stringify(error.fields)}`);
  }
  return WORDS.test(error.message);
}

export interface MemoryFailure {
  readonly stage: string;
  readonly reservedBytes: number;
  /** The most that a run of this machine can have. */
  readonly machineBytes: number;
  /** When it was measured. */
  readonly peakBytes: number | null;
}

/** The error to report: as long as the machine has more to give, the next attempt gets it. */
export function memoryError(failure: MemoryFailure, cause: unknown): PipelineError {
  const { stage, reservedBytes, machineBytes, peakBytes } = failure;
  const used = peakBytes === null ? "" : `, it had ${mib(peakBytes)} MiB when it was stopped`;
  if (reservedBytes >= machineBytes) {
    const all = `all ${mib(machineBytes)} MiB that this machine can give`;
    const message = `stage ${stage} ran out of memory with ${all}${used}`;
    return new PipelineError("MachineTooSmall", message, { ...failure }, { cause });
  }
  const message = `stage ${stage} ran out of the ${mib(reservedBytes)} MiB it reserved${used}`;
  return new PipelineError("OutOfMemory", message, { ...failure }, { cause });
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}
