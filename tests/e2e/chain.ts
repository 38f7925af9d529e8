/** A calibrator and a science tile for whole-system tests: data, spawning, worker processes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

import { AbsurdClient, type TaskView } from "@contimg/absurd";
import {
  demoScenario,
  groupIdOf,
  referenceCatalogPath,
  simulateGroup,
  spawnChain,
  STAGES,
  stageTasks,
} from "@contimg/pipeline";
import type pg from "pg";

const CONTIMG = resolve(import.meta.dirname, "../../packages/cli/src/contimg.ts");
const QUEUE = "e2e";
/** Seconds: what a crash costs in these tests. */
const LEASE_SECONDS = 3;
/** Fewer pixels than usual: a third of the field, imaged in seconds. */
const IMAGING = { pixel_count: 1536, iterations_max: 3000 };

export interface SimulatedPair {
  readonly calibratorId: string;
  readonly scienceId: string;
  readonly sciencePaths: readonly string[];
  readonly calibratorPaths: readonly string[];
  readonly catalogPath: string;
}

/** Writes both groups below `folder`; the same bytes every time. */
export async function simulatePair(folder: string): Promise<SimulatedPair> {
  const scenario = demoScenario("small", 3);
  const [calibrator, science] = [scenario.calibratorTile, scenario.scienceTiles[0]!];
  const calibrated = await simulateGroup({ ...calibrator, folder: join(folder, "calibrator") });
  const observed = await simulateGroup({ ...science, folder: join(folder, "science") });
  return {
    calibratorId: groupIdOf(calibrator),
    scienceId: groupIdOf(science),
    sciencePaths: observed.files,
    calibratorPaths: calibrated.files,
    catalogPath: observed.catalogPath,
  };
}

export interface Chain {
  readonly client: AbsurdClient;
  /** By tile and stage, such as "science/imaging". */
  readonly taskIds: ReadonlyMap<string, string>;
}

/** Spawns calibrator and target chains, the target's apply after the solve. */
export async function spawnPair(
  pool: pg.Pool,
  pair: SimulatedPair,
  dataRoot: string,
): Promise<Chain> {
  const catalogPath = referenceCatalogPath(dataRoot);
  mkdirSync(dirname(catalogPath), { recursive: true });
  copyFileSync(pair.catalogPath, catalogPath);
  const client = new AbsurdClient(pool, {
    tasks: stageTasks(STAGES, { pool, dataRoot, threadCount: 2, queue: QUEUE }),
  });
  const calibrator = await spawnChain(client, "calibrator", pair.calibratorId, {
    queue: QUEUE,
    params: {
      "convert-uvh5-to-ms": { input_paths: [...pair.calibratorPaths] },
    },
  });
  const solve = calibrator.tasks.find(({ stage }) => stage === "calibration-solve")!;
  const science = await spawnChain(client, "target", pair.scienceId, {
    queue: QUEUE,
    solveTaskId: solve.taskId,
    params: {
      "convert-uvh5-to-ms": { input_paths: [...pair.sciencePaths] },
      imaging: IMAGING,
    },
  });
  const taskIds = new Map<string, string>();
  for (const { stage, taskId } of calibrator.tasks) taskIds.set(`calibrator/${stage}`, taskId);
  for (const { stage, taskId } of science.tasks) taskIds.set(`science/${stage}`, taskId);
  return { client, taskIds };
}

export interface WorkerProcess {
  readonly process: ChildProcess;
  /** Its own name in the database. */
  name(): string | undefined;
  log(): string;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** `contimg worker` as an operator starts it. */
export function startWorkerProcess(databaseUrl: string, dataRoot: string): WorkerProcess {
  const child = spawn(
    process.execPath,
    [
      CONTIMG,
      "worker",
      ...["--data-root", dataRoot, "--queue", QUEUE, "--json", "--verbose"],
      ...["--lease-seconds", String(LEASE_SECONDS), "--threads", "1"],
    ],
    {
      env: { ...process.env, ABSURD_DATABASE_URL: databaseUrl },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  let text = "";
  child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return {
    process: child,
    log: () => text,
    name: () => /"message":"ready","worker":"([^"]+)"/.exec(text)?.[1],
    async kill(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill(signal);
      await ended;
    },
  };
}

/** Everything below the data root's product folders, stage folders left out, sorted. */
export function productFiles(dataRoot: string): string[] {
  return ["ms", "caltables", "images", "validation", "photometry"]
    .flatMap((area) =>
      readdirSync(join(dataRoot, area), { recursive: true, encoding: "utf8" }).map((path) =>
        join(area, path),
      ),
    )
    .filter((path) => !path.includes(".stage"))
    .sort();
}

/** What is left in stage folders. */
export function leftovers(dataRoot: string): string[] {
  return ["ms", "caltables", "images", "validation", "photometry"].flatMap((area) => {
    try {
      return readdirSync(join(dataRoot, area, ".stage"));
    } catch {
      return []; // An area nothing was written to has no stage folder.
    }
  });
}

export function failures(tasks: readonly TaskView[]): string[] {
  return tasks
    .filter((task) => task.status !== "completed")
    .map((task) => `${task.taskName} ${task.status}: ${task.error?.message ?? ""}`);
}

export function readFluxes(path: string): Map<string, number> {
  const parsed = JSON.parse(readFileSync(path, "utf8")) as {
    measurements: { source_name: string; flux_jy: number }[];
  };
  return new Map(parsed.measurements.map((row) => [row.source_name, row.flux_jy]));
}
