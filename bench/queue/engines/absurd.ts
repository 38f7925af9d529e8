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
  type OnTask,
  PARENT_COUNT,
  STEP_COUNT,
  type Shape,
  payloadOf,
} from "../engine.ts";

const BATCH = 1_000;
/** Of shape "fan-in": parents and their child, which is spawned last. */
const GROUP = PARENT_COUNT + 1;
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
      for (const batch of batchesOf(shape, count)) await client.spawnMany(batch);
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

function* batchesOf(shape: Shape, count: number): Generator<SpawnRequest[]> {
  // A group is spawned whole, so that its child can name its parents by their place.
  const size = shape === "fan-in" ? BATCH - (BATCH % GROUP) : BATCH;
  for (let first = 0; first < count; first += size) {
    const length = Math.min(size, count - first);
    yield Array.from({ length }, (_, place) => requestOf(shape, first + place, place));
  }
}

/** @param place in its batch */
function requestOf(shape: Shape, i: number, place: number): SpawnRequest {
  const request = { task: shape === "steps" ? steps : noop, params: payloadOf(i) };
  if (shape === "lanes") {
    const priority = Math.floor(i / LANE_KIND_COUNT) % LANE_PRIORITY_COUNT;
    return { ...request, task: laneTasks[i % LANE_KIND_COUNT]!, priority };
  }
  if (shape !== "fan-in" || place % GROUP !== PARENT_COUNT) return request;
  const dependsOn = Array.from({ length: PARENT_COUNT }, (_, j) => place - PARENT_COUNT + j);
  return { ...request, dependsOn };
}

async function runSteps(context: TaskContext, onTask: OnTask): Promise<number> {
  let sum = 0;
  for (let i = 0; i < STEP_COUNT; i++) sum += await context.step(`step-${i}`, async () => i);
  await onTask(0);
  return sum;
}
