/**
 * Spawns that do not wait for the database: when it is away they go to disk, and become tasks when
 * somebody replays the folder.
 *
 * Every task has an idempotency key before the first try, so whatever became of that try, and
 * however often the record is replayed, there is one task for it.
 */
import { randomUUID } from "node:crypto";

import { type Db, isTransient } from "../db.ts";
import { spawnBatch, spawnTasksJson } from "../spawn.ts";
import type { AnyTask, SpawnRequest, Spawned, SpooledSpawn } from "../task.ts";
import type { SpawnRecord } from "./records.ts";
import { type ReplayReport, replaySpool } from "./replay.ts";
import type { Segment } from "./spool-folder.ts";
import { SpoolFolder } from "./spool-folder.ts";

export interface SpawnSpoolHost {
  readonly db: Db;
  readonly definitions: ReadonlyMap<string, AnyTask>;
  spawnMany(
    requests: readonly SpawnRequest[],
    scope: { readonly fence?: string | undefined },
  ): Promise<Spawned[]>;
  /** Tells workers to look. */
  wake(): void;
}

interface Waiting {
  readonly record: string;
  resolve(): void;
  reject(error: unknown): void;
}

/** A database that has not answered by then is away. */
const ANSWER_MS_MAX = 5_000;

export class SpawnSpool {
  readonly #host: SpawnSpoolHost;
  readonly #folder: SpoolFolder | undefined;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;

  constructor(host: SpawnSpoolHost, folder: SpoolFolder | string | undefined) {
    this.#host = host;
    this.#folder = typeof folder === "string" ? new SpoolFolder(folder) : folder;
  }

  /**
   * Spawns all or none, now or, when the database is away, later. What it resolves with is durable.
   * @throws as spawnMany, for what is wrong with the requests; or what the file system says
   */
  async spawn(
    requests: readonly SpawnRequest[],
    fence: string | undefined,
  ): Promise<readonly (Spawned | SpooledSpawn)[]> {
    this.#required();
    const keyed = requests.map((request) => ({
      ...request,
      idempotencyKey: request.idempotencyKey ?? `spool-${randomUUID()}`,
    }));
    // Before the database is asked: what can never be a task must not get into the spool.
    const record = this.#toRecord(keyed, fence);
    try {
      return await inTime(this.#host.spawnMany(keyed, { fence }));
    } catch (error) {
      if (!isTransient(error)) throw error;
    }
    await this.#write(JSON.stringify(record));
    return keyed.map(({ idempotencyKey }) => ({ spooled: true, idempotencyKey }));
  }

  /** Brings everything in the folder to the database. @throws when it is away */
  async replay(): Promise<ReplayReport> {
    const report = await replaySpool(this.#host.db, this.#required());
    if (report.spawned > 0) this.#host.wake();
    return report;
  }

  /** What is in the folder, oldest first. */
  list(): Promise<Segment[]> {
    return this.#required().list();
  }

  #required(): SpoolFolder {
    if (this.#folder) return this.#folder;
    throw new TypeError("the client has no spool: give its option spoolFolder");
  }

  #toRecord(
    requests: readonly (SpawnRequest & { readonly idempotencyKey: string })[],
    fence: string | undefined,
  ): SpawnRecord {
    const { definitions } = this.#host;
    const known = new Map<string, AnyTask>();
    for (const { task } of requests) {
      const definition = typeof task === "string" ? definitions.get(task) : task;
      if (definition) known.set(definition.name, definition);
    }
    return {
      kinds: [...known.values()].map(({ name, queue, maxRetries, timeoutSeconds }) => ({
        name,
        ...(queue === undefined ? {} : { queue }),
        ...(maxRetries === undefined ? {} : { maxRetries }),
        ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
      })),
      tasks: spawnTasksJson(spawnBatch(requests, definitions).spawns),
      keys: requests.map((request) => request.idempotencyKey),
      fence: fence ?? null,
    };
  }

  /** Those that come while one segment is written go into the next, together. */
  #write(record: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, resolve, reject });
      this.#writing ??= this.#writeAll().finally(() => {
        this.#writing = undefined;
      });
    });
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#required().write(
          "spawn",
          batch.map((each) => each.record),
        );
        for (const each of batch) each.resolve();
      } catch (error) {
        for (const each of batch) each.reject(error);
      }
    }
  }
}

/** @throws an error that counts as transient when there is no answer in time */
async function inTime<Result>(work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`timeout: the database did not answer within ${ANSWER_MS_MAX} ms`));
    }, ANSWER_MS_MAX);
  });
  // Its answer may come late, when the spool has it already: the key makes them one.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
