/** What tests of real workers begin with: a client, and a worker that ends with the test. */
import { afterEach } from "vitest";
import { z } from "zod";

import type { FreshDatabase } from "@contimg/testkit";

import { AbsurdClient } from "../client.ts";
import { type AnyTask, type Json, type TaskContext, defineTask } from "../task.ts";
import type { WorkerOptions } from "../worker-options.ts";
import { type WorkerHandle, startWorker } from "../worker.ts";

export interface WorkerStage {
  /** A client and a worker for these tasks. */
  readonly setup: (
    tasks: readonly AnyTask[],
    options?: Partial<WorkerOptions>,
  ) => Promise<{ client: AbsurdClient; worker: WorkerHandle }>;
  readonly start: (
    tasks: readonly AnyTask[],
    options?: Partial<WorkerOptions>,
  ) => Promise<WorkerHandle>;
}

/** Its workers are stopped, without grace, after each test. */
export function workerStage(database: FreshDatabase, usual: Partial<WorkerOptions>): WorkerStage {
  const workers: WorkerHandle[] = [];
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop({ graceSeconds: 0 })));
  });
  const start: WorkerStage["start"] = async (tasks, options = {}) => {
    const connectionString = database.url;
    const worker = await startWorker({ connectionString, tasks, ...usual, ...options });
    workers.push(worker);
    return worker;
  };
  return {
    start,
    setup: async (tasks, options) => {
      const client = new AbsurdClient(database.pool(), { tasks });
      return { client, worker: await start(tasks, options) };
    },
  };
}

/** A task without params. */
export function named(name: string, work: (context: TaskContext) => unknown): AnyTask {
  return defineTask({
    name,
    params: z.strictObject({}),
    handler: (_params, context) => work(context) as Json,
  });
}
