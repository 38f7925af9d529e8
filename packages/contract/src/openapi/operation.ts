/** One route as an operation of the OpenAPI document. */
import type { z } from "zod";

import { metrics } from "../health.ts";
import { liveEvent } from "../live.ts";
import { EVERY_ROUTE, type ProblemCode, PROBLEMS } from "../problem.ts";
import type { Route } from "../route.ts";
import { ROUTES } from "../routes.ts";
import { problemOf } from "./common.ts";
import type { Operation } from "./document.ts";
import type { Components, JsonSchema } from "./schemas.ts";

export function operationOf(
  name: string,
  route: Route,
  components: Components,
): { operation: Operation; problems: readonly ProblemCode[] } {
  const problems = problemsOf(route);
  const parameters = [
    ...parametersOf(route.params, "path", components),
    ...parametersOf(route.query, "query", components),
    ...headersOf(route),
  ];
  return {
    problems,
    operation: {
      operationId: name,
      summary: route.summary,
      tags: [route.tag],
      description: route.role === null ? "For everyone." : `For the role ${route.role} and above.`,
      ...(route.role === null ? { security: [] } : {}),
      ...(parameters.length > 0 ? { parameters } : {}),
      ...(route.body ? { requestBody: bodyOf(route.body, components) } : {}),
      responses: { ...answersOf(route, components), ...problemAnswers(problems) },
    },
  };
}

function parametersOf(
  schema: z.ZodObject | undefined,
  where: "path" | "query",
  components: Components,
): JsonSchema[] {
  if (!schema) return [];
  const { properties, required } = components.sent(schema) as {
    properties: Record<string, JsonSchema>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    ...(where === "path" || required?.includes(name) ? { required: true } : {}),
    schema: property,
  }));
}

function headersOf(route: Route): JsonSchema[] {
  const names: string[] = [];
  if (route.answer.kind === "events") names.push("LastEventId");
  else if (route.method === "GET") names.push("IfNoneMatch");
  else {
    if (isKeyed(route)) names.push("IdempotencyKey");
    if (hasReader(route)) names.push("IfMatch");
  }
  return names.map((name) => ({ $ref: `#/components/parameters/${name}` }));
}

function isKeyed(route: Route): boolean {
  const isAboutSession = route.path === ROUTES.signIn.path;
  return (
    route.method !== "GET" &&
    !route.changesNothing &&
    !route.isBeat &&
    !route.hasSecretAnswer &&
    !isAboutSession
  );
}

/** Whether the same path can be read, so that an ETag is known of it. */
function hasReader({ path, role, changesNothing }: Route): boolean {
  const reader = Object.values<Route>(ROUTES).some(
    (each) => each.method === "GET" && each.path === path,
  );
  return reader && role !== null && !changesNothing;
}

function bodyOf(schema: z.ZodType, components: Components): JsonSchema {
  // A body whose members may all be left out may be left out itself.
  return {
    required: !schema.safeParse({}).success,
    content: { "application/json": { schema: components.sent(schema) } },
  };
}

function answersOf(route: Route, components: Components): Record<string, JsonSchema> {
  const { answer, method } = route;
  const content = contentOf(route, components);
  const isTagged = method === "GET" && answer.kind === "json";
  return {
    [String(answer.status)]: {
      description: route.summary,
      headers: {
        "X-Request-Id": { $ref: "#/components/headers/RequestId" },
        ...(isTagged ? { ETag: { $ref: "#/components/headers/ETag" } } : {}),
        ...(isKeyed(route)
          ? { "Idempotency-Replayed": { $ref: "#/components/headers/IdempotencyReplayed" } }
          : {}),
      },
      ...(content ? { content } : {}),
    },
    ...(isTagged ? { "304": { description: "It has not changed; see If-None-Match." } } : {}),
  };
}

function contentOf(route: Route, components: Components): Record<string, JsonSchema> | undefined {
  const { answer } = route;
  switch (answer.kind) {
    case "json":
      return { "application/json": { schema: components.got(answer.schema) } };
    case "text": {
      const text = { [answer.mediaType]: { schema: { type: "string" } } };
      if (route !== ROUTES.getMetrics) return text;
      return { ...text, "application/json": { schema: components.got(metrics) } };
    }
    case "events":
      return {
        "text/event-stream": {
          schema: {
            type: "string",
            contentMediaType: "application/json",
            contentSchema: components.got(liveEvent),
            description: "Each event has an id, and data that is a LiveEvent.",
          },
        },
      };
    case "none":
      return undefined;
  }
}

/** What the route may answer, and what any may: but not what its own form rules out. */
function problemsOf(route: Route): readonly ProblemCode[] {
  const cannot = new Set<ProblemCode>();
  if (route.role === null) cannot.add("UNAUTHENTICATED");
  if (route.role === null || route.role === "viewer") cannot.add("FORBIDDEN");
  if (!route.body) cannot.add("MALFORMED_BODY").add("BODY_TOO_LARGE").add("UNSUPPORTED_MEDIA_TYPE");
  const own: ProblemCode[] = [...(route.problems ?? [])];
  if (isKeyed(route)) own.push("IDEMPOTENCY_CONFLICT");
  if (route.method !== "GET" && hasReader(route)) own.push("PRECONDITION_FAILED");
  return [...new Set([...own, ...EVERY_ROUTE.filter((code) => !cannot.has(code))])];
}

/** By status: a single code is a reference. */
function problemAnswers(codes: readonly ProblemCode[]): Record<string, JsonSchema> {
  const byStatus = Map.groupBy(codes, (code) => PROBLEMS[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, shared]) => [
      String(status),
      shared.length === 1 ? { $ref: `#/components/responses/${shared[0]!}` } : problemOf(shared),
    ]),
  );
}
