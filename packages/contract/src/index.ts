/** What the HTTP API says, for its server and its clients: routes, schemas, problems, client. */
export {
  ACCESS_ROUTES,
  auditEntry,
  type AuditEntry,
  session,
  type Session,
  TERMINAL_ACTIONS,
  token,
} from "./access.ts";
export {
  BULK_ROUTES,
  BULK_ACTIONS,
  BULK_STATES,
  bulkAction,
  type BulkAction,
  bulkPreview,
  bulkRequest,
  undoPreview,
  type UndoPreview,
} from "./bulk.ts";
export {
  ApiAway,
  ApiProblem,
  type CallOptions,
  Client,
  type ClientOptions,
  urlOf,
} from "./client.ts";
export {
  FAILURE_ROUTES,
  deadLetter,
  type DeadLetter,
  deadLetterFilter,
  FAILURE_STATES,
  failureGroup,
  type FailureGroup,
} from "./failure.ts";
export {
  completeTaskFilter,
  type Completion,
  type KnownNames,
  type Suggestion,
} from "./filter/complete.ts";
export {
  CONDITION_OPS,
  type ConditionOp,
  type ConditionValue,
  TASK_FIELD_NAMES,
  type TaskCondition,
  type TaskField,
} from "./filter/condition.ts";
export { type FieldKind, type FieldSpec, type KnownName, TASK_FIELDS } from "./filter/fields.ts";
export { type DeadLetterTerms, parseDeadLetterFilter } from "./filter/dead-letters.ts";
export { fitsTask } from "./filter/fits-task.ts";
export { formatTaskFilter } from "./filter/format.ts";
export { type FilterHelpRow, taskFilterHelp } from "./filter/help.ts";
export { type ParsedFilter, parseTaskFilter, type PlacedFault } from "./filter/parse.ts";
export {
  HEALTH_ROUTES,
  alert,
  type Alert,
  health,
  type Health,
  HEALTH_STATUSES,
  metrics,
  type Metrics,
  overview,
  type Overview,
} from "./health.ts";
export { LIMIT_ROUTES, limit, type Limit, LIMIT_KINDS } from "./limit.ts";
export {
  LIVE_ROUTES,
  gap,
  liveEvent,
  type LiveEvent,
  progressUpdate,
  queueStatsUpdate,
  SOCKET_PATH,
  socketMessage,
  socketRequest,
  stale,
  taskUpdate,
  type TaskUpdate,
} from "./live.ts";
export { type OpenApiDocument, openApiDocument, type OpenApiOptions } from "./openapi/document.ts";
export {
  EVERY_ROUTE,
  fault,
  type Fault,
  problem,
  type Problem,
  PROBLEM_CODES,
  type ProblemCode,
  PROBLEMS,
} from "./problem.ts";
export {
  QUEUE_ROUTES,
  metricsStep,
  queue,
  type Queue,
  queueSettings,
  queueStats,
  type QueueStats,
  RESOLUTIONS,
} from "./queue.ts";
export {
  type Answer,
  type ClientInput,
  json,
  type Method,
  NO_CONTENT,
  type ParsedInput,
  type Role,
  ROLES,
  type Route,
  type RouteAnswer,
} from "./route.ts";
export { type RouteName, ROUTES } from "./routes.ts";
export {
  SCHEDULE_ROUTES,
  createSchedule,
  firing,
  type Firing,
  overlap,
  OVERLAPS,
  schedule,
  type Schedule,
  SCHEDULE_STATES,
  updateSchedule,
} from "./schedule.ts";
export {
  attempt,
  errorRecord,
  type ErrorRecord,
  explanation,
  type Explanation,
  lineage,
  listTasksQuery,
  LOG_LEVELS,
  logLine,
  type LogLine,
  spawned,
  spawnRequest,
  type SpawnRequest,
  step,
  task,
  type Task,
  TASK_STATUSES,
  taskCounts,
  taskPage,
  type TaskPage,
  taskPlace,
  taskProgress,
  taskStatus,
  type TaskStatus,
  taskSummary,
  type TaskSummary,
} from "./task.ts";
export { TASK_ROUTES } from "./task-routes.ts";
export {
  flag,
  instant,
  jsonObject,
  jsonValue,
  name,
  nextCursor,
  pageQuery,
  reason,
  taskIdParam,
} from "./values.ts";
export {
  PARAM_TYPES,
  template,
  type Template,
  TEMPLATE_ROUTES,
  templateDefinition,
  templateParam,
} from "./template.ts";
export {
  FAILURE_TABS,
  newView,
  savedView,
  type SavedView,
  VIEW_TERMS,
  type ViewPage,
  type ViewTerms,
} from "./view.ts";
export {
  WORKER_ROUTES,
  runningTask,
  worker,
  type Worker,
  WORKER_STATES,
  workerPage,
} from "./worker.ts";
export {
  WORKFLOW_ROUTES,
  createWorkflow,
  nodeSpec,
  rerunPart,
  WORKFLOW_STATUSES,
  workflowDag,
  workflowEdge,
  type WorkflowEdge,
  workflowNode,
  type WorkflowNode,
  workflowSummary,
  type WorkflowSummary,
} from "./workflow.ts";
