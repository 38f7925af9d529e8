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
import {
  type BulkChange,
  type ChangedTask,
  type UndoneTask,
  changeMany,
  undoMany,
  undoOutlook,
} from "./bulk-change.ts";
import { type Db, run } from "./db.ts";
import { Events } from "./events.ts";
import { DeadLetters } from "./dead-letters.ts";
import { InvalidTransition, TaskNotFound } from "./errors.ts";
import { History } from "./history.ts";
import { type Explanation, explainTask } from "./explain.ts";
import { type TaskNameView, readTaskNames } from "./kinds.ts";
import { type Lineage, readLineage } from "./lineage.ts";
import { Limits } from "./limits.ts";
import { ANY_QUEUE_PAYLOAD, Notifier, SIGNAL_PAYLOAD } from "./notifier.ts";
import { Schedules } from "./schedules.ts";
import { pause } from "./pause.ts";
import { Queues } from "./queues.ts";
import { Spawner, type SpawnScope } from "./spawner.ts";
import { Steps } from "./steps.ts";
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
import { EVERY_TASK, type TaskFilter } from "./task-filter.ts";
import {
  type PageRequest,
  type SearchBudget,
  type TaskCounts,
  type TaskPage,
  countTasks,
  listTasks,
} from "./task-list.ts";
import {
  type AttemptView,
  type NameStats,
  type QueueStats,
  type TaskPlace,
  type TaskView,
  isTerminal,
  locateTask,
  readAttempts,
  readNameStats,
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
  /** Where spawns wait that may, while the database is away; workers may share it. */
  readonly spoolFolder?: string;
}

interface SpoolChoice {
  /** Instead of an error: written to the client's spool, and replayed later, exactly once. */
  readonly whenAway: "spool";
}

const AWAIT_POLL_MS_MIN = 20;
const AWAIT_POLL_MS_MAX = 500;

export class AbsurdClient {
  readonly queues: Queues;
  readonly workers: Workers;
  readonly workflows: Workflows;
  readonly schedules: Schedules;
  readonly events: Events;
  readonly steps: Steps;
  /** Concurrency keys, locks and rates. */
  readonly limits: Limits;
  /** Tasks that failed for good. */
  readonly deadLetters: DeadLetters;
  readonly history: History;
  /** Spawns that wait on disk for the database. */
  readonly spool: SpawnSpool;
  readonly #pool: Db;
  readonly #notifier: Notifier;
  readonly #spawner: Spawner;

  constructor(pool: Pick<pg.Pool, "query">, options: AbsurdClientOptions = {}) {
    const db: Db = pool; // pg's overloads do not infer; the one used here is Db's.
    this.#pool = db;
    const notifier = new Notifier(db, options.onNotifyError ?? (() => undefined));
    this.#notifier = notifier;
    const wake = (): void => {
      this.wake();
    };
    const spawner = new Spawner(db, options.tasks ?? [], notifier);
    this.#spawner = spawner;
    const { definitions } = spawner;
    this.queues = new Queues(db, notifier);
    this.workers = new Workers(db, notifier);
    this.schedules = new Schedules({ db, toWire: (request) => spawner.wire(request), wake });
    this.workflows = new Workflows({
      db,
      definitions,
      registerUsed: (requests) => spawner.registerUsed(requests),
      wake,
      wakeCancelled: () => {
        notifier.notify(SIGNAL_PAYLOAD);
      },
    });
    this.events = new Events(db, wake);
    this.steps = new Steps(db, wake);
    this.limits = new Limits(db, wake);
    this.deadLetters = new DeadLetters(db, wake);
    this.history = new History(db);
    const spawnMany = spawner.many.bind(spawner);
    this.spool = new SpawnSpool({ db, definitions, spawnMany, wake }, options.spoolFolder);
  }

  /** Brings the spawns and outcomes in the spool to the database. @throws when it is away */
  replaySpool(): Promise<ReplayReport> {
    return this.spool.replay();
  }

  /** Makes task names known to the database. Done by itself before the first spawn. */
  registerTasks(tasks: readonly AnyTask[] = []): Promise<void> {
    return this.#spawner.register(tasks);
  }

  /**
   * @throws {UnknownTaskName | InvalidParams | InvalidSpawn | DependencyFailed | TaskNotFound |
   *   LeaseLost | QueueFull | QueueDraining}
   */
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
    const { on, fence, whenAway, whenFull, waitSeconds, signal, ...rest } = options;
    const request: SpawnRequest = { ...rest, task: task as SpawnRequest["task"], params };
    const scope = { on, fence, whenFull, waitSeconds, signal };
    if (whenAway === "spool") return (await this.spool.spawn([request], fence))[0]!;
    return this.#spawner.one(request, scope);
  }

  /** All or none. Results are in the order of the requests. @throws also {DependencyCycle} */
  spawnMany(requests: readonly SpawnRequest[], scope: SpawnScope = {}): Promise<Spawned[]> {
    return this.#spawner.many(requests, scope);
  }

  /**
   * Spawns a task for each element of a stream, by COPY and in one transaction; returns how many.
   * For hundreds of thousands: tasks differ in their params only, and their ids are not kept.
   * @param on a connection; inside an open transaction of the caller the tasks are part of it
   * @throws {UnknownTaskName | InvalidParams | QueueFull | QueueDraining} nothing was spawned then
   */
  spawnStream<Params>(
    task: TaskDefinition<Params, unknown> | AnyTask,
    stream: AsyncIterable<Params> | Iterable<Params>,
    options: { on: pg.ClientBase; queue?: string; priority?: number },
  ): Promise<number> {
    return this.#spawner.stream(task, stream, options);
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
   * Cancels, retries, moves or discards tasks, a transaction of 500 at a time, and says of each
   * what
   * became of it. @throws {QueueDraining | HistoryClosed}
   */
  async *changeMany(
    taskIds: readonly string[],
    change: BulkChange,
  ): AsyncGenerator<readonly ChangedTask[], void> {
    for await (const changed of changeMany(this.#pool, taskIds, change)) {
      if (change.action === "cancel") this.#notifier.notify(SIGNAL_PAYLOAD);
      else this.wake();
      yield changed;
    }
  }

  /** What undoMany would take back now, and what not. */
  undoOutlook(batch: string): AsyncGenerator<readonly UndoneTask[], void> {
    return undoOutlook(this.#pool, batch);
  }

  /** Takes a change of many back for the tasks that have not run since. @throws {HistoryClosed} */
  async *undoMany(batch: string): AsyncGenerator<readonly UndoneTask[], void> {
    for await (const undone of undoMany(this.#pool, batch)) {
      this.wake();
      yield undone;
    }
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

  /**
   * Who spawned a task, what it spawned, what it waits for, what waits for it. @throws
   * {TaskNotFound}
   */
  lineage(taskId: string): Promise<Lineage> {
    return readLineage(this.#pool, taskId);
  }

  /** The registered task names, in every version. */
  taskNames(): Promise<TaskNameView[]> {
    return readTaskNames(this.#pool);
  }

  /** Why a task is not running, most telling reason first. @throws {TaskNotFound} */
  async explain(taskId: string): Promise<Explanation[]> {
    return await explainTask(this.#pool, uuidOrNotFound(taskId));
  }

  /** Newest first, a page at a time. @throws {InvalidFilter} */
  list(filter: TaskFilter = EVERY_TASK, page: PageRequest = {}): Promise<TaskPage> {
    return listTasks(this.#pool, filter, page);
  }

  /** By status, up to `limit` of each. @throws {InvalidFilter} */
  count(filter: TaskFilter, limit?: number, budget?: SearchBudget): Promise<TaskCounts> {
    return countTasks(this.#pool, filter, limit, budget);
  }

  /** Every attempt of a task that ended, first to last. */
  outcomes(taskId: string): Promise<AttemptView[]> {
    return readAttempts(this.#pool, taskId);
  }

  stats(queue?: string): Promise<QueueStats[]> {
    return readQueueStats(this.#pool, queue);
  }

  /** The same by task name. */
  nameStats(): Promise<NameStats[]> {
    return readNameStats(this.#pool);
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
}
