/** Durable task queue and workflow engine on plain PostgreSQL. */
export { AbsurdClient, type AbsurdClientOptions } from "./client.ts";
export { isConnectionLoss, isTransient, sqlState } from "./db.ts";
export {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from "./embedded-postgres.ts";
export { type ClassifyError, defaultErrorClass } from "./error-record.ts";
export {
  AwaitCycle,
  DependencyCycle,
  DependencyFailed,
  type ErrorClass,
  EventTimeout,
  InvalidEventName,
  InvalidParams,
  InvalidTransition,
  LeaseLost,
  MigrationConflict,
  ShuttingDown,
  StepNotFound,
  Suspended,
  TaskCancelled,
  TaskError,
  TaskFailed,
  TaskNotFound,
  TimedOut,
  UnknownTaskName,
} from "./errors.ts";
export { type MigrateOptions, type MigrateReport, migrate } from "./migrate.ts";
export type { EmitOptions, EventView } from "./events.ts";
export type { LogLineView, StepView } from "./steps.ts";
export {
  type AnyTask,
  type AwaitEventOptions,
  type Json,
  type Logger,
  type SpawnOptions,
  type SpawnRequest,
  type Spawned,
  type StepHandle,
  type StepOptions,
  type StepRetry,
  type TaskContext,
  type TaskDefinition,
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
