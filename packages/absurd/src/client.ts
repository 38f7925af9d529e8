/**
 * What programs do with tasks: spawn, look, cancel, retry, wait.
 *
 * A spawn that returned is in PostgreSQL. Given `on`, it is part of the caller's transaction; call
 * `wake` after its commit, or the workers find the task at their next poll.
 */
import type pg from "pg";

import { type Db, run } from "./db.ts";
import { InvalidTransition, TaskNotFound, UnknownTaskName } from "./errors.ts";
import { registerKinds, withNearNames } from "./kinds.ts";
import { ANY_QUEUE_PAYLOAD, Notifier, SIGNAL_PAYLOAD } from "./notifier.ts";
import { spawnBatch, type WireSpawn, wireSpawn } from "./spawn.ts";
import { SpawnCoalescer } from "./spawn-coalescer.ts";
import { sendSpawns } from "./spawn-call.ts";
import { copyTasks } from "./spawn-copy.ts";
import type { ReplayReport } from "./spool/replay.ts";
import { SpawnSpool } from "./spool/spawn-spool.ts";
import type {
  AnyTask,
  SpawnOptions,
  SpawnRequest,
  Spawned,
  SpooledSpawn,
  TaskDefinition,
} from "./task.ts";
import { uuidOrNotFound } from "./task-id.ts";
import { type TaskFilter, type TaskPage, listTasks } from "./task-list.ts";
import {
  type AttemptView,
  type QueueStats,
  type TaskPlace,
  type TaskView,
  isTerminal,
  locateTask,
  readAttempts,
  readQueueStats,
  readTasks,
} from "./task-view.ts";

export interface AbsurdClientOptions {
  /** Definitions to register before the first spawn and to check params with. */
  readonly tasks?: readonly AnyTask[];
  /** Told of wake-ups that could not be sent; polling makes up for them. Default: ignored. */
  readonly onNotifyError?: (error: unknown) => void;
  /** Where spawns wait that may, while the database is away; workers may share it. */
  readonly spoolFolder?: string;
}

interface SpawnScope {
  /** The caller's open transaction. */
  readonly on?: pg.ClientBase | undefined;
  /** The attempt that spawns: a stale one spawns nothing. */
  readonly fence?: string | undefined;
}

interface SpoolChoice {
  /** Instead of an error: written to the client's spool, and replayed later, exactly once. */
  readonly whenAway: "spool";
}

const AWAIT_POLL_MS_MIN = 20;
const AWAIT_POLL_MS_MAX = 500;

export class AbsurdClient {
  readonly #pool: Db;
  readonly #definitions: Map<string, AnyTask>;
  readonly #notifier: Notifier;
  readonly #coalescer = new SpawnCoalescer((spawns) => this.#sendSpawns(spawns, {}));
  #unregistered: AnyTask[];
  /** Spawns that wait on disk for the database. */
  readonly spool: SpawnSpool;

  constructor(pool: Pick<pg.Pool, "query">, options: AbsurdClientOptions = {}) {
    this.#pool = pool; // pg's overloads do not infer; the one used here is Db's.
    this.#unregistered = [...(options.tasks ?? [])];
    this.#definitions = new Map(this.#unregistered.map((task) => [task.name, task]));
    this.#notifier = new Notifier(this.#pool, options.onNotifyError ?? (() => undefined));
    this.spool = new SpawnSpool(
      {
        db: this.#pool,
        definitions: this.#definitions,
        spawnMany: (requests, scope) => this.spawnMany(requests, scope),
        wake: () => {
          this.wake();
        },
      },
      options.spoolFolder,
    );
  }

  /** Brings the spawns and outcomes in the spool to the database. @throws when it is away */
  replaySpool(): Promise<ReplayReport> {
    return this.spool.replay();
  }

  /** Makes task names known to the database. Done by itself before the first spawn. */
  async registerTasks(tasks: readonly AnyTask[] = []): Promise<void> {
    for (const task of tasks) this.#definitions.set(task.name, task);
    const pending = [...this.#unregistered, ...tasks];
    if (pending.length > 0) await registerKinds(this.#pool, pending);
    this.#unregistered = this.#unregistered.filter((task) => !pending.includes(task));
  }

  /** @throws {UnknownTaskName | InvalidParams | DependencyFailed | TaskNotFound | LeaseLost} */
  async spawn<Params>(
    task: string | TaskDefinition<Params, unknown> | AnyTask,
    params: Params | undefined,
    options: SpawnOptions & Omit<SpawnScope, "on"> & SpoolChoice,
  ): Promise<Spawned | SpooledSpawn>;
  async spawn<Params>(
    task: string | TaskDefinition<Params, unknown> | AnyTask,
    params?: Params,
    options?: SpawnOptions & SpawnScope,
  ): Promise<Spawned>;
  async spawn<Params>(
    task: string | TaskDefinition<Params, unknown> | AnyTask,
    params?: Params,
    options: SpawnOptions & SpawnScope & Partial<SpoolChoice> = {},
  ): Promise<Spawned | SpooledSpawn> {
    const { on, fence, whenAway, ...rest } = options;
    const request: SpawnRequest = { ...rest, task: task as SpawnRequest["task"], params };
    if (whenAway === "spool") return (await this.spool.spawn([request], fence))[0]!;
    if (on || fence !== undefined || request.dependsOn !== undefined) {
      const [spawned] = await this.spawnMany([request], { on, fence });
      return spawned!;
    }
    await this.#registerUsed([request]);
    return this.#coalescer.add(wireSpawn(request, this.#definitions));
  }

  /** All or none. Results are in the order of the requests. @throws also {DependencyCycle} */
  async spawnMany(requests: readonly SpawnRequest[], scope: SpawnScope = {}): Promise<Spawned[]> {
    if (requests.length === 0) return [];
    await this.#registerUsed(requests);
    const batch = spawnBatch(requests, this.#definitions);
    const placed = await this.#sendSpawns(batch.spawns, scope);
    const spawned: Spawned[] = [];
    placed.forEach((each, place) => {
      spawned[batch.order[place]!] = each;
    });
    return spawned;
  }

  /**
   * Spawns a task for each element of a stream, by COPY and in one transaction, and returns how many.
   * For hundreds of thousands: the tasks differ in their params only, and their ids are not kept.
   * @param on a connection; inside an open transaction of the caller the tasks are part of it
   * @throws {UnknownTaskName | InvalidParams} and then nothing was spawned
   */
  async spawnStream<Params>(
    task: TaskDefinition<Params, unknown> | AnyTask,
    stream: AsyncIterable<Params> | Iterable<Params>,
    options: { on: pg.ClientBase; queue?: string; priority?: number },
  ): Promise<number> {
    await this.#registerUsed([{ task }]);
    const count = await copyTasks(options.on, task, stream, options);
    this.wake([options.queue ?? task.queue ?? "default"]);
    return count;
  }

  /** Tells workers to look now. For after the commit of a transaction that spawned. */
  wake(queues: readonly string[] = [ANY_QUEUE_PAYLOAD]): void {
    for (const queue of queues) this.#notifier.notify(queue);
  }

  /**
   * Cancels tasks. Those that run are told to stop; they are cancelled when they did, or when their
   * worker's grace is over.
   * @throws {TaskNotFound} for one task that does not exist
   */
  async cancel(taskId: string, reason = "cancelled by request"): Promise<boolean> {
    const [row] = await run<{ cancelled: boolean }>(
      this.#pool,
      "select absurd.cancel_task($1, $2) as cancelled",
      [uuidOrNotFound(taskId), reason],
    );
    this.#notifier.notify(SIGNAL_PAYLOAD);
    return row?.cancelled ?? false;
  }

  /**
   * Gives a failed or cancelled task a new start with all its attempts, and with it the tasks that
   * were cancelled because of it.
   * @throws {InvalidTransition} when it is neither, {TaskNotFound}
   */
  async retry(taskId: string): Promise<void> {
    const [row] = await run<{ retried: boolean }>(
      this.#pool,
      "select absurd.retry_task($1) as retried",
      [uuidOrNotFound(taskId)],
    );
    if (!row?.retried) {
      const [task] = await readTasks(this.#pool, [taskId]);
      throw new InvalidTransition(
        `task ${taskId} is ${task?.status ?? "unknown"}; only failed and cancelled tasks are retried`,
      );
    }
    this.wake();
  }

  /** @throws {TaskNotFound} */
  async show(
    taskId: string,
  ): Promise<TaskView & { place: TaskPlace; attempts: readonly AttemptView[] }> {
    const uuid = uuidOrNotFound(taskId);
    const [tasks, place, attempts] = await Promise.all([
      readTasks(this.#pool, [uuid]),
      locateTask(this.#pool, taskId),
      readAttempts(this.#pool, taskId),
    ]);
    if (!tasks[0] || !place) throw new TaskNotFound(`no task ${taskId}`);
    return { ...tasks[0], place, attempts };
  }

  /** Newest first, a page at a time. */
  list(
    filter: TaskFilter = {},
    page: { cursor?: string | undefined; limit?: number | undefined } = {},
  ): Promise<TaskPage> {
    return listTasks(this.#pool, filter, page);
  }

  /** Every attempt of a task that ended, first to last. */
  outcomes(taskId: string): Promise<AttemptView[]> {
    return readAttempts(this.#pool, taskId);
  }

  stats(queue?: string): Promise<QueueStats[]> {
    return readQueueStats(this.#pool, queue);
  }

  /**
   * Resolves when all tasks have ended, in the order of `taskIds`.
   * @throws {TaskNotFound}, or the signal's reason
   */
  async awaitTasks(
    taskIds: readonly string[],
    options: { signal?: AbortSignal; onPoll?: (tasks: readonly TaskView[]) => void } = {},
  ): Promise<TaskView[]> {
    let waitMs = AWAIT_POLL_MS_MIN;
    while (true) {
      options.signal?.throwIfAborted();
      const tasks = await readTasks(this.#pool, taskIds);
      const byId = new Map(tasks.map((task) => [task.taskId, task]));
      const missing = taskIds.find((id) => !byId.has(id));
      if (missing !== undefined) throw new TaskNotFound(`no task ${missing}`);
      options.onPoll?.(tasks);
      if (tasks.every((task) => isTerminal(task.status))) return taskIds.map((id) => byId.get(id)!);
      await pause(waitMs, options.signal);
      waitMs = Math.min(waitMs * 1.5, AWAIT_POLL_MS_MAX);
    }
  }

  /** Sends the wake-ups that wait for their turn. Call before the pool is closed. */
  async close(): Promise<void> {
    await this.#notifier.flush();
  }

  async #registerUsed(requests: readonly SpawnRequest[]): Promise<void> {
    const fresh = new Map<string, AnyTask>();
    for (const { task } of requests) {
      if (typeof task !== "string" && this.#definitions.get(task.name) !== task) {
        fresh.set(task.name, task);
      }
    }
    if (fresh.size > 0 || this.#unregistered.length > 0) {
      await this.registerTasks([...fresh.values()]);
    }
  }

  async #sendSpawns(spawns: readonly WireSpawn[], scope: SpawnScope): Promise<readonly Spawned[]> {
    try {
      const spawned = await sendSpawns(
        (scope.on as Db | undefined) ?? this.#pool,
        spawns,
        scope.fence,
      );
      if (!scope.on) this.wake([...new Set(spawns.map((each) => each.queue ?? ANY_QUEUE_PAYLOAD))]);
      return spawned;
    } catch (error) {
      throw error instanceof UnknownTaskName ? await withNearNames(this.#pool, error) : error;
    }
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      if (signal?.aborted) reject(signal.reason as Error);
      else resolve();
    }
  });
}
