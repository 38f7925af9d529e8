/** From the end of a process to the error of its attempt. Pure. */
import { type ErrorClass, TaskError } from "../errors.ts";
import type { OutsideEnd } from "./run-outside.ts";
import type { TaskOutput } from "./task-output.ts";

/** What an exit code means: what happens next, and by which tag people find it. */
export type ExitMeaning = ErrorClass | { readonly errorClass?: ErrorClass; readonly tag?: string };

export interface FailedProcess extends OutsideEnd {
  readonly program: string;
  readonly output: TaskOutput;
  readonly exitCodes: Readonly<Record<number, ExitMeaning>>;
}

const TAG_OF_SIGNAL: Readonly<Partial<Record<NodeJS.Signals, string>>> = {
  SIGXCPU: "CpuTimeExceeded",
  SIGXFSZ: "FileTooLarge",
};

export function processFailure(failed: FailedProcess): TaskError {
  const { program, exitCode, killedBy, output } = failed;
  const how = killedBy ? `was killed by ${killedBy}` : `ended with exit code ${exitCode ?? "?"}`;
  const last = output.tail.at(-1);
  const { errorClass, tag } = meaningOf(failed);
  const why = tag === "OutOfMemory" ? " (out of memory)" : "";
  return new TaskError(
    errorClass,
    `${program} ${how}${why}${last === undefined ? "" : `: ${last}`}`,
    { tag, fields: { command: program, exitCode, signal: killedBy, outputTail: output.tail } },
  );
}

function meaningOf(failed: FailedProcess): { errorClass: ErrorClass; tag: string } {
  const { exitCode, killedBy } = failed;
  const given = exitCode === null ? undefined : failed.exitCodes[exitCode];
  const meaning = typeof given === "string" ? { errorClass: given } : given;
  return {
    errorClass: meaning?.errorClass ?? "retryable",
    tag: meaning?.tag ?? tagOf(failed, killedBy),
  };
}

function tagOf(failed: FailedProcess, killedBy: NodeJS.Signals | null): string {
  if (failed.isOutOfMemory || failed.output.saysOutOfMemory) return "OutOfMemory";
  if (killedBy === null) return "ExitedWithCode";
  return TAG_OF_SIGNAL[killedBy] ?? "KilledBySignal";
}
