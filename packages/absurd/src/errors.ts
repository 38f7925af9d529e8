/**
 * The errors of the engine that a caller can act on.
 *
 * Control signals (LeaseLost, TaskCancelled, TimedOut, ShuttingDown) are also the reasons with
 * which a handler's AbortSignal aborts. TaskError is how a handler says what should happen next.
 */

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

/** The task's status does not allow this. */
export class InvalidTransition extends Error {
  override readonly name = "InvalidTransition";
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
 * - recoverable: it may succeed after a repair (for now: tried again like retryable);
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

  constructor(
    errorClass: ErrorClass,
    message: string,
    details: { tag?: string; fields?: Readonly<Record<string, unknown>> } = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.errorClass = errorClass;
    this.tag = details.tag ?? "TaskError";
    this.fields = details.fields ?? {};
  }
}
