/** What a worker can be told, and what it goes by where it was told nothing. */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";

import { type ClassifyError, defaultErrorClass } from "./error-record.ts";
import type { ResolveParams } from "./params-ref.ts";
import type { AnyTask, Logger } from "./task.ts";

export interface WorkerOptions {
  /** With `?pgbouncer=true` when it leads through a pooler in transaction mode. */
  readonly connectionString: string;
  /**
   * A direct one for LISTEN, which needs a session. Default: the other; none through a pooler,
   * where polling finds the work.
   */
  readonly listenConnectionString?: string;
  /** Definitions with handlers: all that this worker claims. */
  readonly tasks: readonly AnyTask[];
  /** Default: the queues of the tasks. */
  readonly queues?: readonly string[];
  /** Tasks at once. Default 1. */
  readonly concurrency?: number;
  /**
   * Tasks claimed beyond those that run, so that short ones follow each other without a round trip.
   * They are given back, uncounted, when the worker stops. Default 0.
   */
  readonly prefetch?: number;
  /** What tasks can take at once, by name: `{ cpu: 8, memoryBytes: 32e9 }`. Default: nothing. */
  readonly capacity?: Readonly<Record<string, number>>;
  /** What tasks can require or prefer: `{ gpu: "true", site: "ovro" }`. Default: none. */
  readonly labels?: Readonly<Record<string, string>>;
  /** What a crash costs at most, before others take over. Default 30, at least 0.2. */
  readonly leaseSeconds?: number;
  /** Default: a sixth of the lease. */
  readonly beatSeconds?: number;
  /** How long to sleep between looks when nobody rings. Default 2. */
  readonly pollSeconds?: number;
  /** How long a handler may go on after its signal aborted. Default 10. */
  readonly abortGraceSeconds?: number;
  /**
   * Where outcomes wait that the database does not take for a second because it is away: they
   * outlive this process. Shared with other workers and clients at will. Default: memory only.
   */
  readonly spoolFolder?: string;
  readonly classifyError?: ClassifyError;
  /** Reads params that a task only refers to, such as `fileParams`. Default: such tasks fail. */
  readonly resolveParams?: ResolveParams;
  readonly name?: string;
  readonly version?: string;
  /** Default: silent. */
  readonly log?: Logger;
}

/** The options of which each has a value, except those whose absence means something. */
export type WorkerSettings = Required<
  Omit<WorkerOptions, "listenConnectionString" | "spoolFolder" | "resolveParams">
> & {
  readonly listenConnectionString: string | undefined;
  readonly spoolFolder: string | undefined;
  readonly resolveParams: ResolveParams | undefined;
};

const LEASE_SECONDS_MIN = 0.2;

export function settingsOf(options: WorkerOptions): WorkerSettings {
  const leaseSeconds = Math.max(LEASE_SECONDS_MIN, options.leaseSeconds ?? 30);
  return {
    connectionString: options.connectionString,
    listenConnectionString: options.listenConnectionString,
    tasks: options.tasks,
    queues: options.queues ?? [...new Set(options.tasks.map((task) => task.queue ?? "default"))],
    concurrency: options.concurrency ?? 1,
    prefetch: options.prefetch ?? 0,
    capacity: options.capacity ?? {},
    labels: options.labels ?? {},
    leaseSeconds,
    beatSeconds: options.beatSeconds ?? leaseSeconds / 6,
    pollSeconds: options.pollSeconds ?? 2,
    abortGraceSeconds: options.abortGraceSeconds ?? 10,
    spoolFolder: options.spoolFolder,
    classifyError: options.classifyError ?? defaultErrorClass,
    resolveParams: options.resolveParams,
    name: options.name ?? `${hostname()}-${process.pid}-${randomBytes(3).toString("hex")}`,
    version: options.version ?? "",
    log: options.log ?? SILENT,
  };
}

export const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
