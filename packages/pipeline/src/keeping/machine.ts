/** What this machine has, as Linux says. */
import { readFileSync } from "node:fs";
import { stat, statfs } from "node:fs/promises";
import { hostname, totalmem } from "node:os";

export interface Machine {
  readonly host: string;
  /** Of the machine, or of the control group that it lets us have. */
  readonly memoryBytes: number;
  /** Soft limit of one process. */
  readonly openFiles: number;
}

/** For the kernel, PostgreSQL and the worker itself. */
const KEPT_BYTES = 512 * 2 ** 20;
const CGROUP_LIMIT = "/sys/fs/cgroup/memory.max";

export function readMachine(): Machine {
  const limit = Number(readText(CGROUP_LIMIT)?.trim() ?? NaN);
  const total = Number.isFinite(limit) ? Math.min(limit, totalmem()) : totalmem();
  return {
    host: hostname(),
    memoryBytes: Math.floor(Math.max(total - KEPT_BYTES, total / 2)),
    openFiles: readOpenFilesLimit(),
  };
}

/** Memory that programs can still get without swapping: MemAvailable of proc(5). */
export function availableMemoryBytes(): number {
  const text = readText("/proc/meminfo") ?? "";
  const kib = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1] ?? NaN);
  return Number.isFinite(kib) ? kib * 1024 : Infinity;
}

function readOpenFilesLimit(): number {
  const text = readText("/proc/self/limits") ?? "";
  const soft = /^Max open files\s+(\S+)/m.exec(text)?.[1];
  const count = Number(soft);
  return Number.isFinite(count) ? count : 1_000_000;
}

/** The file system of a folder, as a name that is the same for all processes of the machine. */
export async function deviceOf(folder: string): Promise<string> {
  return String((await stat(folder)).dev);
}

export async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // Not Linux's /proc, or no control group: then there is no such limit.
  }
}
