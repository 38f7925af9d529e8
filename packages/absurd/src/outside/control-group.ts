/**
 * Control groups (cgroup v2) for what tasks start, where this process may make them: a kill that
 * nothing escapes, and, as far as their controllers are delegated, exact limits of memory and of
 * processes for all that a run starts together.
 *
 * A group with controllers may hold groups or processes, not both. So the worker that was given a
 * group moves itself into one below it, and its runs get others beside that.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import type { ProcessLimits } from "./limits.ts";

const WORKER_GROUP = "absurd.worker";
const RUN_PREFIX = "absurd.run.";
const WANTED = ["memory", "pids"] as const;

type Controller = (typeof WANTED)[number];

export interface ControlGroups {
  /** Runs get their groups in here. */
  readonly folder: string;
  /** What a run's group can limit. */
  readonly controllers: ReadonlySet<Controller>;
}

export interface NoControlGroups {
  readonly folder: undefined;
  readonly reason: string;
}

let known: ControlGroups | NoControlGroups | undefined;

/** Where this process may make groups, or why it may not; found out once. */
export function controlGroups(): ControlGroups | NoControlGroups {
  known ??= findControlGroups();
  return known;
}

/** What limits of processes rest on here, for the log. */
export function describeEnforcement(groups = controlGroups()): string {
  const rest = "processor time, file size and open files by prlimit, for each process";
  const sampled = "memory by a look four times a second";
  if (groups.folder === undefined)
    return `${sampled}, ${rest}; no control groups: ${groups.reason}`;
  const exact = [...groups.controllers].map((each) => (each === "pids" ? "processes" : each));
  return [
    `${[...exact, "the kill"].join(", ")} by control groups in ${groups.folder}`,
    ...(groups.controllers.has("memory") ? [] : [sampled]),
    rest,
  ].join("; ");
}

/** The group of this process, from /proc/self/cgroup and /proc/self/mounts. */
export function ownGroup(cgroupText: string, mountsText: string): string | undefined {
  const path = /^0::(\/.*)$/m.exec(cgroupText)?.[1];
  const mount = mountsText
    .split("\n")
    .map((line) => line.split(" "))
    .find(([, , type]) => type === "cgroup2")?.[1];
  // A path that leads out of the mount is of a group that this container does not see.
  if (path === undefined || mount === undefined || path.startsWith("/..")) return undefined;
  // Octal escapes: proc(5), mounts.
  const folder = mount.replace(/\\(\d{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return join(folder, path);
}

function findControlGroups(): ControlGroups | NoControlGroups {
  try {
    const own = ownGroup(
      readFileSync("/proc/self/cgroup", "utf8"),
      readFileSync("/proc/self/mounts", "utf8"),
    );
    if (own === undefined) return { folder: undefined, reason: "cgroup v2 is not mounted" };
    const folder = basename(own) === WORKER_GROUP ? dirname(own) : own;
    tryGroup(folder);
    return { folder, controllers: new Set(enableControllers(folder)) };
  } catch (error) {
    return { folder: undefined, reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Makes a group, runs a process in it, removes it. @throws when any of it is not allowed */
function tryGroup(folder: string): void {
  const group = join(folder, `${RUN_PREFIX}try.${process.pid}`);
  mkdirSync(group);
  try {
    const [file, ...args] = joinCommand(group, ["/bin/true"]);
    const { status, stderr } = spawnSync(file!, args, { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr.trim() || `no process may enter ${group}`);
  } finally {
    rmdirSync(group);
  }
}

/** Has the group give its controllers to those below it. */
function enableControllers(folder: string): Controller[] {
  const offered = words(join(folder, "cgroup.controllers"));
  const missing = WANTED.filter((each) => offered.includes(each)).filter(
    (each) => !words(join(folder, "cgroup.subtree_control")).includes(each),
  );
  if (missing.length > 0) {
    const leaf = join(folder, WORKER_GROUP);
    mkdirSync(leaf, { recursive: true });
    try {
      enter(leaf);
      writeFileSync(
        join(folder, "cgroup.subtree_control"),
        missing.map((each) => `+${each}`).join(" "),
      );
    } catch {
      // Others run in the group: it is not ours alone, and keeps its controllers.
      enter(folder);
      rmdirSync(leaf);
    }
  }
  const given = words(join(folder, "cgroup.subtree_control"));
  return WANTED.filter((each) => given.includes(each));
}

function enter(group: string): void {
  writeFileSync(join(group, "cgroup.procs"), String(process.pid));
}

function words(path: string): string[] {
  return readFileSync(path, "utf8").trim().split(/\s+/);
}

/** The group of one run. */
export interface RunGroup {
  readonly path: string;
  readonly controllers: ReadonlySet<Controller>;
  pids(): number[];
  kill(): void;
  /** The kernel has killed in it because its memory was full. */
  isOutOfMemory(): boolean;
  /** When nothing runs in it any more. */
  remove(): void;
}

/** A group with the limits of a run, where groups can be made. `name`: unique on this machine. */
export function openRunGroup(
  name: string,
  limits: ProcessLimits,
  groups = controlGroups(),
): RunGroup | undefined {
  if (groups.folder === undefined) return undefined;
  const path = join(groups.folder, `${RUN_PREFIX}${name}`);
  mkdirSync(path);
  for (const [file, value] of groupFiles(limits, groups.controllers)) {
    writeFileSync(join(path, file), value);
  }
  return {
    path,
    controllers: groups.controllers,
    pids: () => words(join(path, "cgroup.procs")).filter(Boolean).map(Number),
    kill: () => {
      killGroup(path);
    },
    isOutOfMemory: () =>
      groups.controllers.has("memory") &&
      /^oom_kill [1-9]/m.test(readFileSync(join(path, "memory.events"), "utf8")),
    remove: () => {
      removeGroup(path);
    },
  };
}

/** Limits as files of a group. One whose memory is full loses all its processes, not any one. */
export function groupFiles(
  limits: ProcessLimits,
  controllers: ReadonlySet<Controller>,
): [file: string, value: string][] {
  const { memoryBytes, processes } = limits;
  const files: [string, string][] = [];
  if (memoryBytes !== undefined && controllers.has("memory")) {
    files.push(["memory.max", String(Math.ceil(memoryBytes))]);
    files.push(["memory.swap.max", "0"], ["memory.oom.group", "1"]);
  }
  if (processes !== undefined && controllers.has("pids")) {
    files.push(["pids.max", String(processes)]);
  }
  return files;
}

/** The command line that enters a group and then becomes `command`, under the same process id. */
export function joinCommand(group: string, command: readonly string[]): string[] {
  return ["/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"', join(group, "cgroup.procs"), ...command];
}

/** Ends what is left in the groups of one worker's runs, and removes them. */
export function clearRunGroups(folder: string, namePrefix: string): void {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(`${RUN_PREFIX}${namePrefix}`)) continue;
    const path = join(folder, name);
    killGroup(path);
    removeGroup(path);
  }
}

function killGroup(path: string): void {
  try {
    writeFileSync(join(path, "cgroup.kill"), "1");
  } catch {
    // It was removed meanwhile, or the kernel is older than 5.14: signals do it one by one.
  }
}

function removeGroup(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Something in it is still ending: the guard removes it after the worker.
  }
}
