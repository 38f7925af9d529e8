/**
 * Runs a stage in a child process of its own.
 *
 * What always holds: when the promise settles, the child and every tool it started are gone, also
 * after an abort; when this process dies by any means, they go too (the lifeline, see
 * stage-process.ts). The child never sees the database's address.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

import { isPipelineErrorTag, PipelineError } from "./errors.ts";
import {
  listDescendants,
  listMarked,
  readIdentity,
  residentMib,
  signalAll,
} from "@contimg/absurd/process-tree";
import type { SiteStage } from "./site/site-config.ts";
import type { AnyStage, Json, StageResult } from "./stage.ts";
import {
  LIFELINE_FD,
  parseStageMessage,
  type StageError,
  type StageMessage,
  type StageRequest,
} from "./stage-messages.ts";

/** A stage and the module a child process loads it from. */
export interface StageModule {
  readonly stage: AnyStage;
  readonly url: string;
  /** A site's way to run it, in place of the stage's own; see site/. */
  readonly site?: SiteStage | undefined;
}

interface StageUsage {
  /** Wall time, with the start of the process [s]. */
  readonly seconds: number;
  /** Of the process and of the tools it has waited for [s]. */
  readonly cpuSeconds: number;
  /**
   * Largest sum of resident sets of the process and its tools, sampled every SAMPLE_MS, and at
   * least the kernel's own record for the process itself [MiB].
   */
  readonly peakRssMib: number;
}

export interface StageRun extends StageResult, StageUsage {}

export interface StageRunOptions {
  readonly stageFolder: string;
  readonly threadCount: number;
  /** Of the task; 1 for a run by hand. */
  readonly attempt?: number | undefined;
  readonly signal?: AbortSignal;
  /** What the run reserved, for tools that can be told. */
  readonly memoryBytes?: number | undefined;
  /** A run whose processes together have more resident memory is ended. Default: none. */
  readonly memoryLimitBytes?: number | undefined;
  /** How long an aborted stage may take to give way before it is killed [ms]. */
  readonly graceMs?: number;
  readonly onProgress?: (fraction: number, note: string) => void;
  /** Lines of the stage and its tools that are not messages. */
  readonly onLog?: (line: string) => void;
}

export const STAGE_PROCESS = fileURLToPath(new URL("./stage-process.ts", import.meta.url));
/** Compiled modules, which Node checks against their sources: halves the start of a process. */
const COMPILE_CACHE = fileURLToPath(new URL("../../../node_modules/.cache/", import.meta.url));
const SAMPLE_MS = 200;
const BYTES_PER_MIB = 2 ** 20;
const GRACE_MS = 5_000;
const LOG_TAIL_LINES = 20;

/** Inherited by every tool, so that none can be lost. */
const RUN_MARK = "CONTIMG_STAGE_RUN";

/** The child computes; it has no business with the database. */
export const WITHHELD_VARIABLES = ["ABSURD_DATABASE_URL", "PGPASSWORD"];

/**
 * @throws {PipelineError} the stage's own, or StageCrashed when the process ended without a word
 * @throws the signal's reason when it aborted
 */
export async function runStageProcess(
  module: StageModule,
  inputs: Json,
  options: StageRunOptions,
): Promise<StageRun> {
  options.signal?.throwIfAborted();
  const startMs = performance.now();
  const runMark = randomUUID();
  const child = spawnChild(runMark);
  const watch = watchTree(child, runMark, options.memoryLimitBytes ?? Infinity);
  const stopOnAbort = () => {
    watch.stop(options.graceMs ?? GRACE_MS);
  };
  options.signal?.addEventListener("abort", stopOnAbort, { once: true });
  try {
    const outcome = await converse(child, toRequest(module, inputs, options), options);
    options.signal?.throwIfAborted();
    if (watch.isOverLimit()) throw overLimit(module.stage.name, watch.peakRssMib());
    const { result, cpu_seconds, peak_rss_mib } = resultOf(outcome, module.stage.name);
    return {
      ...result,
      seconds: (performance.now() - startMs) / 1000,
      cpuSeconds: cpu_seconds,
      peakRssMib: Math.max(peak_rss_mib, watch.peakRssMib()),
    };
  } finally {
    options.signal?.removeEventListener("abort", stopOnAbort);
    watch.end();
  }
}

function spawnChild(runMark: string): ChildProcess {
  const env: NodeJS.ProcessEnv = {
    NODE_COMPILE_CACHE: COMPILE_CACHE,
    ...process.env,
    [RUN_MARK]: runMark,
  };
  for (const name of WITHHELD_VARIABLES) Reflect.deleteProperty(env, name);
  const child = spawn(process.execPath, [STAGE_PROCESS], {
    // A process group of its own, so that Ctrl-C in a terminal reaches the worker only, which
    // then decides what becomes of its stages.
    detached: true,
    stdio: ["pipe", "pipe", "pipe", "pipe"],
    env,
  });
  for (const pipe of [child.stdin, child.stdio[LIFELINE_FD]]) {
    pipe?.on("error", () => {
      // The process died before it read all of it; its exit tells.
    });
  }
  return child;
}

export function toRequest(
  module: StageModule,
  inputs: Json,
  options: StageRunOptions,
): StageRequest {
  return {
    stage: module.stage.name,
    module: module.url,
    inputs,
    stage_folder: options.stageFolder,
    thread_count: options.threadCount,
    attempt: options.attempt ?? 1,
    memory_bytes: options.memoryBytes ?? null,
    executable: module.site?.executable ?? null,
  };
}

export interface Outcome {
  readonly last: Exclude<StageMessage, { type: "progress" }> | undefined;
  readonly exitCode: number | null;
  readonly killedBy: NodeJS.Signals | null;
  readonly logTail: readonly string[];
}

/** Sends the request, relays progress and log, and waits until the process and its pipes close. */
async function converse(
  child: ChildProcess,
  request: StageRequest,
  options: StageRunOptions,
): Promise<Outcome> {
  let last: Outcome["last"];
  const logTail: string[] = [];
  const log = (line: string) => {
    logTail.push(line);
    if (logTail.length > LOG_TAIL_LINES) logTail.shift();
    options.onLog?.(line);
  };
  const [stdin, stdout, stderr] = [child.stdin!, child.stdout!, child.stderr!];
  readLines(stderr, log);
  readLines(stdout, (line) => {
    const message = parseStageMessage(line);
    if (!message) log(line);
    else if (message.type === "progress") options.onProgress?.(message.fraction, message.note);
    else last = message;
  });
  stdin.end(JSON.stringify(request));
  const [exitCode, killedBy] = (await once(child, "close")) as [
    number | null,
    NodeJS.Signals | null,
  ];
  return { last, exitCode, killedBy, logTail };
}

function readLines(stream: Readable, onLine: (line: string) => void): void {
  createInterface({ input: stream }).on("line", onLine);
}

export function resultOf(
  outcome: Outcome,
  stage: string,
): Extract<StageMessage, { type: "result" }> {
  if (outcome.last?.type === "result") return outcome.last;
  if (outcome.last?.type === "error") throw toError(outcome.last.error);
  const how = outcome.killedBy ? `was killed by ${outcome.killedBy}` : "ended without a result";
  throw new PipelineError("StageCrashed", `the process of stage ${stage} ${how}`, {
    stage,
    signal: outcome.killedBy,
    exitCode: outcome.exitCode,
    logTail: outcome.logTail,
  });
}

function toError({ tag, name, message, fields, stack }: StageError): Error {
  // The line that failed is in the child, so its stack replaces ours.
  const position = stack === null ? {} : { stack };
  return isPipelineErrorTag(tag)
    ? Object.assign(new PipelineError(tag, message, fields), position)
    : Object.assign(new Error(message), fields, { name }, position);
}

function overLimit(stage: string, peakRssMib: number): PipelineError {
  const message = `stage ${stage} took ${peakRssMib.toFixed(0)} MiB of memory, more than it may`;
  return new PipelineError("OutOfMemory", message, { stage, peakRssMib });
}

/**
 * Samples memory, ends who takes too much, and knows whom to signal: also tools whose parent died
 * before them.
 */
function watchTree(child: ChildProcess, runMark: string, memoryLimitBytes: number) {
  const root = child.pid === undefined ? undefined : readIdentity(child.pid);
  let peakRssMib = 0;
  let isOverLimit = false;
  let killTimer: NodeJS.Timeout | undefined;

  const sampler = setInterval(() => {
    if (!root) return;
    peakRssMib = Math.max(peakRssMib, residentMib(root.pid, listDescendants(root.pid)));
    if (peakRssMib * BYTES_PER_MIB <= memoryLimitBytes || isOverLimit) return;
    isOverLimit = true;
    signalEveryone("SIGKILL");
  }, SAMPLE_MS);
  const signalEveryone = (signal: NodeJS.Signals) => {
    if (!root) return;
    // Descendants by parenthood and by the inherited variable: the one misses tools whose parent
    // has died, the other those that were started with an environment of their own.
    const everyone = [root, ...listDescendants(root.pid), ...listMarked(RUN_MARK, runMark)];
    signalAll(everyone, signal);
  };
  // A tool that outlives the stage would hold the pipes open, and nobody wants its work.
  child.once("exit", () => {
    signalEveryone("SIGKILL");
  });

  return {
    peakRssMib: () => peakRssMib,
    isOverLimit: () => isOverLimit,
    stop(graceMs: number) {
      signalEveryone("SIGTERM");
      killTimer = setTimeout(() => {
        signalEveryone("SIGKILL");
      }, graceMs);
    },
    end() {
      clearInterval(sampler);
      clearTimeout(killTimer);
    },
  };
}
