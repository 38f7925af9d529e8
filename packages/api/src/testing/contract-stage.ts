/** A real app over a real database with a real worker, as the contract's client sees it. */
import { setTimeout as pause } from "node:timers/promises";

import {
  AbsurdClient,
  type AnyTask,
  defineTask,
  startWorker,
  type TaskStatus,
  TaskError,
  type WorkerHandle,
} from "@contimg/absurd";
import { ApiProblem, Client, type RouteName } from "@contimg/contract";
import { freshDatabase, until } from "@contimg/testkit";
import pg from "pg";
import { afterAll, beforeAll } from "vitest";
import { z } from "zod";

import { type App, createApp } from "../app.ts";
import type { FailureHints } from "../failure-hints.ts";
import { accessHandlers } from "../handlers/access.ts";
import { allHandlers } from "../handlers/resources.ts";
import { migrateApi } from "../migrate.ts";

/** The queue that the worker serves. In any other nothing runs. */
export const SERVED = "default";
export const UNSERVED = "nobody";

const add = defineTask({
  name: "contract-add",
  params: z.strictObject({ a: z.number(), b: z.number().default(0) }),
  handler: ({ a, b }) => ({ sum: a + b }),
});

const fail = defineTask({
  name: "contract-fail",
  params: z.strictObject({ why: z.string().default("disk is full") }),
  handler({ why }) {
    throw new TaskError("fatal", why, { tag: "Disk", fields: { freeBytes: 0 } });
  },
});

/** Keeps a step, says something, waits for an event, then fails or not as its payload says. */
const hold = defineTask({
  name: "contract-hold",
  params: z.strictObject({ event: z.string() }),
  async handler({ event }, context) {
    await context.step("one", () => ({ kept: true }));
    await context.step("two", () => 2);
    context.log.info({ event }, "waits");
    const payload = await context.awaitEvent(event);
    context.log.warn({ event }, "goes on");
    if (payload === "fail") throw new TaskError("fatal", "it was said so", { tag: "Said" });
    return payload;
  },
});

/** Runs until it is cancelled. */
const run = defineTask({
  name: "contract-run",
  params: z.strictObject({}),
  async handler(_, context) {
    await pause(3_600_000, undefined, { signal: context.signal });
  },
});

const parent = defineTask({
  name: "contract-parent",
  params: z.strictObject({}),
  async handler(_, context) {
    const { taskId } = await context.spawn({ task: add, params: { a: 1 } });
    return { child: taskId };
  },
});

export const TASKS: readonly AnyTask[] = [add, fail, hold, run, parent];

export const HINTS: FailureHints = {
  Disk: { hint: "make room on the disk", runbook: "disk-full.md" },
};

export class Stage {
  readonly client: Client;
  readonly engine: AbsurdClient;
  readonly pool: pg.Pool;
  readonly worker: WorkerHandle;
  /** Routes that were called, and the problems that each answered. */
  readonly seen = new Map<RouteName, Set<string>>();

  readonly #databaseUrl: string;

  constructor(parts: {
    readonly url: string;
    readonly databaseUrl: string;
    readonly pool: pg.Pool;
    readonly engine: AbsurdClient;
    readonly worker: WorkerHandle;
  }) {
    this.client = new Client({ baseUrl: parts.url });
    this.#databaseUrl = parts.databaseUrl;
    this.pool = parts.pool;
    this.engine = parts.engine;
    this.worker = parts.worker;
  }

  /** The contract's client, and a note of what was asked. */
  readonly call: Client["call"] = async (name, ...rest) => {
    const codes = this.seen.get(name) ?? new Set();
    this.seen.set(name, codes);
    try {
      return await this.client.call(name, ...rest);
    } catch (error) {
      if (error instanceof ApiProblem) codes.add(error.problem.code);
      throw error;
    }
  };

  /** Another one, of a queue where nothing is. */
  startWorker(): Promise<WorkerHandle> {
    const connectionString = this.#databaseUrl;
    return startWorker({ connectionString, tasks: TASKS, queues: ["empty"], beatSeconds: 0.2 });
  }

  /** A task that stays where it is: nobody serves its queue. */
  async idle(
    options: { queue?: string; correlationId?: string; tags?: string[] } = {},
  ): Promise<string> {
    const { taskId } = await this.engine.spawn(
      "contract-add",
      { a: 1 },
      { queue: UNSERVED, ...options },
    );
    return taskId;
  }

  async spawned(name: string, params: object = {}): Promise<string> {
    const { taskId } = await this.engine.spawn(`contract-${name}`, params);
    return taskId;
  }

  async reached(taskId: string, status: TaskStatus): Promise<string> {
    await until(async () => (await this.engine.show(taskId)).status === status, {
      what: `task ${taskId} is ${status}`,
    });
    return taskId;
  }

  async dead(why = "disk is full"): Promise<string> {
    return this.reached(await this.spawned("fail", { why }), "failed");
  }

  /** Waits for an event, without a lease. */
  async held(event: string): Promise<string> {
    const taskId = await this.spawned("hold", { event });
    await until(async () => (await this.engine.show(taskId)).place.awaitedEvent === event, {
      what: `task ${taskId} waits for ${event}`,
    });
    return taskId;
  }
}

/** For the top of a test file. */
export function contractStage(): { readonly stage: () => Stage } {
  const database = freshDatabase();
  const lifetime = new AbortController();
  let stage: Stage | undefined;
  let app: App | undefined;

  beforeAll(async () => {
    const pool = database.pool({ max: 8 });
    await migrateApi(pool);
    const engine = new AbsurdClient(pool, { tasks: TASKS });
    await engine.registerTasks();
    const worker = await startWorker({
      connectionString: database.url,
      tasks: TASKS,
      queues: [SERVED],
      concurrency: 8,
      pollSeconds: 0.2,
    });
    app = createApp(
      { pool, checkAnswers: true, logger: { level: "error" } },
      {
        ...accessHandlers(pool, () => undefined),
        ...allHandlers({
          client: new AbsurdClient(pool),
          pool,
          isEnabled: true,
          database: { isAvailable: true, latencyMs: 1 },
          hints: HINTS,
          runbookBase: "/absurd/docs/runbooks/",
          lifetime: lifetime.signal,
        }),
      },
    );
    const url = await app.fastify.listen({ host: "127.0.0.1", port: 0 });
    stage = new Stage({ url, databaseUrl: database.url, pool, engine, worker });
  });
  afterAll(async () => {
    lifetime.abort();
    await app?.fastify.close();
    await stage?.worker.stop({ graceSeconds: 0 });
  });

  return {
    stage: () => {
      if (!stage) throw new Error("the stage is set in beforeAll: use it inside tests");
      return stage;
    },
  };
}
