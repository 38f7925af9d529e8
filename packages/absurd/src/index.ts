/** Durable task queue and workflow engine on plain PostgreSQL. */
export {
  BULK_ACTIONS,
  type BulkChange,
  type BulkChangeAction,
  type ChangedTask,
  type UndoneTask,
} from "./bulk-change.ts";
export type { CancelFilter, CancelManyOptions, CancelledTask } from "./bulk-cancel.ts";
export {
  ChangeReader,
  type Changes,
  type ProgressChange,
  readProgress,
  type TaskChange,
} from "./changes.ts";
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
export { holdConnection } from "./held-connection.ts";
export {
  AwaitCycle,
  DependencyCycle,
  DependencyFailed,
  type ErrorClass,
  HistoryClosed,
  InvalidCondition,
  InvalidCursor,
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
  WorkerDeclaredDead,
  WorkerNotFound,
} from "./errors.ts";
export {
  History,
  type HistoryDay,
  type HistorySettings,
  type PruneReport,
  type RecentEnds,
  type UsualRun,
} from "./history.ts";
export type { SecondsHistogram, Spread, StatsRange, StatsStep, Totals } from "./stats-history.ts";
export { Listener } from "./listener.ts";
export type { TaskNameView } from "./kinds.ts";
export type { Lineage } from "./lineage.ts";
export type { LimitKind, Limits, LimitUser, LimitUsers, LimitView } from "./limits.ts";
export { type MigrateOptions, type MigrateReport, migrate, pendingMigrations } from "./migrate.ts";
export {
  hearsNotifications,
  type HorizonHolder,
  readHorizonHolders,
  readReadyKinds,
  readServer,
  type ServerFacts,
} from "./preflight.ts";
export {
  type CronSpec,
  type IntervalSpec,
  nextInstants,
  type ScheduleSpec,
} from "./schedule-instants.ts";
export { type FireView, OVERLAPS, type Overlap, type ScheduleView } from "./schedule-view.ts";
export {
  type ScheduleChange,
  type ScheduledChange,
  type ScheduleOptions,
  Schedules,
} from "./schedules.ts";
export { FIRE_AT, type TemplateRequest } from "./scheduled-spawn.ts";
export type { EmitOptions, EventView, HeldTask } from "./events.ts";
export type { LogLineView, StepView } from "./steps.ts";
export { type ParamsRef, type ResolveParams, fileParams } from "./params-ref.ts";
export type { RepairRule, RetryPolicy, RetryRule } from "./retry-policy.ts";
export { wireRetry } from "./retry-policy.ts";
export type { Explanation } from "./explain.ts";
export type { QueuePace, QueueSettings, QueueView } from "./queues.ts";
export { childProcess, type ChildProcessOptions } from "./outside/child-process.ts";
export { executable, type ExecutableOptions, type OutsideContext } from "./outside/executable.ts";
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
export {
  EVERY_TASK,
  fieldIs,
  TASK_FIELDS,
  type TaskCondition,
  type TaskConditionOp,
  type TaskField,
  type TaskFilter,
} from "./task-filter.ts";
export type { PageRequest, SearchBudget, TaskCounts, TaskPage } from "./task-list.ts";
export {
  type AttemptView,
  type ErrorRecord,
  type ErrorSummary,
  type NameStats,
  type QueueStats,
  TASK_STATUSES,
  type TaskPlace,
  type TaskStatus,
  type TaskSummary,
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
  WorkflowPage,
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
