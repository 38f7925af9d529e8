/** Durable task queue and workflow engine on plain PostgreSQL. */
export type { CancelFilter, CancelManyOptions, CancelledTask } from "./bulk-cancel.ts";
export { AbsurdClient, type AbsurdClientOptions } from "./client.ts";
export { isConnectionLoss, isTransient, sqlState } from "./db.ts";
export {
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetters,
  ERROR_GROUP_STATES,
  type ErrorGroup,
  type ErrorGroupState,
  type ReplayOptions,
} from "./dead-letters.ts";
export {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from "./embedded-postgres.ts";
export { type ClassifyError, defaultErrorClass } from "./error-record.ts";
export {
  DeadlineExceeded,
  DependencyCycle,
  DependencyFailed,
  type ErrorClass,
  InvalidFilter,
  InvalidParams,
  InvalidPolicy,
  InvalidSpawn,
  InvalidTransition,
  LeaseLost,
  MigrationConflict,
  ShuttingDown,
  TaskCancelled,
  TaskError,
  TaskNotFound,
  TimedOut,
  UnknownErrorGroup,
  UnknownTaskName,
} from "./errors.ts";
export { type MigrateOptions, type MigrateReport, migrate } from "./migrate.ts";
export { type ParamsRef, type ResolveParams, fileParams } from "./params-ref.ts";
export type { RepairRule, RetryPolicy, RetryRule } from "./retry-policy.ts";
export {
  type AnyTask,
  type DedupeOptions,
  type Json,
  type Logger,
  type SpawnOptions,
  type SpawnRequest,
  type Spawned,
  type TaskContext,
  type TaskDefinition,
  type TraceContext,
  defineTask,
} from "./task.ts";
export type { TaskFilter, TaskPage } from "./task-list.ts";
export {
  type AttemptView,
  type ErrorRecord,
  type QueueStats,
  TASK_STATUSES,
  type TaskPlace,
  type TaskStatus,
  type TaskView,
  isTerminal,
} from "./task-view.ts";
export type { WorkerOptions } from "./worker-options.ts";
export { type WorkerHandle, startWorker } from "./worker.ts";
