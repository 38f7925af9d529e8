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
  DependencyCycle,
  DependencyFailed,
  type ErrorClass,
  InvalidParams,
  InvalidSetting,
  InvalidTransition,
  LeaseLost,
  MigrationConflict,
  QueueDraining,
  QueueFull,
  ShuttingDown,
  TaskCancelled,
  TaskError,
  TaskNotFound,
  TimedOut,
  UnknownTaskName,
  WorkerNotFound,
} from "./errors.ts";
export { type MigrateOptions, type MigrateReport, migrate } from "./migrate.ts";
export type { Explanation } from "./explain.ts";
export type { QueueSettings, QueueView } from "./queues.ts";
export {
  type AnyTask,
  type Json,
  type Logger,
  type SpawnOptions,
  type SpawnRequest,
  type Spawned,
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
export type { WorkerView } from "./workers.ts";
export type { WorkerOptions } from "./worker-options.ts";
export { type WorkerHandle, startWorker } from "./worker.ts";
