/** Failures: dead letters one by one, and the groups that their errors form. */
import { z } from "zod";

import { json, type Route } from "./route.ts";
import { errorRecord } from "./task.ts";
import { flag, instant, jsonObject, jsonValue, nextCursor, pageQuery, reason } from "./values.ts";

export const FAILURE_STATES = ["open", "acknowledged", "resolved"] as const;

/** Dead tasks whose errors are the same but for numbers, names and places. */
export const failureGroup = z.strictObject({
  fingerprint: z.string(),
  /**
   * These stay when no dead task of the group is left. Null: they were not kept, by a release that
   * did not.
   */
  task_name: z.string().nullable(),
  error_tag: z.string().nullable(),
  error_class: z.string().nullable(),
  /** Of the newest of them. */
  message: z.string().nullable(),
  count: z.int().min(0),
  first_at: instant.nullable(),
  last_at: instant.nullable(),
  example: z.strictObject({ task_id: z.uuid(), message: z.string() }).nullable(),
  state: z.enum(FAILURE_STATES),
  assignee: z.string().nullable(),
  note: z.string().nullable(),
  /** What a person can do about errors of this tag, when the API was told. */
  hint: z.string().nullable(),
  runbook_url: z.string().nullable(),
});
export type FailureGroup = z.output<typeof failureGroup>;

export const deadLetter = z.strictObject({
  task_id: z.uuid(),
  queue_name: z.string(),
  task_name: z.string(),
  params: jsonValue,
  attempt: z.int(),
  error: errorRecord,
  fingerprint: z.string().nullable(),
  created_at: instant,
  failed_at: instant,
  correlation_id: z.string().nullable(),
  tags: z.array(z.string()),
});
export type DeadLetter = z.output<typeof deadLetter>;

/** All that is given must hold. */
export const deadLetterFilter = z.strictObject({
  task_ids: z.array(z.uuid()).max(10_000).optional(),
  queue_name: z.string().min(1).optional(),
  task_name: z.string().min(1).optional(),
  error_tag: z.string().min(1).optional(),
  error_class: z.string().min(1).optional(),
  fingerprint: z.string().min(1).optional(),
  correlation_id: z.string().min(1).optional(),
  failed_from: instant.optional(),
  /** Not included. */
  failed_to: instant.optional(),
});

const handled = z.strictObject({ task_ids: z.array(z.uuid()), count: z.int().min(0) });

export const FAILURE_ROUTES = {
  listFailureGroups: {
    method: "GET",
    path: "/absurd/failures",
    summary: "Failures grouped by cause, most tasks first",
    tag: "failures",
    role: "viewer",
    query: z.strictObject({ state: z.enum(FAILURE_STATES).optional() }),
    answer: json(z.strictObject({ groups: z.array(failureGroup) })),
  },
  updateFailureGroup: {
    method: "PATCH",
    path: "/absurd/failures/{fingerprint}",
    summary: "Acknowledge, assign, resolve or annotate a group",
    tag: "failures",
    role: "operator",
    params: z.strictObject({ fingerprint: z.string().min(1).max(200) }),
    body: z.strictObject({
      state: z.enum(FAILURE_STATES).optional(),
      assignee: z.string().max(200).optional(),
      note: z.string().max(2000).optional(),
    }),
    answer: json(failureGroup),
    problems: ["NOT_FOUND"],
  },
  listDeadLetters: {
    method: "GET",
    path: "/absurd/dead-letters",
    summary: "Tasks that failed for good, oldest deaths first",
    tag: "failures",
    role: "viewer",
    query: deadLetterFilter.omit({ task_ids: true }).extend(pageQuery.shape),
    answer: json(z.strictObject({ dead_letters: z.array(deadLetter), next_cursor: nextCursor })),
    problems: ["INVALID_CURSOR"],
  },
  replayDeadLetters: {
    method: "POST",
    path: "/absurd/dead-letters/replay",
    summary: "Give dead tasks a new start",
    tag: "failures",
    role: "operator",
    query: z.strictObject({ dry_run: flag.default(false) }),
    body: z.strictObject({
      filter: deadLetterFilter,
      limit: z.int().min(1).max(10_000).default(1000),
      /** False: only the attempts that are left, at least one. */
      reset_attempts: z.boolean().default(true),
      /** Members that replace those of the same name in the params; null removes one. */
      params_patch: jsonObject.optional(),
      reason,
    }),
    answer: json(handled),
  },
  discardDeadLetters: {
    method: "POST",
    path: "/absurd/dead-letters/discard",
    summary: "Take dead tasks off the dead letters: they count as cancelled",
    tag: "failures",
    role: "operator",
    query: z.strictObject({ dry_run: flag.default(false) }),
    body: z.strictObject({
      filter: deadLetterFilter,
      limit: z.int().min(1).max(10_000).default(1000),
      reason,
    }),
    answer: json(handled),
  },
} as const satisfies Readonly<Record<string, Route>>;
