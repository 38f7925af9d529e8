/**
 * The names of stage folders: each tells whether the run it belongs to is over.
 *
 * A task's run carries its fence, which the database knows to be alive or dead. A run by hand has
 * no lease and carries its process instead. A cluster's job outlives attempts and carries its task.
 */
import { hostname } from "node:os";

import { type ProcessIdentity, readIdentity } from "@contimg/absurd/process-tree";

const TASK_RUN = /^[0-9a-f-]{36}\.(?<fence>[0-9a-f-]+)$/;
const HAND_RUN = /^run_(?<host>.+)_(?<pid>\d+)_(?<ticks>\d+)_\d+$/;

const JOB = /^job_(?<taskId>.+)_\d+$/;

let handRunCount = 0;

export function runIdOfTask(taskId: string, fence: string): string {
  return `${taskId}.${fence}`;
}

export function runIdByHand(): string {
  const identity = readIdentity(process.pid);
  handRunCount += 1;
  return `run_${hostname()}_${process.pid}_${identity?.startTicks ?? "0"}_${handRunCount}`;
}

/** @returns undefined when the name is not that of a task's run */
export function fenceOfRun(runId: string): string | undefined {
  return TASK_RUN.exec(runId)?.groups?.["fence"];
}

/** The task whose run it is, or the run by hand itself: what a product calls its maker. */
export function makerOfRun(runId: string): string {
  return TASK_RUN.test(runId) ? runId.split(".")[0]! : runId;
}

/** @returns undefined when the name is not that of a run by hand */
export function processOfRun(runId: string): (ProcessIdentity & { host: string }) | undefined {
  const groups = HAND_RUN.exec(runId)?.groups;
  if (!groups) return undefined;
  return { host: groups["host"]!, pid: Number(groups["pid"]), startTicks: groups["ticks"]! };
}

/** The folder of a task's n-th job on a cluster; the run's own folder lies in it. */
export function jobFolderName(taskId: string, number: number): string {
  return `job_${taskId}_${number}`;
}

/** The task, or the run by hand, whose job's folder has the name; undefined for other names. */
export function makerOfJob(name: string): string | undefined {
  return JOB.exec(name)?.groups?.["taskId"];
}
