/** AOFlagger 3: the thorough strategy, a Lua file of our own, on a whole Measurement Set. */
import { fileURLToPath } from "node:url";

import { PipelineError } from "../errors.ts";
import { runProgram } from "./run-program.ts";

export const AOFLAGGER_PACKAGE = "aoflagger";

/** Ours, for 24 integrations. */
export const THOROUGH_STRATEGY = fileURLToPath(
  new URL("../../strategies/dsa110-thorough.lua", import.meta.url),
);

export interface AoflaggerRun {
  readonly strategyPath: string;
  readonly threadCount: number;
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal;
}

/**
 * Flags the set in place.
 * @throws {PipelineError} MissingTool, or ToolFailed with AOFlagger's own words
 */
export async function runAoflagger(measurementSetPath: string, run: AoflaggerRun): Promise<void> {
  const end = await runProgram({
    program: "aoflagger",
    arguments: [
      ...["-strategy", run.strategyPath, "-j", String(run.threadCount)],
      ...["-column", "DATA", "-baselines", "cross", measurementSetPath],
    ],
    debianPackage: AOFLAGGER_PACKAGE,
    environment: { OPENBLAS_NUM_THREADS: "1" },
    timeoutSeconds: run.timeoutSeconds,
    ...(run.signal === undefined ? {} : { signal: run.signal }),
  });
  if (end.exitCode === 0) return;
  const how = end.killedBy === null ? `exit code ${String(end.exitCode)}` : end.killedBy;
  // Where in the strategy, before what AOFlagger makes of it.
  const words = [...end.errorTail, ...end.outputTail];
  const reason = words.find((line) => /\.lua:\d+:/.test(line)) ?? words[0] ?? "no word of why";
  throw new PipelineError("ToolFailed", `aoflagger ended with ${how}: ${reason}`, {
    program: "aoflagger",
    exitCode: end.exitCode,
    killedBy: end.killedBy,
    outputTail: [...end.outputTail, ...end.errorTail],
  });
}
