/** What a task is to a program: a name, a schema of its params, policy, the code that runs it. */
import type pg from "pg";
import type { z } from "zod";

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

export interface TaskDefinition<Params, Result> {
  /** Unique in the database. Kebab-case by habit: "calibration-solve". */
  readonly name: string;
  /** Checked when the task is spawned and again before it runs. */
  readonly params: z.ZodType<Params>;
  /** Default "default". */
  readonly queue?: string;
  /** Attempts after the first. Default 3. */
  readonly maxRetries?: number;
  /** Time of one attempt. Default: none. */
  readonly timeoutSeconds?: number;
  /** Absent in programs that only spawn. The result must survive JSON. */
  readonly handler?: (params: Params, context: TaskContext) => Promise<Result> | Result;
}

/** A definition with its types forgotten, for tables of tasks. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the schema guards the border
export type AnyTask = TaskDefinition<any, any>;

/** Gives a definition its types. */
export function defineTask<Params, Result = unknown>(
  definition: TaskDefinition<Params, Result>,
): TaskDefinition<Params, Result> {
  return definition;
}

/** Where a new task goes and how it is treated; each defaults to what its definition says. */
export interface SpawnOptions {
  readonly queue?: string;
  /** -32768 to 32767, higher first. Default 0. */
  readonly priority?: number;
  readonly delaySeconds?: number;
  readonly availableAt?: Date;
  readonly maxRetries?: number;
  readonly timeoutSeconds?: number;
  /** A second spawn of the same name and key returns the first task. */
  readonly idempotencyKey?: string;
  readonly correlationId?: string;
  /** A UUID that its tasks share. */
  readonly workflowId?: string;
  readonly tags?: readonly string[];
  /**
   * Tasks that must complete first: task ids, or indexes into the batch of spawnMany. When one of
   * them fails or is cancelled, so is this task. One that failed already is refused.
   */
  readonly dependsOn?: readonly (string | number)[];
  /** Wait before the second attempt, doubled each time. Default 2. */
  readonly backoffSeconds?: number;
  /** Default 300. */
  readonly backoffSecondsMax?: number;
}

export interface SpawnRequest<Params = unknown> extends SpawnOptions {
  readonly task: string | TaskDefinition<Params, unknown> | AnyTask;
  readonly params?: Params;
}

export interface Spawned {
  readonly spooled?: false;
  readonly taskId: string;
  /** False when the idempotency key was known: this is the older task. */
  readonly created: boolean;
}

/** The database was away: the spawn is on disk, and will become one task when it is replayed. */
export interface SpooledSpawn {
  readonly spooled: true;
  /** The given one, or one that was made; by it the task will be found. */
  readonly idempotencyKey: string;
}

export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What a handler may do besides its work. Every write is refused once the lease is lost. */
export interface TaskContext {
  readonly taskId: string;
  readonly taskName: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** Who may write, as short text: for folder names and the environment of child processes. */
  readonly fence: string;
  /** Aborts with LeaseLost, TaskCancelled, TimedOut or ShuttingDown as its reason. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** `fraction` in 0 to 1. Sent at most twice a second; the last one wins. */
  progress(fraction: number, note: string): void;
  /** Spawns a child, fenced: a stale attempt spawns nothing. @throws {LeaseLost} */
  spawn(request: SpawnRequest): Promise<Spawned>;
  /**
   * Completes this task inside the caller's open transaction, which must have ended when the
   * handler returns. Rolled back, the attempt counts as failed.
   * @throws {LeaseLost} when the fence is stale; the caller lets its transaction roll back
   */
  completeIn(client: pg.ClientBase, result?: Json): Promise<void>;
  /**
   * Throws when the attempt may not write any more. In a transaction it also keeps anybody from
   * taking the task until the transaction ends.
   * @throws {LeaseLost}
   */
  assertFence(client: pg.ClientBase): Promise<void>;
  /** False when the last acknowledged beat is older than 2/3 of the lease: ask before acting. */
  isLeaseFresh(): boolean;
}
