/** What a task is to a program: a name, a schema of its params, policy, the code that runs it. */
import type pg from "pg";
import type { z } from "zod";

import type { Dependency } from "./dependency.ts";
import type { AttemptWorkflow, ParentResult } from "./attempt-workflow.ts";
import type { ParamsRef } from "./params-ref.ts";
import type { RetryPolicy } from "./retry-policy.ts";
import type { Demand } from "./demand.ts";

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** Its demand is that of every task that says nothing else. */
export interface TaskDefinition<Params, Result> extends Demand {
  /** Unique in the database. Kebab-case by habit: "calibration-solve". */
  readonly name: string;
  /**
   * Of the params and the code. Workers claim the versions they know; a spawn takes the one that
   * was registered first most recently. Default: the empty one.
   */
  readonly version?: string;
  /** Checked when the task is spawned and again before it runs. */
  readonly params: z.ZodType<Params>;
  /** Default "default". */
  readonly queue?: string;
  /** Attempts after the first. Default 3. */
  readonly maxRetries?: number;
  /** Time of one attempt. Default: none. */
  readonly timeoutSeconds?: number;
  /** Rules by error class and tag. Read when an attempt fails: a new version's hold at once. */
  readonly retry?: RetryPolicy;
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
export interface SpawnOptions extends Demand {
  readonly queue?: string;
  /** Default: the current version of the name. */
  readonly version?: string;
  /** -32768 to 32767, higher first. Default 0. */
  readonly priority?: number;
  /** Tasks of different keys take turns within their queue and priority: one tenant, one key. */
  readonly fairnessKey?: string;
  readonly delaySeconds?: number;
  readonly availableAt?: Date;
  readonly maxRetries?: number;
  readonly timeoutSeconds?: number;
  /** A second spawn of the same name and key returns the first task. */
  readonly idempotencyKey?: string;
  /** The key is forgotten after this long. Default: never. */
  readonly idempotencyKeyTtlSeconds?: number;
  /** Spawns the same content once in a window: equal JSON, whatever the order of its keys. */
  readonly dedupe?: DedupeOptions;
  /** Default: the spawning task's. */
  readonly correlationId?: string;
  /** Default: the spawning task's. */
  readonly traceContext?: TraceContext;
  /** A UUID that its tasks share. */
  readonly workflowId?: string;
  readonly tags?: readonly string[];
  /**
   * Tasks that must end first: task ids, or indexes into the batch of spawnMany. Each must
   * complete, or this task is cancelled, unless it is given with a condition. What can no longer
   * be met is refused.
   */
  readonly dependsOn?: readonly Dependency[];
  /** Not begun after this time, and stopped when it runs: dead, with the tag DeadlineExceeded. */
  readonly deadline?: Date;
  /** Cancelled with the tag Expired when nobody claimed it by then. */
  readonly expiresAt?: Date;
  /** The same, from now. */
  readonly expiresInSeconds?: number;
  /** In place of params: where they are. For more than 1 MiB; see WorkerOptions.resolveParams. */
  readonly paramsRef?: ParamsRef;
  /** Rules by error class and tag; they win over the definition's, field by field. */
  readonly retry?: RetryPolicy;
  /** Wait before the second attempt, doubled each time. Default 2. */
  readonly backoffSeconds?: number;
  /** Default 300. */
  readonly backoffSecondsMax?: number;
}

export interface DedupeOptions {
  readonly windowSeconds: number;
  /** What is compared: all params (default), or values at paths such as "tile.id". */
  readonly by?: "params" | readonly string[];
}

/** W3C Trace Context, and what else a program wants to carry from spawn to handler. */
export interface TraceContext {
  readonly traceparent?: string;
  readonly tracestate?: string;
}

export interface SpawnRequest<Params = unknown> extends SpawnOptions {
  readonly task: string | TaskDefinition<Params, unknown> | AnyTask;
  readonly params?: Params;
}

export interface Spawned {
  readonly spooled?: false;
  readonly taskId: string;
  /** False when the idempotency key or the content was known: this is the older task. */
  readonly created: boolean;
}

export interface StepRetry {
  /** Tries after the first, in place: the attempt goes on. */
  readonly maxRetries: number;
  /** Wait before the second try, doubled each time. Default 1. */
  readonly backoffSeconds?: number;
}

export interface StepOptions {
  /** Default: a step that throws ends the attempt. */
  readonly retry?: StepRetry;
}

/** A step that is no closure; see TaskContext.beginStep. */
export interface StepHandle<T> {
  readonly name: string;
  /** Which call of that name. */
  readonly ordinal: number;
  readonly isDone: boolean;
  /** What it gave, when it is done. */
  readonly value?: T;
}

export interface AwaitEventOptions {
  /** Default: for ever. */
  readonly timeoutSeconds?: number;
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
  /** What the spawn gave, or its parent's. */
  readonly traceContext: TraceContext | undefined;
  /** Aborts with LeaseLost, TaskCancelled, TimedOut, DeadlineExceeded or ShuttingDown. */
  readonly signal: AbortSignal;
  /** The worker's log; from info on the lines are kept with the task, too. */
  readonly log: Logger;
  /** `fraction` in 0 to 1. Sent at most twice a second; the last one wins. */
  progress(fraction: number, note: string): void;
  /**
   * Spawns a child, fenced: a stale attempt spawns nothing. The same spawn of a later attempt gives
   * the same child, unless the request has an idempotency key of its own. @throws {LeaseLost}
   */
  spawn(request: SpawnRequest): Promise<Spawned>;
  /**
   * Does `work` once for the task: what it gave is kept, as JSON, before this resolves, and later
   * attempts get that instead. A name used again means another step: name#2, name#3, …
   * @throws {LeaseLost}, and what `work` throws
   */
  step<T>(name: string, work: () => Promise<T> | T, options?: StepOptions): Promise<T>;
  /** A step whose work cannot be a closure: when it is not done, do it, then completeStep. */
  beginStep<T = Json>(name: string): Promise<StepHandle<T>>;
  /** Keeps the step's value and gives it back. @throws {LeaseLost} */
  completeStep<T>(step: StepHandle<T>, value: T): Promise<T>;
  /**
   * Sleeps without holding a slot or a lease, through restarts. Below a second it waits in place.
   * @throws {Suspended} to end this attempt; let it pass
   */
  sleep(seconds: number): Promise<void>;
  sleepUntil(until: Date): Promise<void>;
  /**
   * The payload of an event, now or when it happens, without holding a slot.
   * @throws {EventTimeout}, and {Suspended}, which must pass
   */
  awaitEvent<T = Json>(name: string, options?: AwaitEventOptions): Promise<T>;
  /** Emits an event, fenced. True when it is the first of its name. @throws {LeaseLost} */
  emit(name: string, payload?: Json): Promise<boolean>;
  /**
   * The result of a task, now or when it has ended, without holding a slot.
   * @throws {TaskFailed | AwaitCycle | TaskNotFound}, and {Suspended}, which must pass
   */
  awaitTask<T = Json>(taskId: string): Promise<T>;
  /** The results of tasks in the order asked. Throws for the first that did not complete. */
  awaitTasks<T = Json>(taskIds: readonly string[]): Promise<T[]>;
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
  /** How the tasks that this one depended on ended, by node name in a workflow, else by task id. */
  parentResults(): Promise<Readonly<Record<string, ParentResult>>>;
  /** The workflow that this task is part of. */
  readonly workflow: AttemptWorkflow;
  /** False when the last acknowledged beat is older than 2/3 of the lease: ask before acting. */
  isLeaseFresh(): boolean;
}
