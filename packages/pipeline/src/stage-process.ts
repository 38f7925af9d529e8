/**
 * The child process of one stage run: reads a request, runs the stage, reports.
 *
 * It knows no database and no queue. It ends when its work ends, when it gets SIGTERM and the
 * stage gives way, or when its parent dies: then at once, with every tool it has started. As a
 * cluster's job it has no such parent, and is told so.
 */
import { text } from "node:stream/consumers";
import { Worker } from "node:worker_threads";

import { PipelineError } from "./errors.ts";
import { cpuSeconds } from "@contimg/absurd/process-tree";
import { runExecutable } from "./site/run-executable.ts";
import type { AnyStage, Json, RunContext } from "./stage.ts";
import {
  NO_LIFELINE,
  type StageError,
  type StageMessage,
  type StageRequest,
  stageRequestSchema,
  stageResultSchema,
} from "./stage-messages.ts";

const KIB_PER_MIB = 1024;

async function main(): Promise<void> {
  // Its own thread: a long native call must not keep the parent's death from being noticed.
  if (!process.argv.includes(NO_LIFELINE)) {
    new Worker(new URL("./stage-lifeline.ts", import.meta.url)).unref();
  }
  let last: StageMessage;
  try {
    last = await runRequest(stageRequestSchema.parse(JSON.parse(await text(process.stdin))));
  } catch (error) {
    last = { type: "error", error: toStageError(error) };
  }
  // A stage that forgot a timer or a thread must not keep the process from ending.
  process.stdout.write(JSON.stringify(last) + "\n", () => process.exit(0));
}

async function runRequest(request: StageRequest): Promise<StageMessage> {
  const abort = new AbortController();
  process.once("SIGTERM", () => {
    abort.abort(new Error("stopped by SIGTERM"));
  });
  const stage = await loadStage(request);
  const context: RunContext = {
    stageFolder: request.stage_folder,
    signal: abort.signal,
    threadCount: request.thread_count,
    attempt: request.attempt,
    memoryBytes: request.memory_bytes ?? undefined,
    progress(fraction, note) {
      process.stdout.write(JSON.stringify({ type: "progress", fraction, note }) + "\n");
    },
  };
  const { executable, inputs } = request;
  const result =
    executable === null
      ? await stage.run(inputs, context)
      : await runExecutable(stage, executable, inputs, context);
  return {
    type: "result",
    result: stageResultSchema.parse(result),
    cpu_seconds: cpuSeconds(process.pid),
    peak_rss_mib: process.resourceUsage().maxRSS / KIB_PER_MIB,
  };
}

async function loadStage(request: StageRequest): Promise<AnyStage> {
  const exported: unknown = await import(request.module);
  for (const candidate of Object.values(exported ?? {}) as unknown[]) {
    if (isStage(candidate) && candidate.name === request.stage) return candidate;
  }
  throw new Error(`${request.module} exports no stage named "${request.stage}"`);
}

function isStage(value: unknown): value is AnyStage {
  return (
    typeof value === "object" &&
    value !== null &&
    "name" in value &&
    "run" in value &&
    typeof value.run === "function"
  );
}

function toStageError(error: unknown): StageError {
  if (!(error instanceof Error)) {
    return { tag: null, name: "Error", message: String(error), fields: {}, stack: null };
  }
  return {
    tag: error instanceof PipelineError ? error.tag : null,
    name: error.name,
    message: error.message,
    fields: error instanceof PipelineError ? toJson(error.fields) : systemErrorFields(error),
    stack: stackWithCauses(error),
  };
}

/** Node puts the errno name and the path on system errors; the parent tells ENOSPC by them. */
function systemErrorFields(error: Error): Record<string, Json> {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ("code" in at && typeof at.code === "string") {
      return { code: at.code, ...("path" in at ? { path: String(at.path) } : {}) };
    }
  }
  return {};
}

function stackWithCauses(error: Error): string {
  const stacks: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    stacks.push(at.stack ?? at.message);
  }
  return stacks.join("\ncaused by ");
}

/** Fields are for people and queries: what JSON cannot carry becomes text. */
function toJson(fields: Readonly<Record<string, unknown>>): Record<string, Json> {
  const text = JSON.stringify(fields, (_key, value: unknown) =>
    typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value))
      ? String(value)
      : value,
  );
  // JSON.stringify of a plain object gives a JSON object.
  return JSON.parse(text) as Record<string, Json>;
}

await main();
