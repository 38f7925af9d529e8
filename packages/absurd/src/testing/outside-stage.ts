/** What tests of handlers in processes of their own begin with: a worker a task, and its log. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll } from "vitest";
import { z } from "zod";

import { deadline, type FreshDatabase } from "@contimg/testkit";

import {
  AbsurdClient,
  type AnyTask,
  defineTask,
  startWorker,
  type TaskView,
  type WorkerHandle,
  type WorkerOptions,
} from "../index.ts";
import { isAlive, type ProcessIdentity } from "../process-tree.ts";

export const FIXTURE = new URL("../outside.fixture.ts", import.meta.url);
export const MIB = 2 ** 20;

export interface OutsideTask {
  readonly handler: AnyTask["handler"];
  readonly params?: unknown;
  readonly maxRetries?: number;
  readonly timeoutSeconds?: number;
  /** Tasks whose names the database is to know. */
  readonly others?: readonly AnyTask[];
}

export class OutsideStage {
  /** What the worker of the running test logged. */
  readonly logged: string[] = [];
  readonly #database: FreshDatabase;
  #folder = "";
  #client: AbsurdClient | undefined;
  #worker: WorkerHandle | undefined;
  #taskCount = 0;

  /** Its worker is stopped after each test. */
  constructor(database: FreshDatabase) {
    this.#database = database;
    beforeAll(async () => {
      this.#folder = await mkdtemp(join(tmpdir(), "absurd-outside-"));
      this.#client = new AbsurdClient(database.pool());
    });
    afterEach(async () => {
      await this.#worker?.stop({ graceSeconds: 0 });
      this.#worker = undefined;
      this.logged.length = 0;
    });
    afterAll(() => rm(this.#folder, { recursive: true, force: true }));
  }

  get client(): AbsurdClient {
    return this.#client!;
  }

  get folder(): string {
    return this.#folder;
  }

  get taskCount(): number {
    return this.#taskCount;
  }

  /** Starts a worker for it and spawns it; its id. */
  async start(task: OutsideTask): Promise<string> {
    this.#taskCount += 1;
    const { handler, params = {}, maxRetries = 0, others = [], ...rest } = task;
    const definition = defineTask({
      name: `outside-${this.#taskCount}`,
      params: z.unknown(),
      maxRetries,
      ...(handler === undefined ? {} : { handler }),
      ...rest,
    });
    this.#worker = await startWorker(this.#workerOptions(definition));
    await this.client.registerTasks(others);
    return (await this.client.spawn(definition, params)).taskId;
  }

  /** Starts it and waits for its end. */
  async run(task: OutsideTask): Promise<TaskView> {
    return this.ended(await this.start(task));
  }

  async ended(taskId: string): Promise<TaskView> {
    const [task] = await this.client.awaitTasks([taskId], deadline());
    return task!;
  }

  #workerOptions(task: AnyTask): WorkerOptions {
    const log = (_fields: object, message: string): void => void this.logged.push(message);
    return {
      connectionString: this.#database.url,
      tasks: [task],
      log: { debug: log, info: log, warn: log, error: log },
    };
  }
}

export function assertGone(pids: readonly ProcessIdentity[]): void {
  assert.deepEqual(pids.filter(isAlive), []);
}
