/**
 * One run of a stage, the same for a queue and for the command line: params to inputs, preflight,
 * a fresh stage folder, the run in its own process. Publishing what it wrote is the next step.
 *
 * When it fails, nothing that it wrote stays.
 */
import { mkdir, rm } from "node:fs/promises";
import { join, relative } from "node:path";

import { z } from "zod";

import { PipelineError, withScene } from "./errors.ts";
import { blameDisk, type Needed, pathsIn, preflight } from "./preflight.ts";
import { areaOfStage, isGroupId, stageFolder } from "./products/paths.ts";
import { runWithin } from "./keeping/run-within.ts";
import type { RunLedger } from "./keeping/run-ledger.ts";
import type { RunInput } from "./products/registry.ts";
import { runStageProcess, type StageModule, type StageRun } from "./run-stage.ts";
import { type JobKeeper, runAsJob } from "./site/slurm-job.ts";
import type { AnyStage, Json, ProductLookup } from "./stage.ts";

export interface Execution {
  /** Names the stage folder: one attempt of one task, or one run by hand. */
  readonly runId: string;
  readonly lookup: ProductLookup;
  readonly threadCount: number;
  /** Of the task. */
  readonly attempt?: number;
  readonly signal?: AbortSignal;
  /** Of the task, for stages that run as jobs of a cluster. */
  readonly jobs?: JobKeeper;
  /** Reserves what the run takes and records what it took; without a database there is none. */
  readonly ledger?: RunLedger;
  readonly onProgress?: (fraction: number, note: string) => void;
  readonly onLog?: (line: string) => void;
  /** Default: the group's id. */
  readonly correlationId?: string | undefined;
}

export interface Executed {
  readonly params: unknown;
  readonly groupId: string;
  /** Absolute paths below the data root are given relative to it. */
  readonly inputPaths: readonly string[];
  readonly run: StageRun;
}

const groupSchema = z.looseObject({ group_id: z.string().refine(isGroupId) });

/**
 * @throws {z.ZodError} when the params do not fit
 * @throws {PipelineError} what resolve, preflight or the run refused, with the scene in its fields
 */
export async function executeStage(
  module: StageModule,
  rawParams: unknown,
  execution: Execution,
): Promise<Executed> {
  const { stage } = module;
  const params: unknown = stage.params.parse(rawParams);
  const { group_id: groupId } = groupSchema.parse(params);
  const { correlationId = groupId } = execution;
  let inputs: unknown = params;
  try {
    inputs = await stage.resolve(params, execution.lookup);
    return await executeWith(module, { params, groupId, inputs: inputs as Json }, execution);
  } catch (error) {
    // Who stopped it knows where; the reason may be that of other runs, too.
    if (execution.signal?.aborted) throw error;
    throw withScene(error, { stage: stage.name, groupId, correlationId, inputs });
  }
}

/** A site's executable may take more than our own code: what it is allowed to have is reserved. */
function withSiteMemory(needed: Needed, site: StageModule["site"]): Needed {
  const memoryBytes = (site?.executable?.limits.memory_gib ?? 0) * 2 ** 30;
  return { ...needed, memoryBytes: Math.max(needed.memoryBytes, memoryBytes) };
}

async function executeWith(
  module: StageModule,
  resolved: { readonly params: unknown; readonly groupId: string; readonly inputs: Json },
  execution: Execution,
): Promise<Executed> {
  const { stage } = module;
  const { params, groupId, inputs } = resolved;
  const { dataRoot } = execution.lookup;
  const folder = join(dataRoot, stageFolder(areaOfStage(stage.name), execution.runId));
  await mkdir(folder, { recursive: true });
  try {
    const needed = withSiteMemory(await preflight(stage, inputs, folder), module.site);
    const begin = {
      stage: stage.name,
      groupId,
      folder,
      needs: needed,
      diskBytes: needed.diskBytes,
    };
    const options = { stageFolder: folder, ...execution };
    const slurm = module.site?.slurm;
    const run =
      slurm === undefined
        ? await runWithin(execution.ledger, begin, (memory) =>
            runStageProcess(module, inputs, { ...options, ...memory }),
          )
        : await runAsJob(module, inputs, {
            ...options,
            settings: slurm,
            keeper: execution.jobs ?? jobsByHand(execution.runId),
            memoryBytes: needed.memoryBytes,
          });
    return { params, groupId, inputPaths: pathsIn(inputs).map((p) => below(dataRoot, p)), run };
  } catch (error) {
    const stopped = execution.signal?.aborted ?? false;
    const blamed = stopped ? error : await blameDisk(error, folder, stage.outputBytes(inputs));
    await rm(folder, { recursive: true, force: true });
    throw blamed;
  }
}

/** A run by hand lives once: nothing is kept. */
function jobsByHand(runId: string): JobKeeper {
  return { taskId: runId, step: (_name, work) => work() };
}

/** The inputs of a run with the products they are, as far as the registry was asked for them. */
export function lineageOf(executed: Executed, found: readonly RunInput[]): RunInput[] {
  const productIds = new Map(found.map((input) => [input.path, input.productId]));
  const paths = new Set([...executed.inputPaths, ...productIds.keys()]);
  return [...paths].map((path) => ({ path, productId: productIds.get(path) ?? null }));
}

/** What is kept as a task's result: the stage's own words and what the run cost. */
export function resultWithUsage(run: StageRun): Json {
  const own = typeof run.result === "object" && run.result !== null ? run.result : {};
  return {
    ...(Array.isArray(own) ? { values: own } : own),
    seconds: round(run.seconds),
    cpu_seconds: round(run.cpuSeconds),
    peak_rss_mib: Math.round(run.peakRssMib),
  };
}

function below(dataRoot: string, path: string): string {
  const inside = relative(dataRoot, path);
  return inside.startsWith("..") ? path : inside;
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

export function stageOf(stages: readonly StageModule[], name: string): StageModule {
  const module = stages.find(({ stage }: { stage: AnyStage }) => stage.name === name);
  if (module) return module;
  const known = stages.map(({ stage }) => stage.name).join(", ");
  throw new PipelineError("InvalidParams", `no stage is named "${name}"; there are ${known}`, {
    name,
  });
}
