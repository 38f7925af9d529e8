/** The demo's course: simulate, start services, spawn, watch, compare. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { AbsurdClient, type TaskView } from "@contimg/absurd";
import {
  listProducts,
  spawnChain,
  STAGES,
  stageTasks,
  type TileSize,
  validationPath,
} from "@contimg/pipeline";
import type pg from "pg";
import { z } from "zod";

import {
  compareTile,
  photometrySchema,
  summarize,
  type TileComparison,
  truthSchema,
  validationSchema,
} from "./compare.ts";
import type { TileRow } from "./live-view.ts";
import { type DemoReport, realTimeFactor, type StageReport, type TileReport } from "./report.ts";
import { startServices } from "../services.ts";
import { type DemoTile, simulateTiles, subbandFiles } from "./simulated-tiles.ts";
import { watchTiles, type WatchedTile } from "./watch.ts";

export interface DemoOptions {
  readonly dataRoot: string;
  readonly size: TileSize;
  readonly seed: number;
  readonly workerCount: number;
  readonly threadCount: number;
  readonly queue: string;
  /** Absent: an embedded PostgreSQL below the data root. */
  readonly databaseUrl: string | undefined;
  readonly signal: AbortSignal;
  readonly onSimulated: (label: string, doneCount: number) => void;
  readonly onState: (tiles: readonly TileRow[]) => void;
  /** The services stay until it ends; their database's address is for who looks at the result. */
  readonly onReport: (report: DemoReport, databaseUrl: string) => Promise<void>;
}

/** A task of the demo failed or was cancelled. */
export class DemoFailed extends Error {
  override readonly name = "DemoFailed";
}

const usageSchema = z.object({
  seconds: z.number(),
  cpu_seconds: z.number(),
  peak_rss_mib: z.number(),
});

const SHOWN_KINDS = new Set(["corrected-image", "preview"]);

/** @throws {DemoFailed} naming the tasks and why */
export async function runDemo(options: DemoOptions): Promise<void> {
  const tiles = await simulateTiles({ ...options, onFile: options.onSimulated });
  options.signal.throwIfAborted();
  const services = await startServices(options, options.databaseUrl);
  try {
    const client = new AbsurdClient(services.pool, {
      tasks: stageTasks(STAGES, { ...options, pool: services.pool }),
    });
    const watched = await spawnTiles(client, tiles, options.queue);
    const tasks = await Promise.race([
      watchTiles(client, services.pool, watched, options.onState, options.signal),
      services.workerEnded,
    ]);
    await client.close();
    assertCompleted(watched, tasks);
    await options.onReport(
      await report(options, tiles, watched, tasks, services.pool),
      services.databaseUrl,
    );
  } finally {
    await services.stop();
  }
}

/** A word of its own each run: what an earlier run made is made again and replaced. */
async function spawnTiles(
  client: AbsurdClient,
  tiles: readonly DemoTile[],
  queue: string,
): Promise<WatchedTile[]> {
  const revision = new Date().toISOString();
  const watched: WatchedTile[] = [];
  let solveTaskId: string | undefined;
  for (const tile of tiles) {
    const isCalibrator = tile.role === "calibrators";
    const chain = await spawnChain(client, isCalibrator ? "calibrator" : "target", tile.groupId, {
      queue,
      revision,
      priority: isCalibrator ? 1 : 0,
      params: {
        "convert-uvh5-to-ms": { input_paths: subbandFiles(tile) },
      },
      ...(solveTaskId === undefined ? {} : { solveTaskId }),
    });
    solveTaskId ??= chain.tasks.find(({ stage }) => stage === "calibration-solve")?.taskId;
    watched.push({ label: tile.label, groupId: tile.groupId, tasks: chain.tasks });
  }
  return watched;
}

function assertCompleted(
  tiles: readonly WatchedTile[],
  tasks: ReadonlyMap<string, TaskView>,
): void {
  const bad = tiles.flatMap((tile) =>
    tile.tasks.flatMap(({ stage, taskId }) => {
      const task = tasks.get(taskId);
      if (task?.status === "completed") return [];
      return [`${tile.label}, ${stage} ${task?.status ?? "lost"}: ${task?.error?.message ?? ""}`];
    }),
  );
  if (bad.length > 0) throw new DemoFailed(bad.join("\n"));
}

async function report(
  options: DemoOptions,
  tiles: readonly DemoTile[],
  watched: readonly WatchedTile[],
  tasks: ReadonlyMap<string, TaskView>,
  pool: pg.Pool,
): Promise<DemoReport> {
  const { dataRoot, size, seed } = options;
  const comparisons: TileComparison[] = [];
  const reports: TileReport[] = [];
  for (const [index, tile] of tiles.entries()) {
    const own = watched[index]!.tasks.map(({ stage, taskId }) => ({
      stage,
      task: tasks.get(taskId)!,
    }));
    reports.push(await reportTile(tile, own, dataRoot, pool));
    if (tile.role === "science") comparisons.push(compare(tile, own, dataRoot));
  }
  return {
    ...{ size, seed, dataRoot },
    tiles: reports,
    sources: comparisons.flatMap((comparison) => comparison.sources),
    summary: summarize(comparisons),
  };
}

interface StageTask {
  readonly stage: string;
  readonly task: TaskView;
}

function compare(tile: DemoTile, tasks: readonly StageTask[], dataRoot: string): TileComparison {
  const photometry = tasks.find(({ stage }) => stage === "photometry")?.task.result;
  const validation = join(dataRoot, validationPath(tile.groupId, "json"));
  return compareTile(
    truthSchema.parse(readJson(tile.truthPath)),
    photometrySchema.parse(photometry),
    validationSchema.parse(readJson(validation)),
  );
}

async function reportTile(
  tile: DemoTile,
  tasks: readonly StageTask[],
  dataRoot: string,
  pool: pg.Pool,
): Promise<TileReport> {
  const startMs = Math.min(...tasks.map(({ task }) => task.claimedAt!.getTime()));
  const endMs = Math.max(...tasks.map(({ task }) => task.completedAt!.getTime()));
  const seconds = (endMs - startMs) / 1000;
  const products = await listProducts(pool, { groupId: tile.groupId });
  return {
    ...{ label: tile.label, groupId: tile.groupId },
    ...{ seconds, realTimeFactor: realTimeFactor(seconds) },
    stages: Object.fromEntries(tasks.map(({ stage, task }) => [stage, reportStage(task)])),
    products: products
      .filter((product) => SHOWN_KINDS.has(product.kind))
      .map((product) => join(dataRoot, product.finalPath))
      .sort(),
  };
}

function reportStage(task: TaskView): StageReport {
  const usage = usageSchema.parse(task.result);
  return {
    seconds: usage.seconds,
    cpuSeconds: usage.cpu_seconds,
    peakRssMib: usage.peak_rss_mib,
    realTimeFactor: realTimeFactor(usage.seconds),
  };
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}
