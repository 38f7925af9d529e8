/** Templates: workflows with typed parameters, kept in versions. */
import { z } from "zod";

import { json, NO_CONTENT, type Route } from "./route.ts";
import { count, instant, jsonObject, jsonValue, name, reason } from "./values.ts";
import { nodeSpec } from "./workflow.ts";

export const PARAM_TYPES = [
  "string",
  "number",
  "integer",
  "boolean",
  "array",
  "object",
  "any",
] as const;

export const templateParam = z.strictObject({
  name,
  type: z.enum(PARAM_TYPES),
  default: jsonValue.optional(),
  /** One that is not required and not given is null. */
  required: z.boolean().optional(),
});

export const template = z.strictObject({
  name: z.string(),
  version: z.int(),
  params: z.array(templateParam),
  /** As the database holds them; {"$param": "name.path"} stands for a value. */
  nodes: z.array(jsonObject),
  created_at: instant,
});
export type Template = z.output<typeof template>;

export const templateDefinition = z.strictObject({
  params: z.array(templateParam).max(200).default([]),
  nodes: z.array(nodeSpec).min(1).max(10_000),
});

const templateNameParam = z.strictObject({ template_name: name });
const versionQuery = z.strictObject({
  version: z.coerce.number().int().min(1).max(2_147_483_647).optional(),
});

export const TEMPLATE_ROUTES = {
  listTemplates: {
    method: "GET",
    path: "/absurd/templates",
    summary: "The newest version of each template",
    tag: "templates",
    role: "viewer",
    answer: json(z.strictObject({ templates: z.array(template), total: count })),
  },
  createTemplate: {
    method: "POST",
    path: "/absurd/templates",
    summary: "Store a new template",
    tag: "templates",
    role: "operator",
    body: templateDefinition.extend({ name }),
    answer: json(template, 201),
    problems: ["ALREADY_EXISTS"],
  },
  getTemplate: {
    method: "GET",
    path: "/absurd/templates/{template_name}",
    summary: "A template, in its newest version unless one is asked for",
    tag: "templates",
    role: "viewer",
    params: templateNameParam,
    query: versionQuery,
    answer: json(template),
    problems: ["NOT_FOUND"],
  },
  updateTemplate: {
    method: "PUT",
    path: "/absurd/templates/{template_name}",
    summary: "Store a new version of a template; the same content makes none",
    tag: "templates",
    role: "operator",
    params: templateNameParam,
    body: templateDefinition,
    answer: json(template),
    problems: ["NOT_FOUND"],
  },
  deleteTemplate: {
    method: "DELETE",
    path: "/absurd/templates/{template_name}",
    summary: "Remove all versions of a template; its workflows stay",
    tag: "templates",
    role: "operator",
    params: templateNameParam,
    query: z.strictObject({ reason: reason.optional() }),
    answer: NO_CONTENT,
    problems: ["NOT_FOUND", "CONFLICT"],
  },
  planTemplate: {
    method: "POST",
    path: "/absurd/templates/{template_name}/plan",
    summary: "What a template would spawn with these params; changes nothing",
    tag: "templates",
    role: "viewer",
    params: templateNameParam,
    query: versionQuery,
    body: z.strictObject({ params: jsonObject.default({}) }),
    changesNothing: true,
    answer: json(
      z.strictObject({ version: z.int(), params: jsonObject, nodes: z.array(jsonObject) }),
    ),
    problems: ["NOT_FOUND"],
  },
  runTemplate: {
    method: "POST",
    path: "/absurd/templates/{template_name}/run",
    summary: "Spawn the workflow of a template",
    tag: "templates",
    role: "operator",
    params: templateNameParam,
    query: versionQuery,
    body: z.strictObject({
      params: jsonObject.default({}),
      idempotency_key: z.string().min(1).max(500).optional(),
      reason: reason.optional(),
    }),
    answer: json(z.strictObject({ workflow_id: z.uuid(), created: z.boolean() }), 201),
    problems: ["NOT_FOUND", "UNKNOWN_TASK_NAME", "QUEUE_FULL", "QUEUE_DRAINING"],
  },
} as const satisfies Readonly<Record<string, Route>>;
