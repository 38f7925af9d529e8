/**
 * A process and all its descendants, as Linux's /proc shows them: to measure and to end them.
 *
 * Descendants are found by parenthood, not by process group, because a tool may have started a
 * group of its own. A process is known by its id and start time together, so an id that the kernel
 * has given to somebody else in the meantime is never signalled.
 */
import { readdirSync, readFileSync } from "node:fs";

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot; with the pid it names one process for good. */
  readonly startTicks: string;
}

interface ProcessStat extends ProcessIdentity {
  readonly parentPid: number;
  readonly groupId: number;
  readonly state: string;
  /** User and system time of the process and of the children it has waited for [clock ticks]. */
  readonly cpuTicks: number;
}

/** USER_HZ, which Linux fixes at 100 for /proc on every architecture Node runs on. */
const TICKS_PER_SECOND = 100;
const KIB_PER_MIB = 1024;

/** @returns undefined when there is no such process (any more) */
export function readIdentity(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  return stat && { pid, startTicks: stat.startTicks };
}

export function isAlive(identity: ProcessIdentity): boolean {
  const stat = readStat(identity.pid);
  return stat !== undefined && stat.startTicks === identity.startTicks && stat.state !== "Z";
}

/** The descendants of a process, parents before children, without itself. */
export function listDescendants(pid: number): ProcessIdentity[] {
  return descendantsIn(listProcesses(), pid);
}

/**
 * The process that leads a group of its own, with its group and its descendants, itself included
 * while it lives. `variable=value` names those it inherited a mark to: also such as have left the
 * group and lost their parent. Only who did all three and cleared its environment is missed.
 */
export function listTree(
  leaderPid: number,
  mark?: { readonly variable: string; readonly value: string },
): ProcessIdentity[] {
  const stats = listProcesses().filter((stat) => stat.state !== "Z");
  const below = new Set(descendantsIn(stats, leaderPid).map((each) => each.pid));
  const entry = mark && `${mark.variable}=${mark.value}`;
  return stats
    .filter(
      ({ pid, groupId }) =>
        pid === leaderPid ||
        groupId === leaderPid ||
        below.has(pid) ||
        (entry !== undefined && environmentOf(pid).includes(entry)),
    )
    .map(({ pid, startTicks }) => ({ pid, startTicks }));
}

function descendantsIn(stats: readonly ProcessStat[], pid: number): ProcessIdentity[] {
  const found: ProcessIdentity[] = [];
  const parents = [pid];
  for (let parent = parents.pop(); parent !== undefined; parent = parents.pop()) {
    for (const stat of stats) {
      if (stat.parentPid !== parent || stat.state === "Z") continue;
      found.push({ pid: stat.pid, startTicks: stat.startTicks });
      parents.push(stat.pid);
    }
  }
  return found;
}

/**
 * Processes of this user whose environment, as they started, had `variable=value`; with `isPrefix`,
 * a value that begins so.
 */
export function listMarked(variable: string, value: string, isPrefix = false): ProcessIdentity[] {
  const entry = `${variable}=${value}`;
  const isMarked = (each: string): boolean => (isPrefix ? each.startsWith(entry) : each === entry);
  return listProcesses()
    .filter(({ pid, state }) => state !== "Z" && environmentOf(pid).some(isMarked))
    .map(({ pid, startTicks }) => ({ pid, startTicks }));
}

/** Sends a signal to each process that is still the one it was. */
export function signalAll(processes: readonly ProcessIdentity[], signal: NodeJS.Signals): void {
  for (const identity of processes) {
    if (!isAlive(identity)) continue;
    try {
      process.kill(identity.pid, signal);
    } catch (error) {
      // It ended between the look and the signal.
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  }
}

/**
 * Memory of a process and its descendants now, as the sum of their resident sets [MiB]. Pages that
 * they share count once for each, so the figure is an upper bound.
 */
export function residentMib(pid: number, descendants: readonly ProcessIdentity[]): number {
  const residentKib = [pid, ...descendants.map((identity) => identity.pid)].map(readResidentKib);
  return residentKib.reduce((sum, kib) => sum + kib, 0) / KIB_PER_MIB;
}

/** Processor time of a process and of the children it has waited for [s]. */
export function cpuSeconds(pid: number): number {
  return (readStat(pid)?.cpuTicks ?? 0) / TICKS_PER_SECOND;
}

function listProcesses(): ProcessStat[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readStat(Number(name)))
    .filter((stat) => stat !== undefined);
}

/** proc(5), /proc/pid/stat. The command name stands in parentheses and may hold anything. */
function readStat(pid: number): ProcessStat | undefined {
  const text = readProcFile(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // Field 3 of the manual page is the first after the closing parenthesis.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const field = (manualNumber: number) => fields[manualNumber - 3] ?? "0";
  return {
    pid,
    state: field(3),
    parentPid: Number(field(4)),
    groupId: Number(field(5)),
    cpuTicks: [14, 15, 16, 17].reduce((sum, number) => sum + Number(field(number)), 0),
    startTicks: field(22),
  };
}

function readResidentKib(pid: number): number {
  const text = readProcFile(`/proc/${pid}/status`);
  return Number(text?.match(/^VmRSS:\s+(\d+) kB$/m)?.[1] ?? 0);
}

function environmentOf(pid: number): string[] {
  return readProcFile(`/proc/${pid}/environ`)?.split("\0") ?? [];
}

/** Processes come and go while we look, and some are not ours: neither is an error. */
function readProcFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error) {
      if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(String(error.code))) return undefined;
    }
    throw error;
  }
}
