/** Durable task queue and workflow engine on plain PostgreSQL. */
export type { CancelFilter, CancelManyOptions, CancelledTask } from "./bulk-cancel.ts";
export { AbsurdClient, type AbsurdClientOptions } from "./client.ts";
export type { AttemptWorkflow, ParentResult } from "./attempt-workflow.ts";
export type {
  AnyOfParents,
  Condition,
  ConditionalParent,
  Dependency,
  Otherwise,
} from "./dependency.ts";
export { isConnectionLoss, isTransient, sqlState } from "./db.ts";
export type { ConcurrencyKey, Demand, LabelDemand, NamedLock, Rate } from "./demand.ts";
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
  AwaitCycle,
  DependencyCycle,
  DependencyFailed,
  type ErrorClass,
  HistoryClosed,
  InvalidCondition,
  EventTimeout,
  InvalidEventName,
  InvalidDemand,
  InvalidParams,
  InvalidSchedule,
  DeadlineExceeded,
  InvalidFilter,
  InvalidPolicy,
  InvalidSpawn,
  InvalidSetting,
  InvalidTransition,
  InvalidWorkflow,
  LeaseLost,
  LimitNotFound,
  MigrationConflict,
  ScheduleNotFound,
  QueueDraining,
  QueueFull,
  ShuttingDown,
  StepNotFound,
  Suspended,
  TaskCancelled,
  TaskError,
  TaskFailed,
  TaskNotFound,
  TemplateNotFound,
  TimedOut,
  UnknownErrorGroup,
  UnknownTaskName,
  WorkflowBusy,
  WorkflowNotFound,
  WorkerNotFound,
} from "./errors.ts";
export {
  History,
  type HistoryDay,
  type HistorySettings,
  type PruneReport,
  type Spread,
  type StatsRange,
  type StatsStep,
} from "./history.ts";
export type { LimitKind, Limits, LimitUser, LimitUsers, LimitView } from "./limits.ts";
export { type MigrateOptions, type MigrateReport, migrate } from "./migrate.ts";
export type { CronSpec, IntervalSpec, ScheduleSpec } from "./schedule-instants.ts";
export { type FireView, OVERLAPS, type Overlap, type ScheduleView } from "./schedule-view.ts";
export { type ScheduleOptions, Schedules } from "./schedules.ts";
export { FIRE_AT, type TemplateRequest } from "./scheduled-spawn.ts";
export type { EmitOptions, EventView } from "./events.ts";
export type { LogLineView, StepView } from "./steps.ts";
export { type ParamsRef, type ResolveParams, fileParams } from "./params-ref.ts";
export type { RepairRule, RetryPolicy, RetryRule } from "./retry-policy.ts";
export { wireRetry } from "./retry-policy.ts";
export type { Explanation } from "./explain.ts";
export type { QueueSettings, QueueView } from "./queues.ts";
export { childProcess, type ChildProcessOptions } from "./outside/child-process.ts";
export { executable, type ExecutableOptions } from "./outside/executable.ts";
export type { ProcessLimits } from "./outside/limits.ts";
export type { ExitMeaning } from "./outside/process-failure.ts";
export type { Refusal, ReplayReport } from "./spool/replay.ts";
export { type Segment, SpoolFolder } from "./spool/spool-folder.ts";
export {
  type AnyTask,
  type AwaitEventOptions,
  type DedupeOptions,
  type Json,
  type Logger,
  type SpawnOptions,
  type SpawnRequest,
  type Spawned,
  type StepHandle,
  type StepOptions,
  type StepRetry,
  type SpooledSpawn,
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
export type { WorkerView } from "./workers.ts";
export type { WorkerOptions } from "./worker-options.ts";
export { type WorkerHandle, startWorker } from "./worker.ts";
export {
  type ForEach,
  WorkflowBuilder,
  type WorkflowNode,
  type WorkflowNodes,
  type WorkflowSpec,
  workflow,
} from "./workflow.ts";
export type {
  AddedNode,
  RerunPart,
  SpawnedWorkflow,
  WorkflowDetail,
  WorkflowStatus,
  WorkflowSummary,
  Workflows,
} from "./workflows.ts";
export {
  type TemplateDefinition,
  type TemplateDiff,
  type TemplatePlan,
  type TemplateParam,
  type TemplateView,
  diffTemplates,
} from "./templates.ts";
