/** Errors as HTTP, in one place: application/problem+json, RFC 9457. */
import * as absurd from "@contimg/absurd";
import { type Fault, type Problem, type ProblemCode, PROBLEMS } from "@contimg/contract";
import { z } from "zod";

/** Handlers and hooks throw it; they never build an error answer themselves. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ProblemCode;
  readonly faults: readonly Fault[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  /** @param detail a sentence for a person: what is wrong, and what to do next */
  constructor(
    code: ProblemCode,
    detail: string,
    more: { faults?: readonly Fault[]; retryAfterSeconds?: number } = {},
  ) {
    super(detail);
    this.code = code;
    this.faults = more.faults;
    this.retryAfterSeconds = more.retryAfterSeconds;
  }
}

/** Parses what a client sent. A ZodError from anywhere else is our own fault, and a 500. */
export function parse<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  where: "params" | "query" | "body" | "body.terms",
): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => ({
    field: [where, ...issue.path].join("."),
    message: issue.message,
  }));
  const detail = faults.map((each) => `${each.field}: ${each.message}`).join("; ");
  throw new ApiError("INVALID_PARAMS", detail, { faults });
}

const AWAY_RETRY_SECONDS = 5;
const DRAINING_RETRY_SECONDS = 60;

/** The engine's errors that a client can do something about. */
const CODES: readonly (readonly [new (...given: never[]) => Error, ProblemCode])[] = [
  [absurd.TaskNotFound, "NOT_FOUND"],
  [absurd.WorkflowNotFound, "NOT_FOUND"],
  [absurd.ScheduleNotFound, "NOT_FOUND"],
  [absurd.TemplateNotFound, "NOT_FOUND"],
  [absurd.WorkerNotFound, "NOT_FOUND"],
  [absurd.LimitNotFound, "NOT_FOUND"],
  [absurd.StepNotFound, "NOT_FOUND"],
  [absurd.UnknownErrorGroup, "NOT_FOUND"],
  [absurd.UnknownTaskName, "UNKNOWN_TASK_NAME"],
  [absurd.QueueFull, "QUEUE_FULL"],
  [absurd.QueueDraining, "QUEUE_DRAINING"],
  [absurd.InvalidTransition, "CONFLICT"],
  [absurd.WorkflowBusy, "CONFLICT"],
  [absurd.WorkerDeclaredDead, "CONFLICT"],
  [absurd.HistoryClosed, "CONFLICT"],
  [absurd.InvalidParams, "INVALID_PARAMS"],
  [absurd.InvalidSpawn, "INVALID_PARAMS"],
  [absurd.InvalidSetting, "INVALID_PARAMS"],
  [absurd.InvalidSchedule, "INVALID_PARAMS"],
  [absurd.InvalidWorkflow, "INVALID_PARAMS"],
  [absurd.InvalidCondition, "INVALID_PARAMS"],
  [absurd.InvalidDemand, "INVALID_PARAMS"],
  [absurd.InvalidEventName, "INVALID_PARAMS"],
  [absurd.InvalidFilter, "INVALID_PARAMS"],
  [absurd.InvalidPolicy, "INVALID_PARAMS"],
  [absurd.DependencyCycle, "INVALID_PARAMS"],
  [absurd.DependencyFailed, "CONFLICT"],
  [absurd.AwaitCycle, "CONFLICT"],
];

const STATEMENT_TIMEOUT = "57014";
/** Text that PostgreSQL cannot store: input-text.ts finds it before, but for handlers' own. */
const UNSTORABLE = new Set(["22021", "22P05"]);

/** Of fastify: what was wrong with a request before a route saw it. */
const FASTIFY_CODES: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ["BODY_TOO_LARGE", "send less at once"],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    "UNSUPPORTED_MEDIA_TYPE",
    "send JSON, with the header Content-Type: application/json",
  ],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    "MALFORMED_BODY",
    "the body is not as long as Content-Length says",
  ],
  FST_ERR_CTP_EMPTY_JSON_BODY: [
    "MALFORMED_BODY",
    "the body is empty: send {} or no header Content-Type",
  ],
  FST_ERR_CTP_INVALID_JSON_BODY: ["MALFORMED_BODY", "the body is not JSON"],
  FST_ERR_BAD_URL: ["MALFORMED_REQUEST", "the path is not percent-encoded UTF-8"],
  FST_ERR_MAX_PARAM_LENGTH: ["NOT_FOUND", "a part of the path is too long to name anything"],
};

function requestFault(error: unknown): ApiError | undefined {
  if (!(error instanceof Error) || !("statusCode" in error)) return undefined;
  const known = FASTIFY_CODES["code" in error ? String(error.code) : ""];
  if (known) return new ApiError(known[0], known[1]);
  // The JSON parser's own words say where.
  return error.statusCode === 400 ? new ApiError("MALFORMED_BODY", error.message) : undefined;
}

/** What an error is to a client; INTERNAL for one that is our own fault. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  for (const [type, code] of CODES) {
    if (!(error instanceof type)) continue;
    if (error instanceof absurd.QueueFull) {
      return new ApiError(code, error.message, { retryAfterSeconds: error.retryAfterSeconds });
    }
    const isDraining = code === "QUEUE_DRAINING";
    return new ApiError(
      code,
      error.message,
      isDraining ? { retryAfterSeconds: DRAINING_RETRY_SECONDS } : {},
    );
  }
  const fault = requestFault(error);
  if (fault) return fault;
  if (UNSTORABLE.has(absurd.sqlState(error))) {
    return new ApiError("INVALID_PARAMS", "a text has characters that cannot be stored");
  }
  if (absurd.sqlState(error) === STATEMENT_TIMEOUT) {
    return new ApiError("TIMED_OUT", "the database took too long; narrow the filter");
  }
  if (absurd.isConnectionLoss(error)) {
    return new ApiError("DATABASE_UNAVAILABLE", "the database does not answer; try again soon", {
      retryAfterSeconds: AWAY_RETRY_SECONDS,
    });
  }
  // A fault or an outage of ours: the log has the stack, the client does not.
  return new ApiError("INTERNAL", "the server could not answer; its log has the reason");
}

export function problemOf(error: ApiError, requestId: string): Problem {
  const { status, title } = PROBLEMS[error.code];
  return {
    type: `/absurd/docs/problems#${error.code}`,
    title,
    status,
    code: error.code,
    detail: error.message,
    instance: requestId,
    ...(error.faults ? { faults: [...error.faults] } : {}),
    ...(error.retryAfterSeconds === undefined
      ? {}
      : { retry_after_seconds: error.retryAfterSeconds }),
  };
}
