/** Limits that tasks share: concurrency keys, locks, rates; and events that tasks wait for. */
import { z } from "zod";

import { json, NO_CONTENT, type Route } from "./route.ts";
import { instant, jsonValue, name, reason } from "./values.ts";

export const LIMIT_KINDS = ["key", "lock", "rate"] as const;

export const limit = z.strictObject({
  kind: z.enum(LIMIT_KINDS),
  name: z.string(),
  /** Null of a lock, which has no number. */
  limit: z.int().nullable(),
  /** Of a rate. */
  period_seconds: z.number().nullable(),
  /** Set by a person; spawns do not change it. */
  is_pinned: z.boolean(),
  in_use: z.int().min(0),
  waiting: z.int().min(0),
  set_at: instant,
});
export type Limit = z.output<typeof limit>;

const limitUser = z.strictObject({
  task_id: z.uuid(),
  task_name: z.string(),
  mode: z.enum(["shared", "exclusive"]),
  worker_id: z.string().nullable(),
  claimed_at: instant.nullable(),
});

const limitParam = z.strictObject({ kind: z.enum(LIMIT_KINDS), name });
const eventNameParam = z.strictObject({ event_name: name });

export const LIMIT_ROUTES = {
  listLimits: {
    method: "GET",
    path: "/absurd/limits",
    summary: "Concurrency keys, locks and rates, with what uses them",
    tag: "limits",
    role: "viewer",
    answer: json(z.strictObject({ limits: z.array(limit) })),
  },
  getLimit: {
    method: "GET",
    path: "/absurd/limits/{kind}/{name}",
    summary: "Who holds a limit and who waits for it",
    tag: "limits",
    role: "viewer",
    params: limitParam,
    answer: json(z.strictObject({ holders: z.array(limitUser), waiters: z.array(limitUser) })),
    problems: ["NOT_FOUND"],
  },
  setLimit: {
    method: "PUT",
    path: "/absurd/limits/{kind}/{name}",
    summary: "Pin a limit; spawns do not change it any more",
    tag: "limits",
    role: "operator",
    params: limitParam,
    body: z.strictObject({
      limit: z.int().min(0).max(2_147_483_647),
      period_seconds: z.number().min(0.001).max(1e9).optional(),
      reason: reason.optional(),
    }),
    answer: json(limit),
  },
  removeLimit: {
    method: "DELETE",
    path: "/absurd/limits/{kind}/{name}",
    summary: "Forget a limit that nothing uses",
    tag: "limits",
    role: "operator",
    params: limitParam,
    query: z.strictObject({ reason: reason.optional() }),
    answer: NO_CONTENT,
    problems: ["NOT_FOUND", "CONFLICT"],
  },
  getEvent: {
    method: "GET",
    path: "/absurd/events/{event_name}",
    summary: "An event, and the tasks that wait for it",
    tag: "events",
    role: "viewer",
    params: eventNameParam,
    answer: json(
      z.strictObject({
        event_name: z.string(),
        emitted_at: instant.nullable(),
        payload: jsonValue,
        task_id: z.uuid().nullable(),
        waiters: z.array(z.uuid()),
      }),
    ),
  },
  emitEvent: {
    method: "POST",
    path: "/absurd/events/{event_name}",
    summary: "Emit an event: tasks that wait for it go on",
    tag: "events",
    role: "operator",
    params: eventNameParam,
    body: z.strictObject({ payload: jsonValue.default(null), reason: reason.optional() }),
    answer: json(
      z.strictObject({
        /** False: it had happened, and this changes nothing. */
        first: z.boolean(),
      }),
      201,
    ),
  },
} as const satisfies Readonly<Record<string, Route>>;
