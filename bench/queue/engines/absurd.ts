/** Ours. History and fence are always on: there is no other way to run it. */
import {
  AbsurdClient,
  type SpawnRequest,
  type TaskContext,
  defineTask,
  migrate,
  startWorker,
} from "@contimg/absurd";
import pg from "pg";
import { z } from "zod";

import {
  type Engine,
  type Mode,
  NotAvailable,
  type OnTask,
  PARENT_COUNT,
  STEP_COUNT,
  type Shape,
  payloadOf,
} from "../engine.ts";

const BATCH = 1_000;
const LANE_KIND_COUNT = 25;
const LANE_PRIORITY_COUNT = 4;
const CONCURRENCY: Readonly<Record<Mode, number>> = {
  throughput: 2_000,
  latency: 10,
  steps: 1_000,
  claims: 100,
};

const params = z.object({ i: z.number(), sentMs: z.number(), text: z.string() });
const noop = defineTask({ name: "noop", params, maxRetries: 0 });
const steps = defineTask({ name: "steps", params, maxRetries: 0 });
const laneTasks = Array.from({ length: LANE_KIND_COUNT }, (_, i) =>
  defineTask({ name: `lane-${i}`, params, maxRetries: 0 }),
);

export const absurd: Engine = {
  // Ready and lease only: nothing waits once its parents ended, and nothing is deferred here.
  isBusySql: `select exists (select from absurd.ready) or exists (select from absurd.lease)
    or exists (select from absurd.waiting)`,

  install: (url) => withPool(url, migrate),

  load: (url, shape, count) =>
    withPool(url, async (pool) => {
      const client = new AbsurdClient(pool, { tasks: [noop, steps, ...laneTasks] });
      await client.registerTasks();
      const requests = requestsOf(shape, count);
      const batch = shape === "fan-in" ? BATCH - (BATCH % (PARENT_COUNT + 1)) : BATCH;
      for (let i = 0; i < requests.length; i += batch) {
        await client.spawnMany(requests.slice(i, i + batch));
      }
      await client.close();
    }),

  async openProducer(url) {
    const pool = new pg.Pool({ connectionString: url, max: 10 });
    const client = new AbsurdClient(pool, { tasks: [noop] });
    await client.registerTasks();
    return {
      one: (payload) => client.spawn(noop, payload),
      many: (payloads) =>
        client.spawnMany(payloads.map((payload) => ({ task: noop, params: payload }))),
      async close() {
        await client.close();
        await pool.end();
      },
    };
  },

  async startWorker(url, mode, onTask) {
    const worker = await startWorker({
      connectionString: url,
      concurrency: CONCURRENCY[mode],
      tasks: [
        ...[noop, ...laneTasks].map((task) => ({
          ...task,
          handler: ({ sentMs }: z.infer<typeof params>) => onTask(sentMs),
        })),
        { ...steps, handler: (_: unknown, context: TaskContext) => runSteps(context, onTask) },
      ],
    });
    worker.finished.catch((error: unknown) => {
      console.error(error);
      process.exit(1);
    });
    return () => worker.stop();
  },
};

async function withPool(url: string, work: (pool: pg.Pool) => Promise<unknown>): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  try {
    await work(pool);
  } finally {
    await pool.end();
  }
}

/** `count` tasks; a fan-in's groups are whole, so that there may be a few less. */
function requestsOf(shape: Shape, count: number): SpawnRequest[] {
  switch (shape) {
    case "noop":
      return Array.from({ length: count }, (_, i) => ({ task: noop, params: payloadOf(i) }));
    case "steps":
      return Array.from({ length: count }, (_, i) => ({ task: steps, params: payloadOf(i) }));
    case "lanes":
      return Array.from({ length: count }, (_, i) => ({
        task: laneTasks[i % LANE_KIND_COUNT]!,
        priority: Math.floor(i / LANE_KIND_COUNT) % LANE_PRIORITY_COUNT,
        params: payloadOf(i),
      }));
    case "fan-in": {
      const perBatch = Math.floor(BATCH / (PARENT_COUNT + 1));
      return Array.from({ length: Math.ceil(count / (PARENT_COUNT + 1)) }, (_, group) =>
        fanIn((group % perBatch) * (PARENT_COUNT + 1)),
      ).flat();
    }
  }
}

/** Parents and their child. @param offset of the first parent in its batch */
function fanIn(offset: number): SpawnRequest[] {
  const parents = Array.from({ length: PARENT_COUNT }, (_, i) => offset + i);
  return [
    ...parents.map((i) => ({ task: noop, params: payloadOf(i) })),
    { task: noop, params: payloadOf(offset + PARENT_COUNT), dependsOn: parents },
  ];
}

interface StepContext {
  readonly step?: (name: string, work: () => Promise<number>) => Promise<number>;
}

async function runSteps(context: TaskContext & StepContext, onTask: OnTask): Promise<number> {
  if (!context.step) {
    const error = new NotAvailable("this version of Absurd has no context.step");
    // A failed task is no end of the measurement; an uncaught error is.
    setImmediate(() => {
      throw error;
    });
    throw error;
  }
  let sum = 0;
  for (let i = 0; i < STEP_COUNT; i++) sum += await context.step(`step-${i}`, async () => i);
  await onTask(0);
  return sum;
}
