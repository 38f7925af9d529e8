/** Workflows: tasks with conditions between them, seen as one. */
import { z } from "zod";

import { json, type Route } from "./route.ts";
import { taskStatus, taskSummary } from "./task.ts";
import { count, instant, jsonValue, name, nextCursor, pageQuery, reason } from "./values.ts";

export const WORKFLOW_STATUSES = ["running", "completed", "failed", "cancelled"] as const;
const workflowStatus = z.enum(WORKFLOW_STATUSES);

export const workflowSummary = z.strictObject({
  workflow_id: z.uuid(),
  name: z.string(),
  template_name: z.string().nullable(),
  template_version: z.int().nullable(),
  params: jsonValue,
  tags: z.array(z.string()),
  status: workflowStatus,
  created_at: instant,
  total_tasks: count,
  open_tasks: count,
  completed_tasks: count,
  failed_tasks: count,
  cancelled_tasks: count,
  /** Cancelled because a condition was not met, which fails nothing. */
  skipped_tasks: count,
});
export type WorkflowSummary = z.output<typeof workflowSummary>;

export const workflowNode = z.strictObject({
  node: z.string(),
  task_id: z.uuid(),
  task_name: z.string(),
  status: taskStatus,
  is_skipped: z.boolean(),
  attempt: z.int(),
  message: z.string().nullable(),
  /** Of a fan-out whose elements are spawned. */
  element_count: z.int().nullable(),
  claimed_at: instant.nullable(),
  completed_at: instant.nullable(),
  execution_time_sec: z.number().nullable(),
});
export type WorkflowNode = z.output<typeof workflowNode>;

export const workflowEdge = z.strictObject({
  /** A node, or the id of a task of another workflow. */
  from: z.string(),
  to: z.string(),
  /** success, failure, always, or a predicate on the parent's result. */
  when: z.string(),
  otherwise: z.enum(["cancel", "skip", "continue"]),
  /** Edges of a node with the same number are one requirement. */
  any_of: z.int().nullable(),
});
export type WorkflowEdge = z.output<typeof workflowEdge>;

export const workflowDag = z.strictObject({
  workflow: workflowSummary,
  /** Parents first. */
  nodes: z.array(workflowNode),
  edges: z.array(workflowEdge),
});

const parent = z.strictObject({
  node: name,
  /** A jsonpath predicate on its result goes into `result_matches`. */
  when: z.enum(["success", "failure", "always"]).optional(),
  result_matches: z.string().min(1).max(1000).optional(),
});
const otherwise = z.enum(["cancel", "skip", "continue"]);

export const nodeSpec = z.strictObject({
  node: name,
  task_name: name,
  params: jsonValue.default({}),
  queue_name: name.optional(),
  priority: z.int().min(-32_768).max(32_767).optional(),
  timeout_sec: z.number().min(0.001).max(1e9).optional(),
  max_retries: z.int().min(0).max(1_000_000).optional(),
  depends_on: z
    .array(
      z.union([
        name,
        parent.extend({ otherwise: otherwise.optional() }),
        z.strictObject({ any_of: z.array(parent).min(1), otherwise: otherwise.optional() }),
      ]),
    )
    .max(1000)
    .optional(),
});

export const createWorkflow = z.strictObject({
  name,
  nodes: z.array(nodeSpec).min(1).max(10_000),
  tags: z.array(z.string().min(1).max(200)).max(100).optional(),
  idempotency_key: z.string().min(1).max(500).optional(),
});

const workflowIdParam = z.strictObject({ workflow_id: z.uuid() });

export const rerunPart = z.union([
  z.strictObject({ failed_only: z.literal(true), reason: reason.optional() }),
  z.strictObject({
    from: z.array(name).min(1),
    /** With all that depends on them. */
    descendants: z.boolean().default(true),
    reason: reason.optional(),
  }),
]);

export const WORKFLOW_ROUTES = {
  listWorkflows: {
    method: "GET",
    path: "/absurd/workflows",
    summary: "Workflows, newest first",
    tag: "workflows",
    role: "viewer",
    query: pageQuery.extend({
      name: name.optional(),
      workflow_status: workflowStatus.optional(),
    }),
    answer: json(z.strictObject({ workflows: z.array(workflowSummary), next_cursor: nextCursor })),
    problems: ["INVALID_CURSOR"],
  },
  createWorkflow: {
    method: "POST",
    path: "/absurd/workflows",
    summary: "Spawn a workflow: all of it, or nothing",
    tag: "workflows",
    role: "operator",
    body: createWorkflow,
    answer: json(z.strictObject({ workflow_id: z.uuid(), created: z.boolean() }), 201),
    problems: ["UNKNOWN_TASK_NAME", "QUEUE_FULL", "QUEUE_DRAINING"],
  },
  getWorkflowGrid: {
    method: "GET",
    path: "/absurd/workflows/grid",
    summary: "The last runs of one workflow name, each with its nodes: runs by tasks",
    tag: "workflows",
    role: "viewer",
    query: z.strictObject({ name, limit: z.coerce.number().int().min(1).max(100).default(30) }),
    answer: json(
      z.strictObject({
        runs: z.array(z.strictObject({ workflow: workflowSummary, nodes: z.array(workflowNode) })),
      }),
    ),
  },
  getWorkflow: {
    method: "GET",
    path: "/absurd/workflows/{workflow_id}",
    summary: "A workflow with its tasks by status",
    tag: "workflows",
    role: "viewer",
    params: workflowIdParam,
    answer: json(workflowSummary),
    problems: ["NOT_FOUND"],
  },
  getWorkflowDag: {
    method: "GET",
    path: "/absurd/workflows/{workflow_id}/dag",
    summary: "The nodes and edges of a workflow",
    tag: "workflows",
    role: "viewer",
    params: workflowIdParam,
    answer: json(workflowDag),
    problems: ["NOT_FOUND"],
  },
  listReadyTasks: {
    method: "GET",
    path: "/absurd/workflows/{workflow_id}/ready",
    summary: "The tasks of a workflow that wait for nothing but a worker",
    tag: "workflows",
    role: "viewer",
    params: workflowIdParam,
    answer: json(z.strictObject({ tasks: z.array(taskSummary) })),
    problems: ["NOT_FOUND"],
  },
  addWorkflowTasks: {
    method: "POST",
    path: "/absurd/workflows/{workflow_id}/tasks",
    summary: "Add nodes to a workflow, also while it runs",
    tag: "workflows",
    role: "operator",
    params: workflowIdParam,
    body: z.strictObject({ nodes: z.array(nodeSpec).min(1).max(10_000) }),
    answer: json(
      z.strictObject({
        nodes: z.array(z.strictObject({ node: z.string(), task_id: z.uuid() })),
      }),
      201,
    ),
    problems: ["NOT_FOUND", "UNKNOWN_TASK_NAME", "QUEUE_FULL", "QUEUE_DRAINING"],
  },
  cancelWorkflow: {
    method: "DELETE",
    path: "/absurd/workflows/{workflow_id}",
    summary: "Cancel all of a workflow that has not ended",
    tag: "workflows",
    role: "operator",
    params: workflowIdParam,
    query: z.strictObject({ reason: reason.optional() }),
    answer: json(z.strictObject({ cancelled_tasks: count })),
    problems: ["NOT_FOUND"],
  },
  rerunWorkflow: {
    method: "POST",
    path: "/absurd/workflows/{workflow_id}/rerun",
    summary: "Run what failed again, or nodes with what depends on them; good results stay",
    tag: "workflows",
    role: "operator",
    params: workflowIdParam,
    body: rerunPart,
    answer: json(z.strictObject({ nodes: z.array(z.string()) })),
    problems: ["NOT_FOUND", "CONFLICT"],
  },
} as const satisfies Readonly<Record<string, Route>>;
