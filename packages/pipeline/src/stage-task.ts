/**
 * Stages as tasks: what the engine's worker calls for each.
 *
 * The task completes in the transaction that registers its products, so a worker that has lost its
 * lease publishes nothing.
 */
import {
  type AnyTask,
  defineTask,
  type ErrorClass,
  isTransient,
  LeaseLost,
  type TaskContext,
  TaskError,
} from "@contimg/absurd";
import type pg from "pg";
import { z } from "zod";

import { entryOf, PipelineError } from "./errors.ts";
import { executeStage, lineageOf, resultWithUsage } from "./execute-stage.ts";
import type { Machine } from "./keeping/machine.ts";
import { RunLedger } from "./keeping/run-ledger.ts";
import { publish } from "./products/publish.ts";
import { ProductRegistry } from "./products/registry.ts";
import { runIdOfTask } from "./products/run-id.ts";
import { CommitUncertain } from "./products/transaction.ts";
import { resume } from "./quality/resume.ts";
import type { Thresholds } from "./quality/thresholds.ts";
import { holdingForCalibration } from "./registry/hold.ts";
import { settleSolved } from "./registry/settle.ts";
import type { StageModule } from "./run-stage.ts";
import { calibrationSolveStage } from "./stages/calibration-solve.ts";

export interface StageTaskOptions {
  readonly pool: pg.Pool;
  readonly dataRoot: string;
  /** Threads of one stage. */
  readonly threadCount: number;
  readonly queue?: string;
  /** Of the quality gates. Default: the telescope's own. */
  readonly thresholds?: Thresholds | undefined;
  /** What this worker may use. Default: the machine as it is. */
  readonly machine?: Machine | undefined;
}

/** The verdict on what a stage's task threw. A bug is fatal: trying again would only repeat it. */
export function classifyStageError(error: unknown): ErrorClass {
  if (error instanceof PipelineError) return entryOf(error).class;
  if (error instanceof TaskError) return error.errorClass;
  if (error instanceof z.ZodError) return "validation";
  if (error instanceof CommitUncertain) return "retryable";
  return isTransient(error) && !isFileError(error) ? "retryable" : "fatal";
}

/** ENOENT is a database's socket that is away, or a file that a stage should have checked. */
function isFileError(error: unknown): boolean {
  return error instanceof Error && "path" in error && !("address" in error);
}

export function stageTasks(modules: readonly StageModule[], options: StageTaskOptions): AnyTask[] {
  return modules.map((module) => stageTask(module, options));
}

export function stageTask(module: StageModule, options: StageTaskOptions): AnyTask {
  const { stage } = module;
  return defineTask({
    name: stage.name,
    params: stage.params,
    ...(options.queue === undefined ? {} : { queue: options.queue }),
    handler: async (params, context) => {
      await holdingForCalibration(options.pool, context, () =>
        runAsTask(module, params, context, options),
      );
      if (stage.name === calibrationSolveStage.name) await settleSolved(options, context);
    },
  });
}

async function runAsTask(
  module: StageModule,
  params: unknown,
  context: TaskContext,
  options: StageTaskOptions,
): Promise<void> {
  const { pool, dataRoot, threadCount, thresholds } = options;
  const resumed = await resume(pool, context);
  if (resumed === "over") throw endedByGate();
  if (resumed === "completed") return;
  const correlationId = await readCorrelationId(pool, context.taskId);
  const lookup = new ProductRegistry(pool, dataRoot);
  const runId = runIdOfTask(context.taskId, context.fence);
  const executed = await executeStage(module, params, {
    runId,
    lookup,
    threadCount,
    attempt: context.attempt,
    jobs: { taskId: context.taskId, step: (name, work) => context.step(name, work) },
    ledger: new RunLedger(pool, { dataRoot, runId, task: context, machine: options.machine }),
    signal: context.signal,
    correlationId,
    onProgress: (fraction, note) => {
      context.progress(fraction, note);
    },
    onLog: (line) => {
      context.log.debug({ taskId: context.taskId }, line);
    },
  });
  const result = resultWithUsage(executed.run);
  const published = await publish(pool, {
    dataRoot,
    runId,
    stage: module.stage,
    params: executed.params,
    groupId: executed.groupId,
    inputs: lineageOf(executed, lookup.found),
    result: executed.run,
    thresholds,
    task: {
      taskId: context.taskId,
      attempt: context.attempt,
      fence: context.fence,
      result,
      completeIn: (client) => context.completeIn(client, result),
    },
    onLate: (error) => {
      context.log.warn({ taskId: context.taskId, error }, "published files are late");
    },
  });
  if (published.ending !== "completed") throw endedByGate();
}

async function readCorrelationId(pool: pg.Pool, taskId: string): Promise<string | undefined> {
  const { rows } = await pool.query<{ correlation_id: string | null }>(
    "select correlation_id from absurd.tasks where task_id = $1",
    [taskId],
  );
  return rows[0]?.correlation_id ?? undefined;
}

/**
 * The gate has failed or suspended the task in its transaction, and the lease went with it: this is
 * what the engine calls an attempt that may report nothing any more.
 */
function endedByGate(): LeaseLost {
  return new LeaseLost("the quality gate ended the attempt");
}
