/**
 * Runs one external program to its end, without a shell.
 *
 * The program gets a process group of its own. When the signal aborts, or the time is up, the whole
 * group gets SIGTERM and, TERMINATE_GRACE_MS later, SIGKILL; the promise settles only after the
 * program is gone, so nothing writes into the stage folder behind the caller's back.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

import { PipelineError } from "../errors.ts";

export interface ProgramCall {
  /** Name on PATH, or a path. */
  readonly program: string;
  readonly arguments: readonly string[];
  /** The Debian package that brings the program, named when it is missing. */
  readonly debianPackage: string;
  /** Besides ours; undefined takes one away. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly workingFolder?: string;
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal;
  /** Each line of standard output, without its end. */
  readonly onLine?: (line: string) => void;
}

export interface ProgramEnd {
  readonly exitCode: number | null;
  readonly killedBy: NodeJS.Signals | null;
  /** The last lines of standard output and standard error. */
  readonly outputTail: readonly string[];
  readonly errorTail: readonly string[];
}

const TERMINATE_GRACE_MS = 5_000;
const TAIL_LINES = 40;

/**
 * @returns how the program ended, also with a failure code: the caller knows what its codes mean
 * @throws {PipelineError} MissingTool when the program is not installed, ToolFailed on time-out
 * @throws the signal's reason when it was aborted
 */
export async function runProgram(call: ProgramCall): Promise<ProgramEnd> {
  call.signal?.throwIfAborted();
  const child = spawn(call.program, call.arguments, {
    cwd: call.workingFolder,
    env: { ...process.env, ...call.environment },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const outputTail = keepTail(child.stdout, call.onLine);
  const errorTail = keepTail(child.stderr);
  const limit = { passed: false };
  const stop = stopper(child);
  const timer = setTimeout(() => {
    limit.passed = true;
    stop.request();
  }, call.timeoutSeconds * 1000);
  call.signal?.addEventListener("abort", stop.request, { once: true });
  try {
    const [exitCode, killedBy] = await untilClosed(child, call);
    call.signal?.throwIfAborted();
    if (limit.passed) throw timeoutError(call);
    return { exitCode, killedBy, outputTail, errorTail };
  } finally {
    clearTimeout(timer);
    stop.forget();
    call.signal?.removeEventListener("abort", stop.request);
  }
}

function untilClosed(
  child: ChildProcess,
  call: ProgramCall,
): Promise<[number | null, NodeJS.Signals | null]> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => {
      const missing = "code" in error && error.code === "ENOENT";
      reject(missing ? missingTool(call.program, call.debianPackage) : error);
    });
    child.once("close", (exitCode, killedBy) => {
      resolve([exitCode, killedBy]);
    });
  });
}

function stopper(child: ChildProcess): { request: () => void; forget: () => void } {
  let killTimer: NodeJS.Timeout | undefined;
  return {
    request: () => {
      signalGroup(child, "SIGTERM");
      killTimer ??= setTimeout(() => {
        signalGroup(child, "SIGKILL");
      }, TERMINATE_GRACE_MS);
    },
    forget: () => {
      clearTimeout(killTimer);
    },
  };
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // The group ended between the decision and the signal.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

function keepTail(stream: NodeJS.ReadableStream, onLine?: (line: string) => void): string[] {
  const tail: string[] = [];
  createInterface({ input: stream }).on("line", (line) => {
    tail.push(line);
    if (tail.length > TAIL_LINES) tail.shift();
    onLine?.(line);
  });
  return tail;
}

export function missingTool(program: string, debianPackage: string): PipelineError {
  return new PipelineError(
    "MissingTool",
    `program ${program} is not installed: install the Debian package ${debianPackage}`,
    { program, debianPackage },
  );
}

function timeoutError(call: ProgramCall): PipelineError {
  const { program, timeoutSeconds } = call;
  return new PipelineError(
    "ToolFailed",
    `program ${program} was stopped after ${timeoutSeconds} s, its time limit`,
    { program, timeoutSeconds },
  );
}
