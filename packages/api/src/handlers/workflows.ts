/** Workflows: see the contract's workflow.ts. */
import { type AbsurdClient, fieldIs, type WorkflowSummary } from "@contimg/absurd";
import type { WORKFLOW_ROUTES } from "@contimg/contract";

import type { HandlersOf } from "../handler.ts";
import { uuidCursor } from "./cursor.ts";
import { wireTaskSummary } from "./task-wire.ts";
import { given, isKeyOurs, workKey } from "./wire-values.ts";
import { nodesOf, rerunPartOf, wireEdges, wireNode, wireWorkflow } from "./workflow-wire.ts";

type WorkflowHandlers = HandlersOf<typeof WORKFLOW_ROUTES>;

export function workflowHandlers({ client }: { readonly client: AbsurdClient }): WorkflowHandlers {
  return { ...readHandlers(client), ...changeHandlers(client) };
}

function readHandlers(
  client: AbsurdClient,
): Pick<
  WorkflowHandlers,
  "listWorkflows" | "getWorkflowGrid" | "getWorkflow" | "getWorkflowDag" | "listReadyTasks"
> {
  return {
    async listWorkflows({ query: { name, workflow_status: status, limit, cursor } }) {
      const before = uuidCursor(cursor);
      const { page, next } = await listByStatus(client, { name, status, before, limit });
      return { workflows: page.map(wireWorkflow), next_cursor: next ?? null };
    },
    async getWorkflowGrid({ query: { name, limit } }) {
      const runs = await client.workflows.grid(name, limit);
      return {
        runs: runs.map(({ nodes, ...summary }) => ({
          workflow: wireWorkflow(summary),
          nodes: nodes.map(wireNode),
        })),
      };
    },
    async getWorkflow({ params: { workflow_id: id } }) {
      return wireWorkflow(await client.workflows.show(id));
    },
    async getWorkflowDag({ params: { workflow_id: id } }) {
      const { nodes, ...summary } = await client.workflows.show(id);
      return {
        workflow: wireWorkflow(summary),
        nodes: nodes.map(wireNode),
        edges: wireEdges(nodes),
      };
    },
    async listReadyTasks({ params: { workflow_id: id } }) {
      const ids = await client.workflows.readyTasks(id);
      if (ids.length === 0) return { tasks: [] };
      const { tasks } = await client.list(
        { conditions: [fieldIs("id", ...ids)] },
        { limit: ids.length },
      );
      return { tasks: tasks.map(wireTaskSummary) };
    },
  };
}

function changeHandlers(
  client: AbsurdClient,
): Omit<WorkflowHandlers, keyof ReturnType<typeof readHandlers>> {
  return {
    async createWorkflow({ body }, { workId }) {
      const own = body.idempotency_key;
      const { workflowId, created } = await client.workflows.spawn({
        name: body.name,
        tasks: nodesOf(body.nodes),
        ...given({ tags: body.tags, idempotencyKey: own ?? (workId && workKey(workId)) }),
      });
      // Under a name of ours, who was there before is this very request, cut off.
      return { workflow_id: workflowId, created: created || isKeyOurs(own, workId) };
    },
    async addWorkflowTasks({ params: { workflow_id: id }, body }) {
      const added = await client.workflows.add(id, nodesOf(body.nodes));
      return { nodes: added.map(({ node, taskId }) => ({ node, task_id: taskId })) };
    },
    async cancelWorkflow({ params: { workflow_id: id }, query: { reason } }) {
      return { cancelled_tasks: await client.workflows.cancel(id, reason) };
    },
    async rerunWorkflow({ params: { workflow_id: id }, body }) {
      return { nodes: await client.workflows.rerun(id, rerunPartOf(body)) };
    },
  };
}

interface WorkflowSearch {
  readonly name: string | undefined;
  readonly status: WorkflowSummary["status"] | undefined;
  readonly before: string | undefined;
  readonly limit: number;
}

const LOOKED_AT_MAX = 2_000;

/**
 * A status follows from a workflow's tasks, so workflows are looked at one after the other. A page
 * may have fewer than `limit` when so many have another status; the cursor goes on behind them.
 */
async function listByStatus(
  client: AbsurdClient,
  { name, status, before, limit }: WorkflowSearch,
): Promise<{ page: WorkflowSummary[]; next: string | undefined }> {
  const page: WorkflowSummary[] = [];
  let last = before;
  for (let lookedAt = 0; lookedAt < LOOKED_AT_MAX; lookedAt += limit) {
    const found = await client.workflows.list({ name, before: last, limit: limit + 1 });
    for (const each of found.slice(0, limit)) {
      last = each.workflowId;
      if (status === undefined || each.status === status) page.push(each);
      if (page.length === limit) {
        return { page, next: each === found.at(-1) ? undefined : last };
      }
    }
    if (found.length <= limit) return { page, next: undefined };
  }
  return { page, next: last };
}
