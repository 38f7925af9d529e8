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
  InvalidTransition,
  LeaseLost,
  MigrationConflict,
  ShuttingDown,
  TaskCancelled,
  TaskError,
  TaskNotFound,
  TimedOut,
  UnknownTaskName,
} from "./errors.ts";
export { childProcess, type ChildProcessOptions } from "./outside/child-process.ts";
export { executable, type ExecutableOptions } from "./outside/executable.ts";
export type { ProcessLimits } from "./outside/limits.ts";
export type { ExitMeaning } from "./outside/process-failure.ts";
export { type MigrateOptions, type MigrateReport, migrate } from "./migrate.ts";
export type { Refusal, ReplayReport } from "./spool/replay.ts";
export { type Segment, SpoolFolder } from "./spool/spool-folder.ts";
export {
  type AnyTask,
  type Json,
  type Logger,
  type SpawnOptions,
  type SpawnRequest,
  type Spawned,
  type SpooledSpawn,
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
