/**
 * When ingest stops taking files: too little disk, or too many tasks waiting. Between the two marks
 * it goes on with what it did, so it does not flap. The files stay where they are.
 */
import type { StatsFs } from "node:fs";
import { statfs } from "node:fs/promises";

import type { AbsurdClient } from "@contimg/absurd";

import type { IngestPolicy } from "./policy.ts";

export interface Load {
  /** Of the fullest of the file systems. */
  readonly freeBytes: number;
  /** Size of that file system. */
  readonly diskBytes: number;
  /** In the queue: ready and running. Those that wait for a calibration must not keep it out. */
  readonly taskCount: number;
}

export type PressurePolicy = Pick<
  IngestPolicy,
  "pause_free_bytes" | "resume_free_bytes" | "pause_tasks" | "resume_tasks"
>;

const PAUSE_FREE_BYTES = 20e9;
const PAUSE_FREE_FRACTION = 0.05;

/** Why no file is to be taken, or null. Pure. */
export function pauseReason(load: Load, isPaused: boolean, policy: PressurePolicy): string | null {
  const pauseBytes =
    policy.pause_free_bytes ?? Math.min(PAUSE_FREE_BYTES, PAUSE_FREE_FRACTION * load.diskBytes);
  const resumeBytes = policy.resume_free_bytes ?? 2 * pauseBytes;
  const wantedBytes = isPaused ? resumeBytes : pauseBytes;
  if (load.freeBytes < wantedBytes) {
    return `${gb(load.freeBytes)} GB free, files are taken again at ${gb(resumeBytes)} GB`;
  }
  const allowedTasks = isPaused ? policy.resume_tasks : policy.pause_tasks;
  if (load.taskCount > allowedTasks) {
    return `${load.taskCount} tasks in the queue, files are taken again at ${policy.resume_tasks}`;
  }
  return null;
}

export async function measureLoad(
  client: AbsurdClient,
  queue: string,
  folders: readonly string[],
): Promise<Load> {
  const disks = await Promise.all(folders.map(diskOf));
  const [fullest] = disks
    .filter((disk) => disk !== undefined)
    .map(({ bavail, blocks, bsize }) => ({ freeBytes: bavail * bsize, diskBytes: blocks * bsize }))
    .toSorted((a, b) => a.freeBytes - b.freeBytes);
  const view = (await client.queues.list()).find(({ name }) => name === queue);
  const taskCount = view === undefined ? 0 : view.ready + view.running;
  return { ...(fullest ?? { freeBytes: Infinity, diskBytes: Infinity }), taskCount };
}

/** Undefined for a folder that nobody has made yet. */
async function diskOf(folder: string): Promise<StatsFs | undefined> {
  try {
    return await statfs(folder);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function gb(bytes: number): string {
  return (bytes / 1e9).toPrecision(3);
}
