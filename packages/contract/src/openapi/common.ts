/** What many operations share: headers, and the problems by code. */
import { type ProblemCode, PROBLEMS } from "../problem.ts";
import type { JsonSchema } from "./schemas.ts";

export const PARAMETERS: Readonly<Record<string, JsonSchema>> = {
  IdempotencyKey: {
    name: "Idempotency-Key",
    in: "header",
    description:
      "A second request with the key, within a day, does nothing new and gets the same answer.",
    schema: { type: "string", pattern: "^[!-~]{1,200}$" },
  },
  IfMatch: {
    name: "If-Match",
    in: "header",
    description: "The ETag that was read: 412 when the thing has changed since.",
    schema: { type: "string" },
  },
  IfNoneMatch: {
    name: "If-None-Match",
    in: "header",
    description: "The ETag that is known: 304 when it still holds.",
    schema: { type: "string" },
  },
  LastEventId: {
    name: "Last-Event-ID",
    in: "header",
    description: "The id of the last event that was seen: the stream goes on after it.",
    schema: { type: "string", maxLength: 200 },
  },
};

export const HEADERS: Readonly<Record<string, JsonSchema>> = {
  ETag: { description: "Of this content; weak.", schema: { type: "string" } },
  RequestId: {
    description: "The request's id, which stands in the server's log.",
    schema: { type: "string", format: "uuid" },
  },
  RetryAfter: {
    description: "Seconds after which another try makes sense.",
    schema: { type: "integer", minimum: 0 },
  },
  IdempotencyReplayed: {
    description: "The answer of an earlier request with the same Idempotency-Key.",
    schema: { type: "string", const: "true" },
  },
};

/** Statuses whose answers say when to come again. */
const RETRY_STATUSES: readonly number[] = [429, 503];

export function problemResponseOf(code: ProblemCode): JsonSchema {
  return { ...problemOf([code]), description: `${code}: ${PROBLEMS[code].title}.` };
}

/** One status has one response: where several codes share it, they are told apart by `code`. */
export function problemOf(codes: readonly ProblemCode[]): JsonSchema {
  const { status } = PROBLEMS[codes[0]!];
  return {
    description: codes.map((code) => `${code}: ${PROBLEMS[code].title}.`).join("\n\n"),
    headers: {
      "X-Request-Id": { $ref: "#/components/headers/RequestId" },
      ...(RETRY_STATUSES.includes(status)
        ? { "Retry-After": { $ref: "#/components/headers/RetryAfter" } }
        : {}),
    },
    content: {
      "application/problem+json": {
        schema: {
          allOf: [
            { $ref: "#/components/schemas/Problem" },
            { properties: { status: { const: status }, code: { enum: codes } } },
          ],
        },
      },
    },
  };
}
