/**
 * A real engine for tests of one's own tasks: a migrated database of its own, workers in this
 * process that run what is due and stop, and a clock that stands where the test sets it.
 */
import { randomUUID } from "node:crypto";

import pg from "pg";

import { AbsurdClient } from "./client.ts";
import type { AnyTask, Logger, TaskDefinition } from "./task.ts";
import { type TaskStatus, type TaskView, isTerminal, readTasks } from "./task-view.ts";
import {
  type Activity,
  describeTask,
  freeLeadership,
  isQuiet,
  maintainNow,
  readActivity,
  readClock,
  readFailedIds,
} from "./testing-activity.ts";
import { type TestDatabase, createTestDatabase } from "./testing-database.ts";
import { type WorkerHandle, startWorker } from "./worker.ts";
import { type WorkerOptions, SILENT } from "./worker-options.ts";

export interface TestEngineOptions {
  /** Definitions with handlers: what drain, waitFor and runInline run. */
  readonly tasks: readonly AnyTask[];
  /** A server whose user may create databases. Default: an embedded PostgreSQL of this process. */
  readonly connectionString?: string;
  /** Tasks at once. Default 10. */
  readonly concurrency?: number;
  /** What the workers have to say. Default: silent. */
  readonly log?: Logger;
}

export interface DrainOptions {
  /** "throw": {@link TasksFailed} when a task failed for good. Default "throw". */
  readonly onFailure?: "throw" | "return";
  /** Default 30. */
  readonly deadlineSeconds?: number;
}

export interface DrainReport {
  readonly completedCount: number;
  /** Tasks that failed for good in this drain. */
  readonly failed: readonly TaskView[];
  /** Tasks whose delay or back-off is not over. */
  readonly deferredCount: number;
  /** Tasks that wait for others. */
  readonly waitingCount: number;
}

/** Tasks that a drain ran failed for good. */
export class TasksFailed extends Error {
  override readonly name = "TasksFailed";
  readonly tasks: readonly TaskView[];

  constructor(tasks: readonly TaskView[]) {
    const each = tasks.map((task) => `${task.taskName} ${task.taskId}: ${task.error?.message}`);
    super(`${tasks.length} of the tasks failed:\n${each.join("\n")}`);
    this.tasks = tasks;
  }
}

const LOOK_MS = 15;

/** Call `close` when done, or the server that it started ends with the process only. */
export async function createTestEngine(options: TestEngineOptions): Promise<TestEngine> {
  const database = await createTestDatabase(options.connectionString);
  const engine = new TestEngine(database, options);
  await engine.client.registerTasks();
  return engine;
}

export class TestEngine {
  readonly client: AbsurdClient;
  readonly #database: TestDatabase;
  readonly #options: TestEngineOptions;
  readonly #inlineQueues: string[] = [];
  #time: Date | null = null;
  #pool: pg.Pool;
  #ending: Promise<void>[] = [];

  constructor(database: TestDatabase, options: TestEngineOptions) {
    this.#database = database;
    this.#options = options;
    this.#pool = this.#openPool();
    // The client outlives its pool: moving the clock opens another.
    const query = (text: string, values: unknown[]): unknown => this.#pool.query(text, values);
    this.client = new AbsurdClient(
      // pg's overloads do not infer; the client calls the one used here.
      { query: query as pg.Pool["query"] },
      { tasks: options.tasks },
    );
  }

  /** For sessions of the test's own; they have the time that the engine had at this call. */
  get connectionString(): string {
    if (this.#time === null) return this.#database.url;
    const url = new URL(this.#database.url);
    url.searchParams.set("options", `-c absurd.fake_now=${this.#time.toISOString()}`);
    return url.toString();
  }

  /** Another one after each change of the clock. */
  get pool(): pg.Pool {
    return this.#pool;
  }

  now(): Promise<Date> {
    return readClock(this.#pool);
  }

  /**
   * The engine's time from now on, for all of its sessions; it stands still. Null: the real
   * one.
   */
  setTime(time: Date | null): void {
    this.#time = time;
    this.#ending.push(this.#pool.end());
    this.#pool = this.#openPool();
  }

  /** Moves the clock on from where it stands; from the real time when nobody set it. */
  async advance({ seconds }: { seconds: number }): Promise<void> {
    this.setTime(new Date((await this.now()).getTime() + seconds * 1000));
  }

  /**
   * Runs all that is due at the engine's time, and all that becomes due by it, until nothing is
   * left.
   * @throws {TasksFailed} or, past its deadline, an error that says what was left
   */
  async drain(options: DrainOptions = {}): Promise<DrainReport> {
    const deadlineSeconds = options.deadlineSeconds ?? 30;
    const failedBefore = new Set(await readFailedIds(this.#pool));
    const before = await this.#activity();
    let last: Activity = before;
    await this.#work({
      deadlineSeconds,
      look: async (activity) => {
        last = activity;
        return isQuiet(activity) || undefined;
      },
      complaint: async () =>
        `not drained within ${deadlineSeconds} s: ${last.ready} tasks ready, ` +
        `${last.running} running, ${last.due} due`,
    });
    const failedNow = (await readFailedIds(this.#pool)).filter((id) => !failedBefore.has(id));
    const failed = failedNow.length === 0 ? [] : await readTasks(this.#pool, failedNow);
    if (failed.length > 0 && options.onFailure !== "return") throw new TasksFailed(failed);
    return {
      completedCount: last.completed - before.completed,
      failed,
      deferredCount: last.deferred,
      waitingCount: last.waiting,
    };
  }

  /**
   * Runs what is due until the task has the status.
   * @throws when it ended otherwise, and past the deadline (default 10 s), saying where the task is
   */
  async waitFor(
    taskId: string,
    status: TaskStatus = "completed",
    options: { deadlineSeconds?: number } = {},
  ): Promise<TaskView> {
    const deadlineSeconds = options.deadlineSeconds ?? 10;
    const where = async (): Promise<string> =>
      describeTask(await this.client.show(taskId), await this.now());
    return this.#work({
      deadlineSeconds,
      look: async () => {
        const task = await this.client.show(taskId);
        if (task.status === status) return task;
        if (!isTerminal(task.status)) return undefined;
        throw new Error(`not ${status}, and it will not be: ${await where()}`);
      },
      complaint: async () => `not ${status} within ${deadlineSeconds} s: ${await where()}`,
    });
  }

  /**
   * Spawns the task where only this call finds it, runs it once, and returns what is stored as its
   * result. What its handler throws is thrown here.
   */
  async runInline<Params, Result>(
    task: TaskDefinition<Params, Result>,
    params: NoInfer<Params>,
    options: { deadlineSeconds?: number } = {},
  ): Promise<Result> {
    const { handler } = task;
    if (!handler) throw new Error(`task ${task.name} has no handler to run`);
    let thrown: { readonly error: unknown } | undefined;
    const watched: TaskDefinition<Params, Result> = {
      ...task,
      handler: async (given, context) => {
        try {
          return await handler(given, context);
        } catch (error) {
          thrown = { error };
          throw error;
        }
      },
    };
    const queue = `inline-${randomUUID()}`;
    this.#inlineQueues.push(queue);
    const { taskId } = await this.client.spawn(task, params, { queue, maxRetries: 0 });
    const worker = await startWorker({ ...this.#workerOptions([queue]), tasks: [watched] });
    try {
      const ended = await this.#inlineEnd(taskId, options.deadlineSeconds ?? 30);
      // What the handler returned went through JSON, as every result does.
      if (ended.status === "completed") return ended.result as Result;
      throw thrown ? thrown.error : new Error(`task ${task.name}: ${ended.error?.message}`);
    } finally {
      await worker.stop({ graceSeconds: 0 });
    }
  }

  /** Drops the database, and ends the server if this engine was the last on it. */
  async close(): Promise<void> {
    await this.client.close();
    await Promise.all([this.#pool.end(), ...this.#ending]);
    await this.#database.drop();
  }

  async #inlineEnd(taskId: string, deadlineSeconds: number): Promise<TaskView> {
    const signal = AbortSignal.timeout(deadlineSeconds * 1000);
    try {
      const [task] = await this.client.awaitTasks([taskId], { signal });
      return task!;
    } catch (cause) {
      if (!signal.aborted) throw cause;
      const where = describeTask(await this.client.show(taskId), await this.now());
      throw new Error(`not over within ${deadlineSeconds} s: ${where}`, { cause });
    }
  }

  #openPool(): pg.Pool {
    const pool = new pg.Pool({ connectionString: this.connectionString, max: 5 });
    // An idle session that breaks is replaced; a query that meets it reports it.
    pool.on("error", () => undefined);
    return pool;
  }

  #activity(): Promise<Activity> {
    const names = this.#options.tasks.filter((each) => each.handler).map((each) => each.name);
    return readActivity(this.#pool, names, this.#inlineQueues);
  }

  #workerOptions(queues: readonly string[]): WorkerOptions {
    return {
      connectionString: this.connectionString,
      tasks: this.#options.tasks,
      queues,
      concurrency: this.#options.concurrency ?? 10,
      pollSeconds: 0.1,
      abortGraceSeconds: 1,
      name: "test engine",
      log: this.#options.log ?? SILENT,
    };
  }

  /** Keeps a worker of all queues while `look` finds nothing; none when it finds at once. */
  async #work<Found>(options: {
    readonly deadlineSeconds: number;
    readonly look: (activity: Activity) => Promise<Found | undefined>;
    readonly complaint: () => Promise<string>;
  }): Promise<Found> {
    const end = performance.now() + options.deadlineSeconds * 1000;
    let worker: WorkerHandle | undefined;
    let queues: readonly string[] = [];
    try {
      while (true) {
        const activity = await this.#activity();
        const found = await options.look(activity);
        if (found !== undefined) return found;
        if (performance.now() > end) throw new Error(await options.complaint());
        if (!worker || activity.queues.some((queue) => !queues.includes(queue))) {
          await worker?.stop();
          queues = activity.queues;
          await freeLeadership(this.#pool);
          worker = await startWorker(this.#workerOptions(queues));
        }
        if (activity.due > 0) {
          await maintainNow(this.#pool);
          this.client.wake();
        }
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
    } finally {
      await worker?.stop({ graceSeconds: 0 });
    }
  }
}
