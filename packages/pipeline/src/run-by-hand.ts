/**
 * Runs one stage without a queue and publishes what it wrote: with a database like a task, except
 * that there is no task to complete; without one by renaming the files into place.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";

import type pg from "pg";

import { executeStage, lineageOf, resultWithUsage } from "./execute-stage.ts";
import { RunLedger } from "./keeping/run-ledger.ts";
import { FileLookup } from "./products/file-lookup.ts";
import { areaOfStage, stageFolder } from "./products/paths.ts";
import { place } from "./products/place.ts";
import { publish } from "./products/publish.ts";
import { ProductRegistry } from "./products/registry.ts";
import { runIdByHand } from "./products/run-id.ts";
import { syncTree } from "./products/sync-tree.ts";
import type { StageModule, StageRun } from "./run-stage.ts";
import type { Json, QualityVerdict } from "./stage.ts";

export interface HandRunOptions {
  readonly dataRoot: string;
  /** Registers the products; without it, files only. */
  readonly pool?: pg.Pool | undefined;
  readonly threadCount: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (fraction: number, note: string) => void;
  readonly onLog?: (line: string) => void;
}

export interface HandRun {
  /** The stage's result with seconds, cpu_seconds and peak_rss_mib. */
  readonly result: Json;
  readonly quality: QualityVerdict;
  readonly seconds: number;
  /** Absolute. */
  readonly paths: readonly string[];
}

/** @throws as executeStage and publish do; then nothing is left behind */
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
  if (pool && registry) {
    await publish(pool, {
      dataRoot,
      runId,
      stage: module.stage,
      params: executed.params,
      groupId: executed.groupId,
      inputs: lineageOf(executed, registry.found),
      result: executed.run,
      onLate: (error) => {
        throw error;
      },
    });
  } else {
    await publishFiles(dataRoot, stageFolder(areaOfStage(module.stage.name), runId), executed.run);
  }
  return {
    result: resultWithUsage(executed.run),
    quality: executed.run.quality,
    seconds: executed.run.seconds,
    paths: executed.run.outputs.map((output) => join(dataRoot, output.finalPath)),
  };
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
