/**
 * What programs do with tasks: spawn, look, cancel, retry, wait.
 *
 * A spawn that returned is in PostgreSQL. Given `on`, it is part of the caller's transaction; call
 * `wake` after its commit, or the workers find the task at their next poll.
 */
import type pg from "pg";

import {
  type CancelFilter,
  type CancelManyOptions,
  type CancelledTask,
  cancelMany,
} from "./bulk-cancel.ts";
import { type Db, run } from "./db.ts";
import { Events } from "./events.ts";
import { DeadLetters } from "./dead-letters.ts";
import { InvalidTransition, TaskNotFound, UnknownTaskName } from "./errors.ts";
import { History } from "./history.ts";
import { type Explanation, explainTask } from "./explain.ts";
import { registerKinds, withNearNames } from "./kinds.ts";
import { Limits } from "./limits.ts";
import { ANY_QUEUE_PAYLOAD, Notifier, SIGNAL_PAYLOAD } from "./notifier.ts";
import { Schedules } from "./schedules.ts";
import { checkOptions } from "./spawn-options.ts";
import { pause } from "./pause.ts";
import { type FullQueueScope, waitWhileFull } from "./queue-full.ts";
import { Queues } from "./queues.ts";
import { spawnBatch, type WireSpawn, wireSpawn } from "./spawn.ts";
import { SpawnCoalescer } from "./spawn-coalescer.ts";
import { sendSpawns } from "./spawn-call.ts";
import { Steps } from "./steps.ts";
import { copyTasks } from "./spawn-copy.ts";
import type { AnyTask, SpawnOptions, SpawnRequest, Spawned, TaskDefinition } from "./task.ts";
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
import { Workflows } from "./workflows.ts";
import { Workers } from "./workers.ts";

export interface AbsurdClientOptions {
  /** Definitions to register before the first spawn and to check params with. */
  readonly tasks?: readonly AnyTask[];
  /** Told of wake-ups that could not be sent; polling makes up for them. Default: ignored. */
  readonly onNotifyError?: (error: unknown) => void;
}

interface SpawnScope extends FullQueueScope {
  /** The caller's open transaction. */
  readonly on?: pg.ClientBase | undefined;
  /** The attempt that spawns: a stale one spawns nothing. */
  readonly fence?: string | undefined;
}

const AWAIT_POLL_MS_MIN = 20;
const AWAIT_POLL_MS_MAX = 500;

export class AbsurdClient {
  readonly workflows: Workflows;
  readonly events: Events;
  readonly steps: Steps;
  /** Tasks that failed for good. */
  readonly deadLetters: DeadLetters;
  /** Concurrency keys, locks and rates. */
  readonly limits: Limits;
  readonly queues: Queues;
  readonly workers: Workers;
  readonly #pool: Db;
  readonly #definitions: Map<string, AnyTask>;
  readonly #notifier: Notifier;
  readonly #coalescer = new SpawnCoalescer((spawns) => this.#sendSpawns(spawns, {}));
  #unregistered: AnyTask[];
  readonly schedules: Schedules;
  readonly history: History;

  constructor(pool: Pick<pg.Pool, "query">, options: AbsurdClientOptions = {}) {
    this.#pool = pool; // pg's overloads do not infer; the one used here is Db's.
    this.#unregistered = [...(options.tasks ?? [])];
    this.#definitions = new Map(this.#unregistered.map((task) => [task.name, task]));
    this.#notifier = new Notifier(this.#pool, options.onNotifyError ?? (() => undefined));
    this.history = new History(this.#pool);
    this.schedules = new Schedules({
      db: this.#pool,
      toWire: async (request) => {
        await this.#registerUsed([request]);
        return JSON.parse(wireSpawn(request, this.#definitions).json) as Record<string, unknown>;
      },
      wake: () => {
        this.wake();
      },
    });
    this.workflows = new Workflows({
      db: this.#pool,
      definitions: this.#definitions,
      registerUsed: (requests) => this.#registerUsed(requests),
      wake: () => {
        this.wake();
      },
      wakeCancelled: () => {
        this.#notifier.notify(SIGNAL_PAYLOAD);
      },
    });
    const wake = (): void => {
      this.wake();
    };
    this.events = new Events(this.#pool, wake);
    this.steps = new Steps(this.#pool, wake);
    this.deadLetters = new DeadLetters(this.#pool, wake);
    this.limits = new Limits(this.#pool, wake);
    this.queues = new Queues(this.#pool, this.#notifier);
    this.workers = new Workers(this.#pool, this.#notifier);
  }

  /** Makes task names known to the database. Done by itself before the first spawn. */
  async registerTasks(tasks: readonly AnyTask[] = []): Promise<void> {
    for (const task of tasks) this.#definitions.set(task.name, task);
    const pending = [...this.#unregistered, ...tasks];
    if (pending.length > 0) await registerKinds(this.#pool, pending);
    this.#unregistered = this.#unregistered.filter((task) => !pending.includes(task));
  }

  /**
   * @throws {UnknownTaskName | InvalidParams | InvalidSpawn | DependencyFailed | TaskNotFound |
   *   LeaseLost | QueueFull | QueueDraining}
   */
  async spawn<Params>(
    task: string | TaskDefinition<Params, unknown> | AnyTask,
    params?: Params,
    options: SpawnOptions & SpawnScope = {},
  ): Promise<Spawned> {
    const { on, fence, whenFull, waitSeconds, signal, ...rest } = options;
    const request: SpawnRequest = { ...rest, task: task as SpawnRequest["task"], params };
    const scope = { on, fence, whenFull, waitSeconds, signal };
    if (on || fence !== undefined || request.dependsOn !== undefined) {
      const [spawned] = await this.spawnMany([request], scope);
      return spawned!;
    }
    checkOptions(request, 0);
    await this.#registerUsed([request]);
    const wire = wireSpawn(request, this.#definitions);
    return await waitWhileFull(scope, () => this.#coalescer.add(wire));
  }

  /** All or none. Results are in the order of the requests. @throws also {DependencyCycle} */
  async spawnMany(requests: readonly SpawnRequest[], scope: SpawnScope = {}): Promise<Spawned[]> {
    if (requests.length === 0) return [];
    await this.#registerUsed(requests);
    const batch = spawnBatch(requests, this.#definitions);
    const placed = await waitWhileFull(scope, () => this.#sendSpawns(batch.spawns, scope));
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
   * @throws {UnknownTaskName | InvalidParams | QueueFull | QueueDraining} nothing was spawned then
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

  /** Cancels all that a filter is about. @throws {InvalidFilter} also for an empty one */
  async cancelMany(
    filter: CancelFilter,
    options: CancelManyOptions = {},
  ): Promise<CancelledTask[]> {
    const tasks = await cancelMany(this.#pool, filter, options);
    if (!options.dryRun) this.#notifier.notify(SIGNAL_PAYLOAD);
    return tasks;
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

  /** Why a task is not running, most telling reason first. @throws {TaskNotFound} */
  async explain(taskId: string): Promise<Explanation[]> {
    return await explainTask(this.#pool, uuidOrNotFound(taskId));
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

  async #registerUsed(requests: readonly Pick<SpawnRequest, "task">[]): Promise<void> {
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
