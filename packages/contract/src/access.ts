/** Who may do what, and who did: sessions, tokens, the audit log, saved views. */
import { z } from "zod";

import { json, NO_CONTENT, ROLES, type Route } from "./route.ts";
import { instant, jsonValue, name, nextCursor, pageQuery } from "./values.ts";
import { newView, savedView, viewChange, viewPage } from "./view.ts";

const role = z.enum(ROLES);

export const session = z.strictObject({
  /** Null: nobody is signed in. */
  actor: z.string().nullable(),
  role: role.nullable(),
  /** False: everyone who reaches this server is an admin, since only this machine can. */
  auth_required: z.boolean(),
  /** Send it back as X-CSRF-Token with every write; null without a cookie. */
  csrf_token: z.string().nullable(),
  expires_at: instant.nullable(),
});
export type Session = z.output<typeof session>;

export const token = z.strictObject({
  token_id: z.uuid(),
  name: z.string(),
  role,
  created_at: instant,
  created_by: z.string(),
  expires_at: instant.nullable(),
  last_used_at: instant.nullable(),
});

export const auditEntry = z.strictObject({
  audit_id: z.string(),
  at: instant,
  actor: z.string(),
  role,
  /** The route's name, such as cancelTask, or one of TERMINAL_ACTIONS. */
  action: z.string(),
  /** What it was done to: a task's id, a queue's name, a filter. */
  target: z.string(),
  reason: z.string().nullable(),
  /** What was asked for; secrets are left out. */
  detail: jsonValue,
  /** The HTTP status of the answer. */
  status: z.int(),
  request_id: z.string(),
});
export type AuditEntry = z.output<typeof auditEntry>;

const viewIdParam = z.strictObject({ view_id: z.uuid() });

/** What is done from a terminal only; the rest of what is done there has the name of its route. */
export const TERMINAL_ACTIONS = {
  keepHistory: "Set how long history is kept",
  pruneHistory: "Remove days of tasks that all ended",
  replaySpool: "Bring to the database what waited on disk",
  useVersion: "Choose the version of a task name that spawns take",
} as const;

export const ACCESS_ROUTES = {
  getSession: {
    method: "GET",
    path: "/absurd/session",
    summary: "Who is signed in",
    tag: "access",
    role: null,
    answer: json(session),
  },
  signIn: {
    method: "POST",
    path: "/absurd/session",
    summary: "Sign in with a token; the answer sets a cookie",
    tag: "access",
    role: null,
    body: z.strictObject({ token: z.string().min(1).max(500) }),
    answer: json(session, 201),
    problems: ["UNAUTHENTICATED"],
  },
  signOut: {
    method: "DELETE",
    path: "/absurd/session",
    summary: "Sign out",
    tag: "access",
    role: null,
    answer: NO_CONTENT,
  },
  listTokens: {
    method: "GET",
    path: "/absurd/tokens",
    summary: "The tokens, without their secrets",
    tag: "access",
    role: "admin",
    answer: json(z.strictObject({ tokens: z.array(token) })),
  },
  createToken: {
    method: "POST",
    path: "/absurd/tokens",
    summary: "Make a token; its secret is shown once",
    tag: "access",
    role: "admin",
    body: z.strictObject({
      name,
      role,
      expires_in_days: z.number().min(0.01).max(3660).optional(),
    }),
    answer: json(token.extend({ secret: z.string() }), 201),
    hasSecretAnswer: true,
    problems: ["ALREADY_EXISTS"],
  },
  deleteToken: {
    method: "DELETE",
    path: "/absurd/tokens/{token_id}",
    summary: "Revoke a token and its sessions",
    tag: "access",
    role: "admin",
    params: z.strictObject({ token_id: z.uuid() }),
    answer: NO_CONTENT,
    problems: ["NOT_FOUND"],
  },
  listAudit: {
    method: "GET",
    path: "/absurd/audit",
    summary: "Every action, latest first",
    tag: "access",
    role: "viewer",
    query: pageQuery.extend({
      actor: z.string().min(1).optional(),
      action: z.string().min(1).optional(),
      /** A part of it. */
      target: z.string().min(1).optional(),
      from: instant.optional(),
      to: instant.optional(),
    }),
    answer: json(z.strictObject({ entries: z.array(auditEntry), next_cursor: nextCursor })),
    problems: ["INVALID_CURSOR"],
  },
  listViews: {
    method: "GET",
    path: "/absurd/views",
    summary: "Your saved views and those that are shared",
    tag: "access",
    role: "viewer",
    query: z.strictObject({ page: viewPage.optional() }),
    answer: json(z.strictObject({ views: z.array(savedView) })),
  },
  createView: {
    method: "POST",
    path: "/absurd/views",
    summary: "Save a view",
    tag: "access",
    role: "viewer",
    body: newView,
    answer: json(savedView, 201),
    problems: ["ALREADY_EXISTS", "INVALID_FILTER"],
  },
  updateView: {
    method: "PATCH",
    path: "/absurd/views/{view_id}",
    summary: "Change a view of yours",
    tag: "access",
    role: "viewer",
    params: viewIdParam,
    body: viewChange,
    answer: json(savedView),
    problems: ["NOT_FOUND", "ALREADY_EXISTS", "INVALID_FILTER"],
  },
  deleteView: {
    method: "DELETE",
    path: "/absurd/views/{view_id}",
    summary: "Remove a view of yours",
    tag: "access",
    role: "viewer",
    params: viewIdParam,
    answer: NO_CONTENT,
    problems: ["NOT_FOUND"],
  },
} as const satisfies Readonly<Record<string, Route>>;
