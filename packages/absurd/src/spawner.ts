/**
 * The client's way of spawning: knows definitions, registers them before their first use, and picks
 * the statement: shared with others of the same moment, one for a batch, or COPY for a stream.
 */
import type pg from "pg";

import { type Db } from "./db.ts";
import { UnknownTaskName } from "./errors.ts";
import { registerKinds, withNearNames } from "./kinds.ts";
import { ANY_QUEUE_PAYLOAD, type Notifier } from "./notifier.ts";
import { type FullQueueScope, waitWhileFull } from "./queue-full.ts";
import { spawnBatch, type WireSpawn, wireSpawn } from "./spawn.ts";
import { sendSpawns } from "./spawn-call.ts";
import { SpawnCoalescer } from "./spawn-coalescer.ts";
import { copyTasks } from "./spawn-copy.ts";
import { checkOptions } from "./spawn-options.ts";
import type { AnyTask, SpawnRequest, Spawned } from "./task.ts";
import { keepsStatements } from "./transaction-pooling.ts";

export interface SpawnScope extends FullQueueScope {
  /** The caller's open transaction. */
  readonly on?: pg.ClientBase | undefined;
  /** The attempt that spawns: a stale one spawns nothing. */
  readonly fence?: string | undefined;
}

export class Spawner {
  readonly definitions: Map<string, AnyTask>;
  readonly #db: Db;
  readonly #notifier: Notifier;
  readonly #isPrepared: boolean;
  readonly #coalescer = new SpawnCoalescer((spawns) => this.#send(spawns, {}));
  #unregistered: AnyTask[];

  constructor(db: Db, tasks: readonly AnyTask[], notifier: Notifier) {
    this.#db = db;
    this.#notifier = notifier;
    this.#isPrepared = keepsStatements(db);
    this.#unregistered = [...tasks];
    this.definitions = new Map(tasks.map((task) => [task.name, task]));
  }

  async register(tasks: readonly AnyTask[]): Promise<void> {
    for (const task of tasks) this.definitions.set(task.name, task);
    const pending = [...this.#unregistered, ...tasks];
    if (pending.length > 0) await registerKinds(this.#db, pending);
    this.#unregistered = this.#unregistered.filter((task) => !pending.includes(task));
  }

  async registerUsed(requests: readonly Pick<SpawnRequest, "task">[]): Promise<void> {
    const fresh = new Map<string, AnyTask>();
    for (const { task } of requests) {
      if (typeof task !== "string" && this.definitions.get(task.name) !== task) {
        fresh.set(task.name, task);
      }
    }
    if (fresh.size > 0 || this.#unregistered.length > 0) await this.register([...fresh.values()]);
  }

  async one(request: SpawnRequest, scope: SpawnScope): Promise<Spawned> {
    if (scope.on || scope.fence !== undefined || request.dependsOn !== undefined) {
      const [spawned] = await this.many([request], scope);
      return spawned!;
    }
    checkOptions(request, 0);
    await this.registerUsed([request]);
    const wire = wireSpawn(request, this.definitions);
    return await waitWhileFull(scope, () => this.#coalescer.add(wire));
  }

  async many(requests: readonly SpawnRequest[], scope: SpawnScope): Promise<Spawned[]> {
    if (requests.length === 0) return [];
    await this.registerUsed(requests);
    const batch = spawnBatch(requests, this.definitions);
    const placed = await waitWhileFull(scope, () => this.#send(batch.spawns, scope));
    const spawned: Spawned[] = [];
    placed.forEach((each, place) => {
      spawned[batch.order[place]!] = each;
    });
    return spawned;
  }

  async stream(
    task: AnyTask,
    params: AsyncIterable<unknown> | Iterable<unknown>,
    options: { on: pg.ClientBase; queue?: string; priority?: number },
  ): Promise<number> {
    await this.registerUsed([{ task }]);
    const count = await copyTasks(options.on, task, params, options);
    this.#notifier.notify(options.queue ?? task.queue ?? "default");
    return count;
  }

  /** A request as absurd.spawn_tasks takes it: what a schedule keeps. */
  async wire(request: SpawnRequest): Promise<Record<string, unknown>> {
    await this.registerUsed([request]);
    // What wireSpawn writes is an object.
    return JSON.parse(wireSpawn(request, this.definitions).json) as Record<string, unknown>;
  }

  async #send(spawns: readonly WireSpawn[], scope: SpawnScope): Promise<readonly Spawned[]> {
    const db = (scope.on as Db | undefined) ?? this.#db; // pg's overloads do not infer.
    const queues = new Set(spawns.map((each) => each.queue ?? ANY_QUEUE_PAYLOAD));
    // In the caller's transaction it would hold up others until that ends, whenever that is.
    const rides = !scope.on && queues.size === 1 && this.#notifier.takeRide();
    try {
      const spawned = await sendSpawns(db, spawns, {
        fence: scope.fence,
        notify: rides ? [...queues][0] : undefined,
        isPrepared: this.#isPrepared && !scope.on,
      });
      if (!scope.on && !rides) for (const queue of queues) this.#notifier.notify(queue);
      return spawned;
    } catch (error) {
      throw error instanceof UnknownTaskName ? await withNearNames(this.#db, error) : error;
    }
  }
}
