/** The HTTP app: hooks and routes. It neither listens nor opens a pool; server.ts does. */
import { randomUUID } from "node:crypto";

import type { AbsurdClient } from "@contimg/absurd";
import { ROUTES } from "@contimg/contract";
import fastify, { type FastifyInstance, type FastifyServerOptions } from "fastify";
import type pg from "pg";

import type { Handlers } from "./handler.ts";
import { ApiError } from "./problem.ts";
import { answerProblem, type Caller, serveRoutes } from "./serve-routes.ts";

export interface AppOptions {
  readonly client: AbsurdClient;
  /** For the API's own tables. */
  readonly pool: pg.Pool;
  /** Of fastify: a pino logger; none by default. */
  readonly logger?: FastifyServerOptions["logger"];
  /** Parses answers, too, and fails those that break the contract: for tests. */
  readonly checkAnswers?: boolean;
}

/** The largest params are 1 MiB; a batch has many of them. */
const BODY_BYTES_MAX = 16 * 1024 * 1024;

/** Without authentication, who reaches the loopback address is an admin. */
const LOCAL: Caller = { actor: "local", role: "admin" };

export function createApp(options: AppOptions, handlers: Handlers): FastifyInstance {
  const app = fastify({
    logger: options.logger ?? false,
    genReqId: () => randomUUID(),
    bodyLimit: BODY_BYTES_MAX,
    forceCloseConnections: true,
  });
  app.setErrorHandler((error, request, reply) => answerProblem(error, request, reply));
  app.setNotFoundHandler((request) => {
    throw notFound(request.method, request.url);
  });
  serveRoutes(app, {
    handlers,
    callerOf: async () => LOCAL,
    checkAnswers: options.checkAnswers ?? false,
  });
  return app;
}

function notFound(method: string, url: string): ApiError {
  const path = url.split("?")[0]!;
  const methods = Object.values(ROUTES)
    .filter((route) => pathPattern(route.path).test(path))
    .map((route) => route.method);
  return methods.length > 0
    ? new ApiError("METHOD_NOT_ALLOWED", `${path} takes ${methods.join(", ")}, not ${method}`)
    : new ApiError("NOT_FOUND", `no route ${method} ${path}; /absurd/docs lists them`);
}

function pathPattern(path: string): RegExp {
  return new RegExp(`^${path.replace(/\{\w+\}/g, "[^/]+")}$`);
}
