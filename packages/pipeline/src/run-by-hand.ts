/**
 * Runs one stage without a queue and publishes what it wrote: with a database like a task, except
 * that there is no task to complete; without one by renaming the files into place.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";

import type pg from "pg";

import { PipelineError } from "./errors.ts";
import { type Executed, executeStage, lineageOf, resultWithUsage } from "./execute-stage.ts";
import { RunLedger } from "./keeping/run-ledger.ts";
import { FileLookup } from "./products/file-lookup.ts";
import { areaOfStage, stageFolder } from "./products/paths.ts";
import { place } from "./products/place.ts";
import { publish } from "./products/publish.ts";
import { ProductRegistry } from "./products/registry.ts";
import { runIdByHand } from "./products/run-id.ts";
import { syncTree } from "./products/sync-tree.ts";
import { type GateVerdict, judge, withFindings } from "./quality/gate.ts";
import { rejectionMessage } from "./quality/cases.ts";
import { remarksOf } from "./quality/gate-run.ts";
import { type Thresholds, THRESHOLDS } from "./quality/thresholds.ts";
import type { StageModule, StageRun } from "./run-stage.ts";
import type { Json } from "./stage.ts";

export interface HandRunOptions {
  readonly dataRoot: string;
  /** Registers the products; without it, files only. */
  readonly pool?: pg.Pool | undefined;
  readonly threadCount: number;
  /** Of the quality gates. Default: the telescope's own. */
  readonly thresholds?: Thresholds | undefined;
  readonly signal?: AbortSignal;
  readonly onProgress?: (fraction: number, note: string) => void;
  readonly onLog?: (line: string) => void;
}

export interface HandRun {
  /** The stage's result with seconds, cpu_seconds and peak_rss_mib. */
  readonly result: Json;
  /** A run that is held is published, but no stage finds its products before it is released. */
  readonly quality: GateVerdict & { readonly metrics: Readonly<Record<string, number>> };
  readonly seconds: number;
  /** Absolute. */
  readonly paths: readonly string[];
}

/**
 * @throws as executeStage and publish do; then nothing is left behind
 * @throws {PipelineError} QualityRejected when its gate rejects the run; nor then
 */
export async function runByHand(
  module: StageModule,
  params: unknown,
  options: HandRunOptions,
): Promise<HandRun> {
  const { dataRoot, pool } = options;
  const runId = runIdByHand();
  const registry = pool && new ProductRegistry(pool, dataRoot);
  const lookup = registry ?? new FileLookup(dataRoot);
  const ledger = pool && new RunLedger(pool, { dataRoot, runId });
  const executed = await executeStage(module, params, {
    ...options,
    runId,
    lookup,
    ...(ledger === undefined ? {} : { ledger }),
  });
  const publishRun = pool && registry ? publishRegistered : publishUnregistered;
  const gate = await publishRun({ ...options, module, executed, runId, registry });
  if (gate.verdict === "reject") throw rejected(module, executed, gate);
  const { verdict, findings } = gate;
  return {
    result: resultWithUsage(executed.run),
    quality: { verdict, findings, metrics: executed.run.quality.metrics },
    seconds: executed.run.seconds,
    paths: executed.run.outputs.map((output) => join(dataRoot, output.finalPath)),
  };
}

interface MadeByHand extends HandRunOptions {
  readonly module: StageModule;
  readonly executed: Executed;
  readonly runId: string;
  readonly registry: ProductRegistry | undefined;
}

function publishRegistered(made: MadeByHand): Promise<GateVerdict> {
  const { executed } = made;
  return publish(made.pool!, {
    dataRoot: made.dataRoot,
    runId: made.runId,
    stage: made.module.stage,
    params: executed.params,
    groupId: executed.groupId,
    inputs: lineageOf(executed, made.registry!.found),
    result: executed.run,
    thresholds: made.thresholds,
    onLate: (error) => {
      throw error;
    },
  });
}

/** Without a database there is no history, and nobody who could hold a product back. */
async function publishUnregistered(made: MadeByHand): Promise<GateVerdict> {
  const { dataRoot, module, executed, runId, thresholds = THRESHOLDS } = made;
  const { quality } = executed.run;
  const gate = withFindings([
    ...judge(module.stage.name, quality.metrics, thresholds).findings,
    ...remarksOf(quality),
  ]);
  const folder = stageFolder(areaOfStage(module.stage.name), runId);
  if (gate.verdict !== "reject") await publishFiles(dataRoot, folder, executed.run);
  else await rm(join(dataRoot, folder), { recursive: true, force: true });
  return gate;
}

function rejected(module: StageModule, { groupId }: Executed, gate: GateVerdict): PipelineError {
  const { findings } = gate;
  const stage = module.stage.name;
  const message = rejectionMessage({ stage, groupId, findings });
  return new PipelineError("QualityRejected", message, { stage, groupId, findings });
}

async function publishFiles(dataRoot: string, folder: string, run: StageRun): Promise<void> {
  const folderPath = join(dataRoot, folder);
  try {
    await syncTree(folderPath);
    for (const [index, output] of run.outputs.entries()) {
      const aside = await place(dataRoot, {
        productId: `${folder.split("/").at(-1) ?? ""}_${index}`,
        stagePath: `${folder}/${output.stagePath}`,
        finalPath: output.finalPath,
      });
      if (aside !== undefined) await rm(aside, { recursive: true, force: true });
    }
  } finally {
    await rm(folderPath, { recursive: true, force: true });
  }
}
