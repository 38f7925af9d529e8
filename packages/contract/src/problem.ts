/** Problems (RFC 9457): every error answer of the API, by code. */
import { z } from "zod";

/** A code is stable; programs decide by it. */
export const PROBLEMS = {
  INVALID_PARAMS: { status: 422, title: "The request does not fit its schema" },
  INVALID_FILTER: { status: 422, title: "The filter cannot be read" },
  INVALID_CURSOR: { status: 422, title: "The cursor is not one of this list" },
  UNKNOWN_TASK_NAME: { status: 422, title: "No such task name is registered" },
  MALFORMED_REQUEST: { status: 400, title: "The request is not HTTP that can be read" },
  MALFORMED_BODY: { status: 400, title: "The body is not JSON" },
  UNAUTHENTICATED: { status: 401, title: "Sign in, or send a token" },
  FORBIDDEN: { status: 403, title: "Your role may not do this" },
  CSRF: { status: 403, title: "The request does not come from a page of this server" },
  NOT_FOUND: { status: 404, title: "There is no such thing" },
  METHOD_NOT_ALLOWED: { status: 405, title: "The path does not take this method" },
  NOT_ACCEPTABLE: { status: 406, title: "The answer is not of a type that was asked for" },
  CONFLICT: { status: 409, title: "The state of the thing does not allow this" },
  ALREADY_EXISTS: { status: 409, title: "There is one of this name" },
  IDEMPOTENCY_CONFLICT: { status: 409, title: "The Idempotency-Key was used for another request" },
  PRECONDITION_FAILED: { status: 412, title: "It has changed since you read it" },
  BODY_TOO_LARGE: { status: 413, title: "The body is too large" },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: "The body is not of a type that is taken" },
  RATE_LIMITED: { status: 429, title: "Too many requests" },
  QUEUE_FULL: { status: 503, title: "The queue takes no more tasks now" },
  QUEUE_DRAINING: { status: 503, title: "The queue drains and takes no new tasks" },
  ABSURD_DISABLED: { status: 503, title: "Absurd is switched off here" },
  DATABASE_UNAVAILABLE: { status: 503, title: "The database is away" },
  TIMED_OUT: { status: 504, title: "The database took too long for this answer" },
  INTERNAL: { status: 500, title: "The server has a fault" },
} as const satisfies Readonly<Record<string, { status: number; title: string }>>;

export type ProblemCode = keyof typeof PROBLEMS;

export const PROBLEM_CODES = Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]];

/** What any route may answer besides its own problems. */
export const EVERY_ROUTE = [
  "INVALID_PARAMS",
  "MALFORMED_BODY",
  "UNAUTHENTICATED",
  "FORBIDDEN",
  "CSRF",
  "BODY_TOO_LARGE",
  "UNSUPPORTED_MEDIA_TYPE",
  "RATE_LIMITED",
  "ABSURD_DISABLED",
  "DATABASE_UNAVAILABLE",
  "TIMED_OUT",
  "INTERNAL",
] as const satisfies readonly ProblemCode[];

/** One fault of a request: where, and what was expected there. */
export const fault = z.strictObject({
  /** query.limit, body.params.ra_deg; of a filter, `q`. */
  field: z.string(),
  message: z.string(),
  /** Of a filter: where in its text the fault begins and ends, in UTF-16 units. */
  start: z.int().min(0).optional(),
  end: z.int().min(0).optional(),
});

export const problem = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.enum(PROBLEM_CODES),
  /** A sentence for a person: what is wrong, and what to do next. */
  detail: z.string(),
  /** The request's id, which stands in the server's log, too. */
  instance: z.string(),
  faults: z.array(fault).optional(),
  /** Of 429 and 503: as in the Retry-After header. */
  retry_after_seconds: z.number().optional(),
});

export type Problem = z.output<typeof problem>;
export type Fault = z.output<typeof fault>;
