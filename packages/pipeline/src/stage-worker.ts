/** A worker of the pipeline: puts the data root in order, then runs stages as tasks. */
import { mkdir } from "node:fs/promises";

import { type Logger, startWorker, type WorkerHandle } from "@contimg/absurd";
import pg from "pg";

import { ingestScanTask } from "./ingest/ingest-task.ts";
import { housekeepingTask } from "./keeping/housekeeping-task.ts";
import { type Machine, readMachine } from "./keeping/machine.ts";
import { reconcile, type ReconcileReport } from "./reconcile.ts";
import type { Thresholds } from "./quality/thresholds.ts";
import { settleCalibrations } from "./registry/settle.ts";
import type { StageModule } from "./run-stage.ts";
import { classifyStageError, stageTasks } from "./stage-task.ts";

export interface StageWorkerOptions {
  readonly connectionString: string;
  /** Absolute. */
  readonly dataRoot: string;
  readonly stages: readonly StageModule[];
  readonly queue: string;
  /** Stages at once. Default 1: a stage uses threadCount cores by itself. */
  readonly concurrency?: number;
  readonly threadCount: number;
  /** Of the machine's memory, what this worker may use. Default: what the machine has. */
  readonly memoryBytes?: number | undefined;
  readonly leaseSeconds?: number;
  /** Of the quality gates. Default: the telescope's own. */
  readonly thresholds?: Thresholds | undefined;
  readonly log?: Logger;
  readonly onReconciled?: (report: ReconcileReport) => void;
}

/** What a crashed worker left behind goes once its lease is over, so looking once is not enough. */
const RECONCILE_MS = 300_000;
/** Registries and publishing; the engine has connections of its own. */
const CONNECTIONS_MAX = 4;

function machineFor({ memoryBytes = Infinity }: StageWorkerOptions): Machine {
  const whole = readMachine();
  return { ...whole, memoryBytes: Math.min(memoryBytes, whole.memoryBytes) };
}

function productsPool({ connectionString, log }: StageWorkerOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    application_name: "contimg products",
    max: CONNECTIONS_MAX,
  });
  pool.on("error", (error) => {
    log?.warn({ error: String(error) }, "an idle connection ended");
  });
  return pool;
}

/** The schemas must be there: migrateAll. */
export async function startStageWorker(options: StageWorkerOptions): Promise<WorkerHandle> {
  const { dataRoot, queue, threadCount, thresholds, log } = options;
  const concurrency = options.concurrency ?? 1;
  const machine = machineFor(options);
  const pool = productsPool(options);
  let worker: WorkerHandle;
  try {
    await mkdir(dataRoot, { recursive: true });
    const report = await reconcile(pool, dataRoot);
    options.onReconciled?.(report);
    const tasks = stageTasks(options.stages, {
      ...{ pool, dataRoot, threadCount, queue, thresholds, machine },
    });
    worker = await startWorker({
      connectionString: options.connectionString,
      tasks: [
        ...tasks,
        ingestScanTask({ pool, dataRoot, queue, tasks }),
        housekeepingTask({ pool, dataRoot, queue }),
      ],
      queues: [queue],
      concurrency,
      capacity: {
        memory_mib: Math.floor(machine.memoryBytes / 2 ** 20),
        // A limit of each process; every stage is one.
        open_files: machine.openFiles * concurrency,
      },
      classifyError: classifyStageError,
      ...(options.leaseSeconds === undefined ? {} : { leaseSeconds: options.leaseSeconds }),
      ...(log === undefined ? {} : { log }),
    });
  } catch (error) {
    await pool.end();
    throw error;
  }
  const upkeep = setInterval(() => {
    reconcile(pool, dataRoot).catch((error: unknown) => {
      log?.warn({ error: String(error) }, "the data root could not be looked through");
    });
    settleCalibrations(pool, { dataRoot, queue }).catch((error: unknown) => {
      log?.warn({ error: String(error) }, "calibrations could not be settled");
    });
  }, RECONCILE_MS);
  upkeep.unref();
  void worker.finished
    .catch(() => undefined)
    .then(() => {
      clearInterval(upkeep);
      return pool.end();
    });
  return worker;
}
