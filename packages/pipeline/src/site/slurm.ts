/**
 * Slurm's commands: submit, look, cancel. What a state of a job means is one table.
 */
import { setTimeout as sleep } from "node:timers/promises";

import { PipelineError } from "../errors.ts";
import { WITHHELD_VARIABLES } from "../run-stage.ts";
import { runProgram } from "../tools/run-program.ts";

const SLURM_PACKAGE = "slurm-client";
const COMMAND_SECONDS = 60;

/** How a job stands, in our words. */
export type JobStand =
  /** Waiting, running, or on its way from one to the other. */
  | "under-way"
  | "completed"
  /** It ran out of what it had. */
  | "out-of-memory"
  | "out-of-time"
  /** Not the job's fault: its node failed, somebody with more right took it. */
  | "lost"
  /** Somebody cancelled it. */
  | "cancelled"
  /** Its command ended with another exit code than 0, or by a signal. */
  | "failed";

/** squeue(1), JOB STATE CODES; a state that is not here is a new one that we wait through. */
const STANDS: Readonly<Record<string, JobStand>> = {
  COMPLETED: "completed",
  OUT_OF_MEMORY: "out-of-memory",
  TIMEOUT: "out-of-time",
  DEADLINE: "out-of-time",
  NODE_FAIL: "lost",
  BOOT_FAIL: "lost",
  PREEMPTED: "lost",
  REVOKED: "lost",
  CANCELLED: "cancelled",
  FAILED: "failed",
};

export interface JobView {
  readonly jobId: string;
  readonly stand: JobStand;
  /** Slurm's own word, with its reason. */
  readonly state: string;
}

/** @param text lines of "id|STATE|reason"; sacct says "CANCELLED by 0" */
export function parseJobs(text: readonly string[]): JobView[] {
  return text.flatMap((line) => {
    const [jobId = "", word = "", reason = ""] = line.trim().split("|");
    if (!/^\d+$/.test(jobId) || word === "") return [];
    const stand = STANDS[word.split(" ")[0]!] ?? "under-way";
    const isSilent = reason === "" || reason === "None";
    return [{ jobId, stand, state: isSilent ? word : `${word} (${reason})` }];
  });
}

/** @throws {PipelineError} ClusterAway, MissingTool @returns the job's id */
export async function submitJob(words: readonly string[]): Promise<string> {
  const lines = await slurm("sbatch", ["--parsable", ...words]);
  const jobId = /^(\d+)(;|$)/.exec(lines.at(-1) ?? "")?.[1];
  if (jobId !== undefined) return jobId;
  throw new PipelineError("ClusterAway", `sbatch said no job id, but "${lines.join(" ")}"`, {});
}

/**
 * The last job of a name, as the controller knows it; finished ones it forgets after a while, and
 * then accounting tells, where there is any.
 * @throws {PipelineError} ClusterAway, MissingTool
 */
export async function findJob(name: string): Promise<JobView | undefined> {
  const queued = await slurm("squeue", [
    ...["--noheader", "--states=all", `--name=${name}`, "--format=%i|%T|%r"],
  ]);
  const known = parseJobs(queued);
  if (known.length > 0) return latest(known);
  const words = ["--noheader", "--parsable2", "--allocations", `--name=${name}`];
  const past = await slurm("sacct", [...words, "--format=JobIDRaw,State"]).catch(
    (error: unknown) => {
      // Many clusters keep no accounting; that is no answer, and no failure either.
      if (error instanceof PipelineError) return [];
      throw error;
    },
  );
  return latest(parseJobs(past));
}

function latest(jobs: readonly JobView[]): JobView | undefined {
  return jobs.toSorted((a, b) => Number(b.jobId) - Number(a.jobId))[0];
}

/** Tries a few times: nobody looks after the job any more when this has failed. */
export async function cancelJob(jobId: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await slurm("scancel", [jobId]);
      return;
    } catch (error) {
      if (tries === 3) throw error;
      await sleep(1000);
    }
  }
}

async function slurm(program: string, words: readonly string[]): Promise<readonly string[]> {
  // Slurm gives the caller's environment to the job, which has no business with the database.
  const withheld = Object.fromEntries(WITHHELD_VARIABLES.map((name) => [name, undefined]));
  const lines: string[] = [];
  const end = await runProgram({
    program,
    arguments: words,
    debianPackage: SLURM_PACKAGE,
    environment: withheld,
    timeoutSeconds: COMMAND_SECONDS,
    onLine: (line) => lines.push(line),
  }).catch((error: unknown) => {
    // On time-out it is the controller that does not answer.
    if (!(error instanceof PipelineError && error.tag === "ToolFailed")) throw error;
    throw new PipelineError("ClusterAway", error.message, { program }, { cause: error });
  });
  if (end.exitCode === 0) return lines;
  const said = end.errorTail.at(-1) ?? "nothing";
  const message = `${program} ended with exit code ${end.exitCode ?? "?"} and said: ${said}`;
  throw new PipelineError("ClusterAway", message, { program, errorTail: end.errorTail });
}
