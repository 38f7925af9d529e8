/**
 * Runs a site's executable in place of a stage's own code, and makes the stage's result of what it
 * wrote. In the stage's child process.
 *
 * The executable gets a request on standard input and writes the files that it names into the
 * stage folder. What it says of them is not believed: the stage's `adopt` opens every file with our
 * own readers and measures it, its gate judges, and we publish.
 */
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";

import { executable, type OutsideContext, TaskError } from "@contimg/absurd";
import { z } from "zod";

import { isPipelineErrorTag, PipelineError } from "../errors.ts";
import { fenceOfRun, makerOfRun } from "../products/run-id.ts";
import { exists } from "../products/place.ts";
import type { AnyStage, Json, RunContext, SiteReport, StageResult } from "../stage.ts";
import type { SiteExecutable } from "./site-config.ts";

/** Of the request; raised when a program of today would not understand one of tomorrow. */
const CONTRACT = 1;
const GIB = 2 ** 30;
/** Of the stage's progress, the executable's share; the rest is opening and measuring. */
const SHARE = 0.9;
const KILL_GRACE_SECONDS = 4;

const reportSchema = z
  .strictObject({
    metrics: z.record(z.string(), z.number()).default({}),
    findings: z.array(z.string()).default([]),
    /** Of the program, kept with the product. */
    version: z.string().optional(),
  })
  .nullable();

/** @throws {PipelineError} SiteStageFailed, SiteStageRefused, SiteOutputWrong, a tag of ours */
export async function runExecutable(
  stage: AnyStage,
  site: SiteExecutable,
  inputs: Json,
  context: RunContext,
): Promise<StageResult> {
  const part = stage.site;
  if (part === undefined) throw new Error(`stage ${stage.name} cannot be replaced`);
  const files = part.files(inputs);
  const request = {
    contract: CONTRACT,
    stage: stage.name,
    inputs,
    brief: part.brief?.(inputs) ?? null,
    stage_folder: context.stageFolder,
    files,
    thread_count: context.threadCount,
    memory_bytes: context.memoryBytes ?? null,
  };
  const report = toReport(stage, await run(stage, site, request, context), site);
  for (const { name, isRequired } of files) {
    if (!isRequired || (await exists(join(context.stageFolder, name)))) continue;
    const there = (await readdir(context.stageFolder)).join(", ") || "nothing";
    throw outputWrong(stage, site, `wrote no ${name}, but ${there}`);
  }
  context.progress(SHARE, "opening and measuring what was written");
  const made = await adopt(
    stage,
    site,
    async () => (await part.adopt(inputs, report, context)) as StageResult,
  );
  const { quality } = made;
  return {
    ...made,
    quality: {
      ...quality,
      findings: [...quality.findings, ...report.findings],
      // What we measured ourselves counts.
      metrics: { ...report.metrics, ...quality.metrics },
    },
    outputs: made.outputs.map((output) => ({
      ...output,
      metadata: { ...output.metadata, made_by: describe(site, report) },
    })),
  };
}

async function run(
  stage: AnyStage,
  site: SiteExecutable,
  request: unknown,
  context: RunContext,
): Promise<Json> {
  const { limits, timeout_seconds: timeoutSeconds } = site;
  const timeout =
    timeoutSeconds === undefined ? undefined : AbortSignal.timeout(1e3 * timeoutSeconds);
  const signal =
    timeout === undefined ? context.signal : AbortSignal.any([context.signal, timeout]);
  try {
    return await executable({
      command: site.command,
      args: site.arguments,
      env: site.environment,
      cwd: context.stageFolder,
      killGraceSeconds: KILL_GRACE_SECONDS,
      exitCodes: site.exit_codes,
      limits: {
        ...(limits.cpu_seconds !== undefined && { cpuSeconds: limits.cpu_seconds }),
        ...(limits.memory_gib !== undefined && { memoryBytes: limits.memory_gib * GIB }),
        ...(limits.file_gib !== undefined && { fileBytes: limits.file_gib * GIB }),
        ...(limits.open_files !== undefined && { openFiles: limits.open_files }),
        ...(limits.processes !== undefined && { processes: limits.processes }),
      },
    })(request, identityOf(stage, context, signal));
  } catch (error) {
    context.signal.throwIfAborted();
    if (timeout?.aborted) {
      throw new PipelineError(
        "SiteStageFailed",
        `${site.command} was stopped after ${timeoutSeconds ?? 0} s, its time limit`,
        { command: site.command, timeoutSeconds },
      );
    }
    throw error instanceof TaskError ? toPipelineError(stage, site, error) : error;
  }
}

/** For whom it works; a run by hand is a task of its own name, with no lease to lose. */
function identityOf(stage: AnyStage, context: RunContext, signal: AbortSignal): OutsideContext {
  const runId = basename(context.stageFolder);
  const say = (_fields: object, line: string): void => {
    process.stderr.write(`${line}\n`);
  };
  return {
    taskId: makerOfRun(runId),
    taskName: stage.name,
    attempt: context.attempt ?? 1,
    fence: fenceOfRun(runId) ?? runId,
    signal,
    log: { debug: say, info: say, warn: say, error: say },
    progress(fraction, note) {
      context.progress(SHARE * fraction, note);
    },
  };
}

/** A tag of ours keeps its meaning; of others, the class says whether trying again may help. */
function toPipelineError(stage: AnyStage, site: SiteExecutable, error: TaskError): PipelineError {
  const fields = { ...error.fields, command: site.command, site_tag: error.tag };
  const message = `stage ${stage.name}: ${error.message}`;
  if (error.tag === "CannotStart") return new PipelineError("MissingTool", message, fields);
  if (isPipelineErrorTag(error.tag)) return new PipelineError(error.tag, message, fields);
  const isHopeless = error.errorClass === "fatal" || error.errorClass === "validation";
  return new PipelineError(isHopeless ? "SiteStageRefused" : "SiteStageFailed", message, fields, {
    cause: error,
  });
}

function toReport(stage: AnyStage, result: Json, site: SiteExecutable): SiteReport {
  const parsed = reportSchema.safeParse(result);
  if (parsed.success) return parsed.data ?? { metrics: {}, findings: [] };
  const issues = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw outputWrong(stage, site, `said a result that is none: ${issues.join("; ")}`);
}

/** What our readers refuse is the executable's fault, whatever they call it. */
async function adopt(
  stage: AnyStage,
  site: SiteExecutable,
  work: () => Promise<StageResult>,
): Promise<StageResult> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PipelineError && error.tag !== "MalformedFile") throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw outputWrong(stage, site, `wrote what cannot be read: ${why}`, error);
  }
}

function outputWrong(
  stage: AnyStage,
  site: SiteExecutable,
  what: string,
  cause?: unknown,
): PipelineError {
  const message = `stage ${stage.name}: ${site.command} ${what}`;
  return new PipelineError("SiteOutputWrong", message, { command: site.command }, { cause });
}

function describe(site: SiteExecutable, { version }: SiteReport): string {
  return version === undefined ? site.command : `${site.command} ${version}`;
}
