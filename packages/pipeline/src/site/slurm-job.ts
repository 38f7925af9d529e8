/**
 * A stage's run as a job of a Slurm cluster that shares the data root's file system.
 *
 * The job runs the same process as a worker would (stage-process.ts, with a site's executable or
 * without), reads its request from a file and writes its messages into another. What always holds:
 * - a job belongs to a task, not to an attempt: its id is kept as a step, so that the attempt after
 *   a worker's death goes on looking at the same job;
 * - between sbatch and the step's record lies a moment in which a worker may die: jobs have names
 *   that follow from the task, and one of that name is taken over in place of submitting again;
 * - if two were submitted all the same, the one that did not write the job's folder last ends at
 *   once;
 * - cancelling the task, its time-out and its deadline cancel the job, a stop does not.
 */
import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { LeaseLost, ShuttingDown } from "@contimg/absurd";

import { PipelineError } from "../errors.ts";
import { isOutOfMemory } from "../keeping/out-of-memory.ts";
import { exists } from "../products/place.ts";
import { jobFolderName } from "../products/run-id.ts";
import {
  resultOf,
  STAGE_PROCESS,
  type StageModule,
  type StageRun,
  toRequest,
} from "../run-stage.ts";
import type { Json } from "../stage.ts";
import { NO_LIFELINE, parseStageMessage, type StageMessage } from "../stage-messages.ts";
import { cancelJob, findJob, type JobStand, submitJob } from "./slurm.ts";
import type { SlurmSettings } from "./site-config.ts";

/** Keeps what was done for the task, through attempts. */
export interface JobKeeper {
  readonly taskId: string;
  step<T>(name: string, work: () => Promise<T>): Promise<T>;
}

export interface JobOptions {
  readonly settings: SlurmSettings;
  readonly keeper: JobKeeper;
  /** Absolute; where the run's files are to be in the end. */
  readonly stageFolder: string;
  readonly threadCount: number;
  readonly attempt?: number | undefined;
  /** What the stage states that it takes. */
  readonly memoryBytes: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (fraction: number, note: string) => void;
  readonly onLog?: (line: string) => void;
}

/** As it is kept with the task. */
interface Job {
  readonly job_id: string;
  readonly name: string;
  /** Absolute. */
  readonly folder: string;
  readonly submitted_unix_ms: number;
}

interface JobEnd {
  readonly stand: JobStand;
  readonly state: string;
}

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const LOG_TAIL_LINES = 20;
/** Slurm kills by these words when it watches memory without control groups. */
const SLURM_OUT_OF_MEMORY = /exceeded (?:\w+ )?memory limit|oom[- _]?kill/i;

/** @throws {PipelineError} the stage's own, OutOfMemory, JobTimedOut, JobLost, ClusterAway */
export async function runAsJob(
  module: StageModule,
  inputs: Json,
  options: JobOptions,
): Promise<StageRun> {
  const ends: JobEnd[] = [];
  for (;;) {
    options.signal?.throwIfAborted();
    const number = ends.length + 1;
    const own: Job[] = [];
    const job = await options.keeper.step(`slurm job ${number}`, async () => {
      const submitted = await submit(module, inputs, options, ends);
      own.push(submitted);
      return submitted;
    });
    const isOurs = own.length > 0;
    if (!isOurs) options.onLog?.(`looking at job ${job.job_id} again`);
    const end = await options.keeper.step(`slurm end ${number}`, () => watch(job, options));
    ends.push(end);
    // A job of an earlier attempt that came to nothing has cost that attempt; this one has its own.
    if (end.stand !== "completed" && !isOurs) continue;
    if (end.stand !== "completed") throw await failureOf(module, job, end);
    // Gone: an earlier attempt took the files, and could not publish them.
    if (!(await exists(join(job.folder, "messages.jsonl")))) continue;
    return await collect(module, job, options);
  }
}

async function submit(
  module: StageModule,
  inputs: Json,
  options: JobOptions,
  ends: readonly JobEnd[],
): Promise<Job> {
  const { keeper, settings, stageFolder } = options;
  const number = ends.length + 1;
  const folder = join(dirname(stageFolder), jobFolderName(keeper.taskId, number));
  const name = `contimg-${module.stage.name}-${keeper.taskId}-${number}`;
  const known = await findJob(name);
  if (known !== undefined && (await exists(folder))) {
    return { job_id: known.jobId, name, folder, submitted_unix_ms: Date.now() };
  }
  await rm(folder, { recursive: true, force: true });
  // By its name a stage knows for whom it works.
  const files = join(folder, basename(stageFolder));
  await mkdir(files, { recursive: true });
  const doubled = (stand: JobStand): number =>
    2 ** ends.filter((end) => end.stand === stand).length;
  const { memory_gib: memoryGib } = settings;
  const stated = memoryGib === undefined ? options.memoryBytes : memoryGib * GIB;
  const memoryBytes = stated * doubled("out-of-memory");
  const request = toRequest(module, inputs, { ...options, memoryBytes, stageFolder: files });
  await writeFile(join(folder, "request.json"), JSON.stringify(request));
  const script = await writeScript(folder);
  const jobId = await submitJob([
    `--job-name=${name}`,
    ...["--no-requeue", `--chdir=${folder}`, `--output=${join(folder, "log.txt")}`],
    ...["--nodes=1", "--ntasks=1", `--cpus-per-task=${options.threadCount}`],
    `--mem=${Math.ceil(memoryBytes / MIB)}M`,
    `--time=${settings.time_limit_minutes * doubled("out-of-time")}`,
    ...(settings.partition === undefined ? [] : [`--partition=${settings.partition}`]),
    ...(settings.account === undefined ? [] : [`--account=${settings.account}`]),
    ...settings.arguments,
    script,
  ]);
  options.onLog?.(`submitted job ${jobId}`);
  return { job_id: jobId, name, folder, submitted_unix_ms: Date.now() };
}

/** Slurm copies the script: a job whose folder was written anew finds another word. */
async function writeScript(folder: string): Promise<string> {
  const submission = randomUUID();
  await writeFile(join(folder, "submission"), submission);
  const words = [process.execPath, STAGE_PROCESS, NO_LIFELINE].map(quoted).join(" ");
  const path = join(folder, "job.sh");
  await writeFile(
    path,
    `#!/bin/sh
[ "$(cat submission)" = "${submission}" ] || exit 0
exec ${words} < request.json > messages.jsonl
`,
  );
  return path;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Looks until the job has ended, and passes its progress on. */
async function watch(job: Job, options: JobOptions): Promise<JobEnd> {
  const { settings, signal } = options;
  const messages = new MessageFile(join(job.folder, "messages.jsonl"));
  let heardMs = Date.now();
  let away: Error | undefined;
  try {
    for (;;) {
      const view = await findJob(job.name).catch((error: unknown) => {
        away = error instanceof Error ? error : new Error(String(error));
        return undefined;
      });
      for (const message of await messages.read()) {
        if (message.type === "progress") options.onProgress?.(message.fraction, message.note);
      }
      if (view !== undefined) {
        heardMs = Date.now();
        away = undefined;
        if (view.stand !== "under-way") return await withWords(job, view);
      } else if (Date.now() - heardMs > 1000 * settings.silence_seconds) {
        if (away !== undefined) throw away;
        // Forgotten by Slurm: what it wrote in the end tells.
        const isDone = messages.hasEnded;
        return { stand: isDone ? "completed" : "lost", state: "unknown to Slurm" };
      }
      await sleep(1000 * settings.poll_seconds, undefined, { signal });
    }
  } catch (error) {
    if (signal?.aborted && isForGood(signal.reason)) await cancelJob(job.job_id);
    signal?.throwIfAborted();
    throw error;
  }
}

/** Whoever stops for these goes on elsewhere, with the same job. */
function isForGood(reason: unknown): boolean {
  return !(reason instanceof ShuttingDown || reason instanceof LeaseLost);
}

/** Slurm calls a job that it killed for its memory cancelled or failed, and says so in its log. */
async function withWords(job: Job, { stand, state }: JobEnd): Promise<JobEnd> {
  if (stand !== "failed" && stand !== "cancelled") return { stand, state };
  const log = (await readLog(job)).join("\n");
  return { stand: SLURM_OUT_OF_MEMORY.test(log) ? "out-of-memory" : stand, state };
}

async function collect(module: StageModule, job: Job, options: JobOptions): Promise<StageRun> {
  const { stageFolder } = options;
  try {
    const messages = new MessageFile(join(job.folder, "messages.jsonl"));
    await messages.read();
    const outcome = { last: messages.last, exitCode: 0, killedBy: null };
    const logTail = await readLog(job);
    const { result, ...used } = resultOf({ ...outcome, logTail }, module.stage.name);
    const [files] = await filesOf(job);
    await rm(stageFolder, { recursive: true, force: true });
    await rename(join(job.folder, files!), stageFolder);
    return {
      ...result,
      seconds: (Date.now() - job.submitted_unix_ms) / 1000,
      cpuSeconds: used.cpu_seconds,
      peakRssMib: used.peak_rss_mib,
    };
  } finally {
    await rm(job.folder, { recursive: true, force: true });
  }
}

/** The stage's files, in the folder that is named after the attempt which submitted the job. */
async function filesOf(job: Job): Promise<string[]> {
  const text = await readFile(join(job.folder, "request.json"), "utf8");
  const { stage_folder: path } = JSON.parse(text) as { stage_folder: string };
  return [basename(path)];
}

async function failureOf(module: StageModule, job: Job, end: JobEnd): Promise<PipelineError> {
  const stage = module.stage.name;
  const logTail = await readLog(job);
  const fields = { stage, jobId: job.job_id, state: end.state, logTail };
  const said = `job ${job.job_id} of stage ${stage} ended as ${end.state}`;
  await rm(job.folder, { recursive: true, force: true });
  switch (end.stand) {
    case "out-of-memory":
      return new PipelineError(
        "OutOfMemory",
        `${said}; the next job asks for twice as much`,
        fields,
      );
    case "out-of-time":
      return new PipelineError(
        "JobTimedOut",
        `${said}; the next job asks for twice as long`,
        fields,
      );
    case "failed": {
      const crashed = new PipelineError("StageCrashed", said, fields);
      return isOutOfMemory(crashed, 0) ? new PipelineError("OutOfMemory", said, fields) : crashed;
    }
    case "cancelled":
    case "completed":
    case "lost":
    case "under-way":
      return new PipelineError("JobLost", said, fields);
  }
}

async function readLog(job: Job): Promise<string[]> {
  try {
    const text = await readFile(join(job.folder, "log.txt"), "utf8");
    return text.trimEnd().split("\n").slice(-LOG_TAIL_LINES);
  } catch {
    return []; // It never began, or its folder is gone.
  }
}

/** The messages of a job, as far as they were written. */
class MessageFile {
  readonly #path: string;
  #offset = 0;
  #rest = "";
  last: Exclude<StageMessage, { type: "progress" }> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  get hasEnded(): boolean {
    return this.last !== undefined;
  }

  /** Those that have come since the last call. */
  async read(): Promise<StageMessage[]> {
    this.#rest += await this.#readMore();
    const lines = this.#rest.split("\n");
    this.#rest = lines.pop() ?? "";
    const messages = lines.flatMap((line) => parseStageMessage(line) ?? []);
    for (const message of messages) if (message.type !== "progress") this.last = message;
    return messages;
  }

  async #readMore(): Promise<string> {
    if (!(await exists(this.#path))) return "";
    await using file = await open(this.#path, "r");
    const { size } = await file.stat();
    if (size <= this.#offset) return "";
    const buffer = Buffer.alloc(size - this.#offset);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, this.#offset);
    this.#offset += bytesRead;
    return buffer.toString("utf8", 0, bytesRead);
  }
}
