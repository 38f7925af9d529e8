/** Registers every route of the contract with the handler of its name. */
import {
  type Problem,
  type Role,
  ROLES,
  type Route,
  type RouteName,
  ROUTES,
} from "@contimg/contract";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { Call, Handlers } from "./handler.ts";
import { ApiError, parse, problemOf, toApiError } from "./problem.ts";

export interface Caller {
  readonly actor: string;
  readonly role: Role;
}

export interface ServeOptions {
  readonly handlers: Handlers;
  /** Who sent a request; undefined: nobody that is known. */
  readonly callerOf: (request: FastifyRequest) => Promise<Caller | undefined>;
  /** Parses answers, too, and fails those that break the contract: for tests. */
  readonly checkAnswers: boolean;
}

type AnyHandler = (input: unknown, call: Call) => Promise<unknown>;

export function serveRoutes(app: FastifyInstance, options: ServeOptions): void {
  for (const [name, handler] of Object.entries(options.handlers)) {
    const route: Route = ROUTES[name as RouteName];
    app.route({
      method: route.method,
      url: route.path.replace(/\{(\w+)\}/g, ":$1"),
      config: { routeName: name as RouteName },
      handler: async (request, reply) => {
        const call = await admit(request, reply, route, options);
        const answer = await (handler as AnyHandler)(inputOf(route, request), call);
        return send(reply, route, answer, options.checkAnswers);
      },
    });
  }
}

declare module "fastify" {
  interface FastifyContextConfig {
    readonly routeName?: RouteName;
  }
}

/** @throws {ApiError} UNAUTHENTICATED, FORBIDDEN */
export async function admit(
  request: FastifyRequest,
  reply: FastifyReply,
  route: Route,
  { callerOf }: Pick<ServeOptions, "callerOf">,
): Promise<Call> {
  const caller = await callerOf(request);
  if (route.role !== null) {
    if (!caller) {
      throw new ApiError("UNAUTHENTICATED", "sign in, or send a token as Authorization: Bearer …");
    }
    if (ROLES.indexOf(caller.role) < ROLES.indexOf(route.role)) {
      throw new ApiError(
        "FORBIDDEN",
        `${caller.actor} is ${caller.role}; this needs the role ${route.role}`,
      );
    }
  }
  const gone = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return {
    actor: caller?.actor ?? "nobody",
    role: caller?.role ?? "viewer",
    requestId: request.id,
    signal: gone.signal,
  };
}

function inputOf(route: Route, request: FastifyRequest): unknown {
  return {
    params: route.params && parse(route.params, request.params, "params"),
    query: route.query && parse(route.query, request.query, "query"),
    body: route.body && parse(route.body, request.body ?? {}, "body"),
  };
}

function send(reply: FastifyReply, route: Route, answer: unknown, check: boolean): FastifyReply {
  const { answer: promised } = route;
  if (promised.kind === "none") return reply.code(promised.status).send();
  if (promised.kind === "text") {
    return reply.code(promised.status).type(promised.mediaType).send(answer);
  }
  if (promised.kind === "json" && check) promised.schema.parse(answer);
  return reply.code(promised.status).type("application/json; charset=utf-8").send(answer);
}

/** The app's error handler. */
export function answerProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const known = toApiError(error);
  if (known.code === "INTERNAL") request.log.error({ err: error }, "a request failed");
  const body: Problem = problemOf(known, request.id);
  if (known.retryAfterSeconds !== undefined) {
    reply.header("retry-after", Math.ceil(known.retryAfterSeconds));
  }
  return reply.code(body.status).type("application/problem+json").send(JSON.stringify(body));
}
