/**
 * The errors of the engine that a caller can act on.
 *
 * Control signals (LeaseLost, TaskCancelled, TimedOut, DeadlineExceeded, ShuttingDown) are also the
 * reasons with which a handler's AbortSignal aborts. TaskError is how a handler says
 * what should happen next.
 */
import type { ErrorRecord } from "./task-view.ts";

/** The attempt may not write any more. Not a failure: another worker owns the task now. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

/** The worker did not beat for a lease and was declared dead; it must register again. */
export class WorkerDeclaredDead extends Error {
  override readonly name = "WorkerDeclaredDead";
}

/** Somebody cancelled the task while it ran. */
export class TaskCancelled extends Error {
  override readonly name = "TaskCancelled";
}

/** The attempt ran past the task's timeout. */
export class TimedOut extends Error {
  override readonly name = "TimedOut";
}

/** The task's deadline passed while it ran. */
export class DeadlineExceeded extends Error {
  override readonly name = "DeadlineExceeded";
}

/** The worker is stopping and its grace is over; the task goes back unharmed. */
export class ShuttingDown extends Error {
  override readonly name = "ShuttingDown";
}

/** Nobody registered this task name. */
export class UnknownTaskName extends Error {
  override readonly name = "UnknownTaskName";
  readonly taskName: string;
  /** Registered names that look like it, best first. */
  readonly nearNames: readonly string[];

  constructor(taskName: string, nearNames: readonly string[], options?: ErrorOptions) {
    const hint = nearNames.length > 0 ? `; did you mean ${nearNames.join(", ")}?` : "";
    super(`task name "${taskName}" is not registered${hint}`, options);
    this.taskName = taskName;
    this.nearNames = nearNames;
  }
}

/** The params do not fit the task's schema, or are too large. Nothing was written. */
export class InvalidParams extends Error {
  override readonly name = "InvalidParams";
  /** Path to the value, and what was expected there. */
  readonly issues: readonly { readonly path: string; readonly message: string }[];

  constructor(
    message: string,
    issues: readonly { readonly path: string; readonly message: string }[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.issues = issues;
  }
}

/** An option of a task that was to be spawned is none. Nothing was written. */
export class InvalidSpawn extends Error {
  override readonly name = "InvalidSpawn";
  /** Which task of the batch, which option, and what was expected. */
  readonly issues: readonly SpawnIssue[];

  constructor(message: string, issues: readonly SpawnIssue[] = [], options?: ErrorOptions) {
    super(message, options);
    this.issues = issues;
  }
}

export interface SpawnIssue {
  readonly index: number;
  readonly field: string;
  readonly message: string;
}

/** A filter asks for what it cannot, or for everything where that would be dangerous. */
export class InvalidFilter extends Error {
  override readonly name = "InvalidFilter";

  static from(
    issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[],
  ): InvalidFilter {
    const parts = issues.map(({ path, message }) => `${path.map(String).join(".")}: ${message}`);
    return new InvalidFilter(`filter is invalid: ${parts.join("; ")}`);
  }
}

/** A cursor that this database did not give. */
export class InvalidCursor extends Error {
  override readonly name = "InvalidCursor";
}

/** The retry rules of a task name are none. */
export class InvalidPolicy extends Error {
  override readonly name = "InvalidPolicy";
}

/** No dead task has this fingerprint, and nobody said anything of it. */
export class UnknownErrorGroup extends Error {
  override readonly name = "UnknownErrorGroup";
}

/** Tasks that were to be spawned depend on each other in a circle, or on what comes after them. */
export class DependencyCycle extends Error {
  override readonly name = "DependencyCycle";
}

/** A task was to depend on one that already failed or was cancelled. */
export class DependencyFailed extends Error {
  override readonly name = "DependencyFailed";
}

/** The task, or a task it should depend on, does not exist. */
export class TaskNotFound extends Error {
  override readonly name = "TaskNotFound";
}

/** An edge whose condition is none, or that contradicts another. Nothing was written. */
export class InvalidCondition extends Error {
  override readonly name = "InvalidCondition";
}

/** Nodes that were to run again have not ended; the message names them. */
export class WorkflowBusy extends Error {
  override readonly name = "WorkflowBusy";
}

/** The workflow, or a node of it, does not exist. */
export class WorkflowNotFound extends Error {
  override readonly name = "WorkflowNotFound";
}

/** A node or a template that is none, or params that do not fit a template. Nothing was written. */
export class InvalidWorkflow extends Error {
  override readonly name = "InvalidWorkflow";
}

/** The template, or that version of it, does not exist. */
export class TemplateNotFound extends Error {
  override readonly name = "TemplateNotFound";
}

/** The task's status does not allow this. */
export class InvalidTransition extends Error {
  override readonly name = "InvalidTransition";
}

/** The schedule does not exist. */
export class ScheduleNotFound extends Error {
  override readonly name = "ScheduleNotFound";
}

/** What was asked of a schedule cannot be: a spec that is none, a name that is taken. */
export class InvalidSchedule extends Error {
  override readonly name = "InvalidSchedule";
}

/** Another worker leads; what was decided under the old term has no effect. */
export class LeaderDeposed extends Error {
  override readonly name = "LeaderDeposed";
}

/** The history of that day is being removed; its tasks stay as they ended. */
export class HistoryClosed extends Error {
  override readonly name = "HistoryClosed";
}

/**
 * The attempt gave up its lease and its slot until what it waits for has come; then the handler
 * runs again from the top. Let it pass: whatever a handler does after it counts for nothing.
 */
export class Suspended extends Error {
  override readonly name = "Suspended";
}

/** The event did not happen in the time that the handler wanted to wait. */
export class EventTimeout extends Error {
  override readonly name = "EventTimeout";
  readonly eventName: string;

  constructor(eventName: string) {
    super(`event "${eventName}" did not happen in time`);
    this.eventName = eventName;
  }
}

/** A task that a handler awaited failed or was cancelled. */
export class TaskFailed extends Error {
  override readonly name = "TaskFailed";
  readonly taskId: string;
  readonly status: "failed" | "cancelled";
  /** What is stored of the task's error. */
  readonly taskError: ErrorRecord;

  constructor(taskId: string, status: "failed" | "cancelled", taskError: ErrorRecord) {
    const ending = status === "failed" ? "failed" : "was cancelled";
    super(`task ${taskId} ${ending}: ${taskError.message}`);
    this.taskId = taskId;
    this.status = status;
    this.taskError = taskError;
  }

  /** Stored with the awaiting task's own error. */
  get fields(): Readonly<Record<string, unknown>> {
    return { task_id: this.taskId, status: this.status, error: this.taskError };
  }
}

/**
 * A task was to wait for one that waits for it, or for a gate that it keeps meanwhile. Uncaught it
 * ends the attempt, which frees what it kept.
 */
export class AwaitCycle extends Error {
  override readonly name = "AwaitCycle";
}

/** An event's name is empty or over 1000 bytes. */
export class InvalidEventName extends Error {
  override readonly name = "InvalidEventName";
}

/** The task has kept no step of this name. */
export class StepNotFound extends Error {
  override readonly name = "StepNotFound";
}

/** What a task asks for (concurrency, locks, rate, resources, labels) cannot be understood. */
export class InvalidDemand extends Error {
  override readonly name = "InvalidDemand";
}

/** No task and no person ever named this limit, or it was removed. */
export class LimitNotFound extends Error {
  override readonly name = "LimitNotFound";
}

/** The queue has as many ready tasks as it takes. Nothing was written; come again later. */
export class QueueFull extends Error {
  override readonly name = "QueueFull";
  readonly queue: string;
  readonly pendingMax: number;
  /** When there should be room, at the pace of late. */
  readonly retryAfterSeconds: number;

  constructor(
    message: string,
    details: { queue: string; pendingMax: number; retryAfterSeconds: number },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.queue = details.queue;
    this.pendingMax = details.pendingMax;
    this.retryAfterSeconds = details.retryAfterSeconds;
  }
}

/** The queue takes no new tasks until it is resumed. Nothing was written. */
export class QueueDraining extends Error {
  override readonly name = "QueueDraining";
}

/** A setting of a queue that does not exist, or with a value out of its range. */
export class InvalidSetting extends Error {
  override readonly name = "InvalidSetting";
}

/** No worker with this number is alive. */
export class WorkerNotFound extends Error {
  override readonly name = "WorkerNotFound";
}

/** A migration that was applied is not the file it was. */
export class MigrationConflict extends Error {
  override readonly name = "MigrationConflict";
}

/**
 * - retryable: the same work may succeed later, with back-off;
 * - recoverable: it may succeed after the repair that its retry rule names, if one does;
 * - fatal: only a person can help;
 * - validation: the params can never work.
 */
export type ErrorClass = "retryable" | "recoverable" | "fatal" | "validation";

/** Thrown by a handler to say what kind of failure this is. */
export class TaskError extends Error {
  override readonly name = "TaskError";
  readonly errorClass: ErrorClass;
  readonly tag: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Stands in for the back-off. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    errorClass: ErrorClass,
    message: string,
    details: {
      tag?: string;
      fields?: Readonly<Record<string, unknown>>;
      retryAfterSeconds?: number;
    } = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.errorClass = errorClass;
    this.tag = details.tag ?? "TaskError";
    this.fields = details.fields ?? {};
    this.retryAfterSeconds = details.retryAfterSeconds;
  }
}
