/** Reading workflows: what became of each, and its nodes and edges. */
import { type Db, run } from "./db.ts";
import type { Json } from "./task.ts";
import type { TaskStatus } from "./task-view.ts";

export type WorkflowStatus = "running" | "completed" | "failed" | "cancelled";

export interface WorkflowSummary {
  readonly workflowId: string;
  readonly name: string;
  readonly template: string | null;
  readonly version: number | null;
  readonly params: Json;
  readonly tags: readonly string[];
  readonly createdAt: Date;
  /** failed: a node failed or was cancelled, and no node that waited for that completed. */
  readonly status: WorkflowStatus;
  readonly counts: Readonly<
    Record<"total" | "open" | "completed" | "failed" | "cancelled" | "skipped", number>
  >;
}

export interface WorkflowEdgeView {
  /** The name of a node, or the id of a task of another workflow. */
  readonly on: string;
  readonly when: string;
  readonly otherwise: "cancel" | "skip" | "continue";
  /** Edges with the same number are one requirement. */
  readonly any_of?: number;
}

export interface WorkflowNodeView {
  readonly node: string;
  readonly taskId: string;
  readonly taskName: string;
  readonly status: TaskStatus;
  /** Cancelled because a condition was not met, which fails nothing. */
  readonly isSkipped: boolean;
  readonly attempt: number;
  readonly message: string | null;
  readonly dependsOn: readonly WorkflowEdgeView[];
  /** Of a fan-out whose elements are spawned. */
  readonly elementCount: number | null;
  /** Of the last attempt. */
  readonly claimedAt: Date | null;
  readonly completedAt: Date | null;
  readonly executionSeconds: number | null;
}

export interface WorkflowDetail extends WorkflowSummary {
  /** In the order in which they were spawned: parents first. */
  readonly nodes: readonly WorkflowNodeView[];
}

interface SummaryRow {
  workflow_id: string;
  name: string;
  template: string | null;
  version: number | null;
  params: Json;
  tags: string[] | null;
  created_at: Date;
  status: WorkflowStatus;
  total: number;
  open: number;
  completed: number;
  failed: number;
  cancelled: number;
  skipped: number;
}

export async function readWorkflows(
  db: Db,
  filter: {
    ids?: readonly string[];
    name?: string | undefined;
    before?: string | undefined;
    limit?: number;
  },
): Promise<WorkflowSummary[]> {
  const rows = await run<SummaryRow>(db, "select * from absurd.list_workflows($1, $2, $3, $4)", [
    filter.ids ?? null,
    filter.name ?? null,
    filter.before ?? null,
    filter.limit ?? 50,
  ]);
  return rows.map((row) => {
    const { workflow_id: workflowId, created_at: createdAt, tags, ...rest } = row;
    const { name, template, version, params, status, ...counts } = rest;
    return {
      ...{ workflowId, name, template, version, params, tags: tags ?? [] },
      ...{ createdAt, status, counts },
    };
  });
}

interface NodeRow {
  workflow_id: string;
  node: string;
  task_id: string;
  task_name: string;
  status: TaskStatus;
  tag: string | null;
  message: string | null;
  attempt: number;
  edges: WorkflowEdgeView[];
  element_count: number | null;
  claimed_at: Date | null;
  completed_at: Date | null;
  execution_sec: number | null;
}

/** The nodes of workflows that exist, in one query. */
export async function readNodes(
  db: Db,
  workflowIds: readonly string[],
): Promise<ReadonlyMap<string, WorkflowNodeView[]>> {
  const rows = await run<NodeRow>(
    db,
    `select w.id as workflow_id, n.* from unnest($1::uuid[]) w(id)
      cross join lateral absurd.workflow_nodes(w.id) n`,
    [workflowIds],
  );
  const nodes = new Map<string, WorkflowNodeView[]>(workflowIds.map((id) => [id, []]));
  for (const row of rows) nodes.get(row.workflow_id)?.push(nodeOf(row));
  return nodes;
}

function nodeOf(row: NodeRow): WorkflowNodeView {
  return {
    node: row.node,
    taskId: row.task_id,
    taskName: row.task_name,
    status: row.status,
    isSkipped: row.status === "cancelled" && row.tag === "Skipped",
    attempt: row.attempt,
    message: row.message,
    dependsOn: row.edges,
    elementCount: row.element_count,
    claimedAt: row.claimed_at,
    completedAt: row.completed_at,
    executionSeconds: row.execution_sec,
  };
}

export interface WorkflowPage {
  readonly workflows: readonly WorkflowSummary[];
  /** Give it back to go on; undefined when nothing is left. */
  readonly cursor: string | undefined;
}

/** Workflows whose status is looked at for one page; the cursor goes on after them. */
const LOOKED_AT_MAX = 1_000;
const STEP = 100;

/** Newest first. A page may be short, or empty, and have a cursor: little of what it saw fits. */
export async function pageWorkflows(
  db: Db,
  filter: {
    readonly name?: string | undefined;
    readonly status?: WorkflowStatus | undefined;
    readonly cursor?: string | undefined;
    readonly limit?: number | undefined;
  },
): Promise<WorkflowPage> {
  const limit = filter.limit ?? 50;
  const workflows: WorkflowSummary[] = [];
  let before = filter.cursor;
  for (let seen = 0; seen < LOOKED_AT_MAX; seen += STEP) {
    const step = await readWorkflows(db, { name: filter.name, before, limit: STEP });
    for (const workflow of step) {
      before = workflow.workflowId;
      if (filter.status !== undefined && workflow.status !== filter.status) continue;
      if (workflows.push(workflow) === limit) return { workflows, cursor: before };
    }
    if (step.length < STEP) return { workflows, cursor: undefined };
  }
  return { workflows, cursor: before };
}
