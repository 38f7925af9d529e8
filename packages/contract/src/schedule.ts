/** Schedules: tasks and workflows that begin at instants of a calendar. */
import { z } from "zod";

import { json, NO_CONTENT, type Route } from "./route.ts";
import { flag, instant, jsonObject, name, reason } from "./values.ts";

export const OVERLAPS = ["skip", "bufferOne", "bufferAll", "cancelOther", "allow"] as const;
export const overlap = z.enum(OVERLAPS);
export const SCHEDULE_STATES = ["active", "paused", "ended"] as const;

/** Five fields of cron, or six with seconds first; or an interval. */
const timing = {
  cron_expression: z.string().min(1).max(200).nullable(),
  /** An IANA name. */
  timezone: z.string().min(1).max(100),
  every_seconds: z.number().min(0.001).max(1e9).nullable(),
  /** An instant of an interval schedule, past or to come. */
  anchor: instant.nullable(),
};

export const schedule = z.strictObject({
  name: z.string(),
  description: z.string().nullable(),
  state: z.enum(SCHEDULE_STATES),
  ...timing,
  /** The same in words: "every day at 03:00 (UTC)". */
  in_words: z.string(),
  queue_name: z.string().nullable(),
  task_name: z.string().nullable(),
  /** In place of a task: the workflow template that it runs. */
  template_name: z.string().nullable(),
  params: jsonObject,
  priority: z.int(),
  timeout_sec: z.number().nullable(),
  max_retries: z.int().nullable(),
  overlap,
  catch_up: z.enum(["all", "last"]),
  catch_up_seconds: z.number(),
  jitter_seconds: z.number(),
  starts_at: instant.nullable(),
  ends_at: instant.nullable(),
  /** Firings that are left; null: no limit. */
  remaining: z.int().nullable(),
  last_run_at: instant.nullable(),
  next_run_at: instant.nullable(),
  /** Why the last try to fire it failed. */
  error: z.string().nullable(),
  created_at: instant,
});
export type Schedule = z.output<typeof schedule>;

const editable = z.strictObject({
  description: z.string().max(2000),
  cron_expression: timing.cron_expression.unwrap(),
  timezone: timing.timezone,
  every_seconds: timing.every_seconds.unwrap(),
  anchor: instant,
  queue_name: name,
  task_name: name,
  template_name: name,
  params: jsonObject,
  priority: z.int().min(-32_768).max(32_767),
  timeout_sec: z.number().min(0.001).max(1e9),
  max_retries: z.int().min(0).max(1_000_000),
  overlap,
  catch_up: z.enum(["all", "last"]),
  catch_up_seconds: z.number().min(0).max(1e9),
  jitter_seconds: z.number().min(0).max(1e6),
  starts_at: instant,
  ends_at: instant,
  remaining: z.int().min(1),
});

export const createSchedule = editable
  .partial()
  .extend({ name, paused: z.boolean().default(false) })
  .refine((s) => (s.cron_expression === undefined) !== (s.every_seconds === undefined), {
    path: ["cron_expression"],
    message: "expected either cron_expression or every_seconds",
  })
  .refine((s) => (s.task_name === undefined) !== (s.template_name === undefined), {
    path: ["task_name"],
    message: "expected either task_name or template_name",
  });

/** Null clears a field: it is as if it had never been given. */
export const updateSchedule = editable.partial().extend({
  description: editable.shape.description.nullish(),
  queue_name: editable.shape.queue_name.nullish(),
  timeout_sec: editable.shape.timeout_sec.nullish(),
  max_retries: editable.shape.max_retries.nullish(),
  starts_at: editable.shape.starts_at.nullish(),
  ends_at: editable.shape.ends_at.nullish(),
  remaining: editable.shape.remaining.nullish(),
  state: z.enum(["active", "paused"]).optional(),
  reason: reason.optional(),
});

export const firing = z.strictObject({
  fire_at: instant,
  origin: z.enum(["schedule", "trigger", "backfill"]),
  state: z.enum(["spawned", "buffered", "skipped", "missed", "failed"]),
  task_id: z.uuid().nullable(),
  workflow_id: z.uuid().nullable(),
  /** A missed row stands for all instants from fire_at to before this one. */
  missed_before: instant.nullable(),
  reason: z.string().nullable(),
  decided_at: instant,
});
export type Firing = z.output<typeof firing>;

const nameParam = z.strictObject({ name });
const preview = z.strictObject({ in_words: z.string(), instants: z.array(instant) });

export const SCHEDULE_ROUTES = {
  listSchedules: {
    method: "GET",
    path: "/absurd/schedules",
    summary: "The schedules, by name",
    tag: "schedules",
    role: "viewer",
    query: z.strictObject({
      queue_name: name.optional(),
      state: z.enum(SCHEDULE_STATES).optional(),
    }),
    answer: json(z.strictObject({ schedules: z.array(schedule) })),
  },
  createSchedule: {
    method: "POST",
    path: "/absurd/schedules",
    summary: "Make a schedule",
    tag: "schedules",
    role: "operator",
    body: createSchedule,
    answer: json(schedule, 201),
    problems: ["ALREADY_EXISTS", "UNKNOWN_TASK_NAME", "NOT_FOUND"],
  },
  previewSchedule: {
    method: "POST",
    path: "/absurd/schedules/preview",
    summary: "When a schedule that is not made yet would fire",
    tag: "schedules",
    role: "viewer",
    body: z.strictObject({
      cron_expression: timing.cron_expression.unwrap().optional(),
      timezone: timing.timezone.default("UTC"),
      every_seconds: timing.every_seconds.unwrap().optional(),
      anchor: instant.optional(),
      count: z.int().min(1).max(100).default(10),
    }),
    changesNothing: true,
    answer: json(preview),
  },
  getSchedule: {
    method: "GET",
    path: "/absurd/schedules/{name}",
    summary: "A schedule",
    tag: "schedules",
    role: "viewer",
    params: nameParam,
    answer: json(schedule),
    problems: ["NOT_FOUND"],
  },
  updateSchedule: {
    method: "PATCH",
    path: "/absurd/schedules/{name}",
    summary: "Change, pause or resume a schedule",
    tag: "schedules",
    role: "operator",
    params: nameParam,
    body: updateSchedule,
    answer: json(schedule),
    problems: ["NOT_FOUND", "UNKNOWN_TASK_NAME"],
  },
  deleteSchedule: {
    method: "DELETE",
    path: "/absurd/schedules/{name}",
    summary: "Remove a schedule; what it spawned stays",
    tag: "schedules",
    role: "operator",
    params: nameParam,
    query: z.strictObject({ reason: reason.optional() }),
    answer: NO_CONTENT,
    problems: ["NOT_FOUND"],
  },
  triggerSchedule: {
    method: "POST",
    path: "/absurd/schedules/{name}/trigger",
    summary: "Fire a schedule now",
    tag: "schedules",
    role: "operator",
    params: nameParam,
    body: z.strictObject({ overlap: overlap.optional(), reason: reason.optional() }),
    answer: json(firing, 201),
    problems: ["NOT_FOUND"],
  },
  listNextFirings: {
    method: "GET",
    path: "/absurd/schedules/{name}/next",
    summary: "The next instants of a schedule",
    tag: "schedules",
    role: "viewer",
    params: nameParam,
    query: z.strictObject({ count: z.coerce.number().int().min(1).max(100).default(10) }),
    answer: json(preview),
    problems: ["NOT_FOUND"],
  },
  listFirings: {
    method: "GET",
    path: "/absurd/schedules/{name}/firings",
    summary: "What became of the instants of a schedule, latest first",
    tag: "schedules",
    role: "viewer",
    params: nameParam,
    query: z.strictObject({ limit: z.coerce.number().int().min(1).max(1000).default(100) }),
    answer: json(z.strictObject({ firings: z.array(firing) })),
    problems: ["NOT_FOUND"],
  },
  backfillSchedule: {
    method: "POST",
    path: "/absurd/schedules/{name}/backfill",
    summary: "Fire the past instants of a range that have no task yet",
    tag: "schedules",
    role: "operator",
    params: nameParam,
    query: z.strictObject({ dry_run: flag.default(false) }),
    body: z.strictObject({
      from: instant,
      /** Included. */
      to: instant,
      overlap: overlap.default("bufferAll"),
      reason: reason.optional(),
    }),
    answer: json(
      z.strictObject({
        /** Of a dry run: those that would be fired. */
        instants: z.array(instant),
        firings: z.array(firing),
      }),
    ),
    problems: ["NOT_FOUND"],
  },
} as const satisfies Readonly<Record<string, Route>>;
