/** Notes every write, before its answer goes out; also one that was refused. */
import { type Route, ROUTES } from "@contimg/contract";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { AuditLog } from "../access/audit-log.ts";
import { maskSecrets } from "../access/mask.ts";
import type { DatabaseState } from "../handler.ts";

/** What the route's way through parsing and handler adds. */
export interface AuditDraft {
  target: string | undefined;
  reason: string | null;
  detail: unknown;
}

declare module "fastify" {
  interface FastifyRequest {
    auditNote: AuditDraft;
  }
}

const RATE_LIMITED = 429;

export function auditWrites(app: FastifyInstance, log: AuditLog, database: DatabaseState): void {
  app.addHook("onRequest", async (request) => {
    request.auditNote = { target: undefined, reason: null, detail: null };
  });
  app.addHook("onSend", async (request, reply, payload) => {
    const { routeName } = request.routeOptions.config;
    const route: Route | undefined = routeName && ROUTES[routeName];
    // Who asks too often would fill the log: that is told by the metrics.
    if (!route || !isWrite(route) || reply.statusCode === RATE_LIMITED) return payload;
    if (isDryRun(route, request.query)) return payload;
    await log.record(noteOf(routeName!, request, reply), !database.isAvailable);
    return payload;
  });
}

export function isWrite(route: Route): boolean {
  return route.method !== "GET" && !route.changesNothing && !route.isBeat;
}

/** It changes nothing, whatever came of it. */
function isDryRun(route: Route, query: unknown): boolean {
  const takesDryRun = route.query !== undefined && "dry_run" in route.query.shape;
  const isAsked = typeof query === "object" && query !== null && "dry_run" in query;
  return takesDryRun && isAsked && query.dry_run === "true";
}

function noteOf(action: string, request: FastifyRequest, reply: FastifyReply) {
  const { target, reason, detail } = request.auditNote;
  return {
    at: new Date(),
    actor: request.caller?.actor ?? "nobody",
    role: request.caller?.role ?? "viewer",
    action,
    target: target ?? paramsText(request.params),
    reason,
    detail: maskSecrets(detail),
    status: reply.statusCode,
    requestId: request.id,
  };
}

/** Of a path: its parameters; the rest is in the action's name. */
function paramsText(params: unknown): string {
  return Object.values((params ?? {}) as Record<string, string>).join("/");
}

/** What a write was done to, as its input or its answer names it. */
export function targetOf(input: AuditInput, answer: unknown): string | undefined {
  const own = Object.values(input.params ?? {}).map(String);
  if (own.length > 0) return own.join("/");
  const names = ["task_id", "workflow_id", "bulk_id", "token_id", "view_id", "name"];
  for (const named of [answer, input.body]) {
    if (typeof named !== "object" || named === null) continue;
    const name = [...names, "task_name", "q"].find((key) => key in named);
    if (name !== undefined) return String((named as Record<string, unknown>)[name]);
  }
  return undefined;
}

interface AuditInput {
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly query?: Readonly<Record<string, unknown>> | undefined;
  readonly body?: unknown;
}

export function draftOf(input: AuditInput): AuditDraft {
  const { query, body } = input;
  const reason = [body, query].map(reasonOf).find((each) => each !== null) ?? null;
  return { target: targetOf(input, undefined), reason, detail: { ...query, ...bodyOf(body) } };
}

function reasonOf(from: unknown): string | null {
  const isObject = typeof from === "object" && from !== null && "reason" in from;
  return isObject && typeof from.reason === "string" ? from.reason : null;
}

function bodyOf(body: unknown): object {
  return typeof body === "object" && body !== null ? body : {};
}
