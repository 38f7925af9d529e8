/**
 * What a process may use, set on it by the kernel before its program begins: prlimit and setpriv of
 * util-linux, each of which becomes the next program by exec. No shell, no quoting.
 */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";

import { TaskError } from "../errors.ts";

export interface ProcessLimits {
  /** Processor time of each process. Beyond it SIGXCPU, and SIGKILL 5 s later. */
  readonly cpuSeconds?: number;
  /**
   * Memory of the process and all it started: exact where the worker may make control groups with
   * a memory controller, else the resident memory, sampled four times a second.
   */
  readonly memoryBytes?: number;
  /**
   * Private memory that each process may ask the kernel for, used or not. Exact, and refused by the
   * allocation itself; but Node and the JVM reserve gigabytes that they never use.
   */
  readonly dataBytes?: number;
  /** Size of any file that is written. */
  readonly fileBytes?: number;
  readonly openFiles?: number;
  /**
   * Processes and threads: of the run, by a control group with that controller; else of the user,
   * all together, root being exempt.
   */
  readonly processes?: number;
}

const CPU_SECONDS_TO_GIVE_WAY = 5;

/**
 * The command line that runs `command` under the limits and takes it along when the thread that
 * started it ends.
 * @throws {TaskError} LimitsUnavailable where limits are asked for and prlimit is absent
 */
export function limitedCommand(command: readonly string[], limits: ProcessLimits): string[] {
  return [...dieWithParent(), ...resourceLimits(limits), ...command];
}

function dieWithParent(): string[] {
  const setpriv = findProgram("setpriv");
  return setpriv === undefined ? [] : [setpriv, "--pdeathsig", "KILL", "--"];
}

function resourceLimits(limits: ProcessLimits): string[] {
  const { cpuSeconds, dataBytes, fileBytes, openFiles, processes } = limits;
  const options: string[] = [];
  if (cpuSeconds !== undefined) {
    const soft = Math.max(1, Math.ceil(cpuSeconds));
    options.push(`--cpu=${soft}:${soft + CPU_SECONDS_TO_GIVE_WAY}`);
  }
  if (dataBytes !== undefined) options.push(`--data=${Math.ceil(dataBytes)}`);
  if (fileBytes !== undefined) options.push(`--fsize=${Math.ceil(fileBytes)}`);
  if (openFiles !== undefined) options.push(`--nofile=${openFiles}`);
  if (processes !== undefined) options.push(`--nproc=${processes}`);
  if (options.length === 0) return [];
  const prlimit = findProgram("prlimit");
  if (prlimit !== undefined) return [prlimit, ...options, "--"];
  throw new TaskError("fatal", "limits are set, but this machine has no prlimit (util-linux)", {
    tag: "LimitsUnavailable",
  });
}

/** The file that a command names, as execvp(3) looks for it; undefined when there is none. */
export function findProgram(command: string, cwd = process.cwd()): string | undefined {
  const candidates = command.includes("/")
    ? [resolve(cwd, command)]
    : (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, command));
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return statSync(path).isFile();
    } catch {
      return false;
    }
  });
}
