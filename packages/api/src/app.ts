/** The HTTP app: hooks and routes. It neither listens nor opens a pool; server.ts does. */
import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";

import { PROBLEMS, ROUTES } from "@contimg/contract";
import fastify, { type FastifyInstance, type FastifyServerOptions } from "fastify";
import type pg from "pg";

import { Access } from "./access/access.ts";
import { AccessStore } from "./access/access-store.ts";
import { AuditLog } from "./access/audit-log.ts";
import { AuditStore } from "./access/audit-store.ts";
import { serveSession } from "./access/session-routes.ts";
import type { DatabaseState, Handlers } from "./handler.ts";
import { auditWrites } from "./hooks/audit.ts";
import { guardBrowsers } from "./hooks/browser-guard.ts";
import { DEFAULT_RATES, gateRoutes, type Rates } from "./hooks/gate.ts";
import { IdempotencyStore } from "./hooks/idempotency.ts";
import { addSecurityHeaders } from "./hooks/security-headers.ts";
import { ApiError, problemOf } from "./problem.ts";
import { answerProblem, serveRoutes } from "./serve-routes.ts";

export interface AppOptions {
  /** For the API's own tables. */
  readonly pool: pg.Pool;
  /** Of fastify: a pino logger; none by default. */
  readonly logger?: FastifyServerOptions["logger"];
  /** Parses answers, too, and fails those that break the contract: for tests. */
  readonly checkAnswers?: boolean;
  /** False: only health and session are answered. Default true. */
  readonly isEnabled?: boolean;
  /** Default: one that always answers. */
  readonly database?: DatabaseState & { reportLoss?(): void };
  /** tokens: who shows none is nobody. none: everyone is an admin, on this machine only. */
  readonly auth?: "none" | "tokens";
  /** Pages of other servers that may call. Default: none. */
  readonly origins?: readonly string[];
  /** Below which path the server is seen, such as /absurd-ui; no slash at its end. Default: "". */
  readonly basePath?: string;
  /** True: the headers X-Forwarded-* of a proxy in front are believed. Default false. */
  readonly trustProxy?: boolean;
  readonly rates?: Rates;
  /** Seconds after which a request is given up. Default 30. */
  readonly answerSeconds?: number;
}

export interface App {
  readonly fastify: FastifyInstance;
  readonly access: Access;
  readonly accessStore: AccessStore;
  readonly auditLog: AuditLog;
}

/** The largest params are 1 MiB; a batch has many of them. */
const BODY_BYTES_MAX = 16 * 1024 * 1024;
/** To receive a request, or its head. */
const REQUEST_MS_MAX = 30_000;
const ANSWER_SECONDS = 30;
const PARAM_CHARACTERS_MAX = 1_000;
const ALWAYS_THERE = { isAvailable: true, latencyMs: null };

export function createApp(options: AppOptions, handlers: Partial<Handlers>): App {
  const { pool, isEnabled = true, auth = "none", origins = [], basePath = "" } = options;
  const database = options.database ?? ALWAYS_THERE;
  const app = createFastify(options, basePath);
  const accessStore = new AccessStore(pool);
  const access = new Access(accessStore, auth === "tokens");
  const auditLog = new AuditLog(new AuditStore(pool), app.log);

  addSecurityHeaders(app);
  auditWrites(app, auditLog, database);
  guardBrowsers(app, { origins, isLocalOnly: auth === "none" });
  const rates = options.rates ?? DEFAULT_RATES;
  gateRoutes(app, { access, isEnabled, database, origins, rates });
  app.setErrorHandler((error, request, reply) => {
    void answerProblem(error, request, reply, () => options.database?.reportLoss?.());
  });
  app.setNotFoundHandler((request, reply) => {
    throw notFound(request.method, request.url, (methods) => {
      void reply.header("allow", methods);
    });
  });
  serveSession(app, { access, store: accessStore, cookiePath: basePath || "/" });
  serveRoutes(app, {
    handlers,
    idempotency: new IdempotencyStore(pool),
    checkAnswers: options.checkAnswers ?? false,
    answerSeconds: options.answerSeconds ?? ANSWER_SECONDS,
  });
  return { fastify: app, access, accessStore, auditLog };
}

function createFastify(options: AppOptions, basePath: string): FastifyInstance {
  return fastify({
    ...loggerOf(options.logger),
    genReqId: () => randomUUID(),
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_MS_MAX,
    routerOptions: { maxParamLength: PARAM_CHARACTERS_MAX },
    trustProxy: options.trustProxy ?? false,
    exposeHeadRoutes: false,
    // A proxy may take the base path off, or leave it on.
    rewriteUrl: ({ url = "/" }) => withoutBase(url, basePath),
    frameworkErrors: (error, request, reply) => {
      void answerProblem(error, request, reply, () => undefined);
    },
    clientErrorHandler: answerGarbage,
  });
}

function loggerOf(logger: AppOptions["logger"]): FastifyServerOptions {
  return logger === undefined || typeof logger === "boolean" || !("child" in logger)
    ? { logger: logger ?? false }
    : { loggerInstance: logger as NonNullable<FastifyServerOptions["loggerInstance"]> };
}

function withoutBase(url: string, basePath: string): string {
  if (basePath === "" || !url.startsWith(basePath)) return url;
  const rest = url.slice(basePath.length);
  if (rest === "" || rest.startsWith("?")) return `/${rest}`;
  return rest.startsWith("/") ? rest : url;
}

/** What is no HTTP at all, or came too slowly, gets a problem, too. */
function answerGarbage(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || socket.destroyed || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(
    problemOf(new ApiError("MALFORMED_REQUEST", error.message), randomUUID()),
  );
  const { status } = PROBLEMS.MALFORMED_REQUEST;
  socket.end(
    `HTTP/1.1 ${status} Bad Request\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function notFound(method: string, url: string, allow: (methods: string) => void): ApiError {
  const path = url.split("?")[0]!;
  const methods = Object.values(ROUTES)
    .filter((route) => pathPattern(route.path).test(path))
    .map((route) => route.method);
  if (methods.length === 0 || methods.some((each) => each === method)) {
    return new ApiError("NOT_FOUND", `no route ${method} ${path}; /absurd/docs lists them`);
  }
  allow(methods.join(", "));
  return new ApiError("METHOD_NOT_ALLOWED", `${path} takes ${methods.join(", ")}, not ${method}`);
}

function pathPattern(path: string): RegExp {
  return new RegExp(`^${path.replace(/\{\w+\}/g, "[^/]+")}$`);
}
