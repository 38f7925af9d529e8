/** What `demo` and `up` start and stop: an embedded PostgreSQL and worker processes. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { migrateAll } from "@contimg/pipeline";
import type pg from "pg";

import { openPool } from "../pool.ts";
import { KeptDatabase } from "./kept-database.ts";
import { WorkerProcesses, type WorkerProcessOptions } from "./worker-processes.ts";

export interface Services {
  readonly databaseUrl: string;
  readonly pool: pg.Pool;
  /** Rejects when a worker ends by itself and is not started again. */
  readonly workerEnded: Promise<never>;
  stop(): Promise<void>;
}

export interface ServicesOptions extends WorkerProcessOptions {
  /** Told of a PostgreSQL of ours that ended by itself and is started again. Absent: it is not. */
  readonly onDatabaseEnd?: (line: string) => void;
}

/** A database of the user's own (`databaseUrl`) is used as it is; else one is started. */
export async function startServices(
  options: ServicesOptions,
  databaseUrl: string | undefined,
): Promise<Services> {
  const { dataRoot } = options;
  await mkdir(join(dataRoot, "logs"), { recursive: true });
  const server = databaseUrl
    ? undefined
    : await KeptDatabase.start(join(dataRoot, "postgres"), options.onDatabaseEnd);
  const url = databaseUrl ?? server!.url;
  const pool = openPool({ databaseUrl: url, applicationName: "contimg", max: 4 });
  let workers: WorkerProcesses | undefined;
  const stop = async () => {
    await workers?.stop();
    await pool.end();
    await server?.stop();
  };
  try {
    await migrateAll(pool);
    workers = new WorkerProcesses(options, url);
  } catch (error) {
    await stop();
    throw error;
  }
  return { databaseUrl: url, pool, workerEnded: workers.ended, stop };
}
