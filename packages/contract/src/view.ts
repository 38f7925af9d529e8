/**
 * Saved views: what one is, page by page. A page of tasks is a filter of the grammar; the others
 * have terms of their own, and a term that is left out means the page's default.
 */
import { z } from "zod";

import { FAILURE_STATES } from "./failure.ts";
import { instant, name } from "./values.ts";
import { WORKFLOW_STATUSES } from "./workflow.ts";

const termText = z.string().max(2000).optional();

/** The tabs of the inbox of failures. */
export const FAILURE_TABS = [...FAILURE_STATES, "all"] as const;

/** What a view of a page says, by the page. Parsing changes nothing: what is sent is kept. */
export const VIEW_TERMS = {
  tasks: z.strictObject({
    /** The filter grammar. */
    q: termText,
  }),
  failures: z.strictObject({
    state: z.enum(FAILURE_TABS).optional(),
    /** A part of a task's name, a tag, a class, a message, a note. */
    find: termText,
    /** Those assigned to who opens the view. */
    mine: z.boolean().optional(),
  }),
  workflows: z.strictObject({
    /** The whole name. */
    name: termText,
    status: z.enum(WORKFLOW_STATUSES).optional(),
  }),
  "dead-letters": z.strictObject({
    /** The filter grammar, as far as dead letters have its fields. */
    q: termText,
    /** Of a group of failures. */
    fingerprint: termText,
  }),
} as const;

export type ViewPage = keyof typeof VIEW_TERMS;
export type ViewTerms<Page extends ViewPage = ViewPage> = z.output<(typeof VIEW_TERMS)[Page]>;

export const viewPage = z.enum(Object.keys(VIEW_TERMS) as [ViewPage, ...ViewPage[]]);

const columns = z.array(z.string().max(100)).max(50);

/** What people say of a view, whatever its page. */
const said = {
  name,
  /** By id, in their order; empty: the page's own. */
  columns: columns.default([]),
  shared: z.boolean().default(false),
};

const kept = {
  view_id: z.uuid(),
  name: z.string(),
  /** By id, in their order; empty: the page's own. */
  columns: z.array(z.string()),
  shared: z.boolean(),
  owner: z.string(),
  updated_at: instant,
};

export const newView = z.discriminatedUnion("page", [
  viewOf("tasks", said),
  viewOf("failures", said),
  viewOf("workflows", said),
  viewOf("dead-letters", said),
]);

export const savedView = z.discriminatedUnion("page", [
  viewOf("tasks", kept),
  viewOf("failures", kept),
  viewOf("workflows", kept),
  viewOf("dead-letters", kept),
]);
export type SavedView = z.output<typeof savedView>;

/** The page of a view stays; its new terms have to be that page's. */
export const viewChange = z.strictObject({
  name: name.optional(),
  terms: z.union(Object.values(VIEW_TERMS)).optional(),
  columns: columns.optional(),
  shared: z.boolean().optional(),
});

function viewOf<Page extends ViewPage, Rest extends z.ZodRawShape>(page: Page, rest: Rest) {
  return z.strictObject({ page: z.literal(page), terms: VIEW_TERMS[page], ...rest });
}
