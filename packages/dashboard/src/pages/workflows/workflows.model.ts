/** Workflows as they are drawn: status, progress in parts, nodes that a search finds. */
import {
  TASK_STATUSES,
  WORKFLOW_STATUSES,
  type TaskStatus,
  type WorkflowNode,
  type WorkflowSummary,
} from "@contimg/contract";

import { STATUS_LABEL, type Tone } from "../../components/StatusBadge.tsx";
import { formatCount } from "../../format/quantity.ts";

export type WorkflowStatus = WorkflowSummary["status"];

export const WORKFLOW_LOOK: Readonly<Record<WorkflowStatus, { word: string; tone: Tone }>> = {
  running: { word: "Running", tone: "claimed" },
  completed: { word: "Completed", tone: "completed" },
  failed: { word: "Failed", tone: "failed" },
  cancelled: { word: "Cancelled", tone: "cancelled" },
};

export function statusOf(text: string): WorkflowStatus | undefined {
  return WORKFLOW_STATUSES.find((each) => each === text);
}

export function taskStatusOf(text: string): TaskStatus | undefined {
  return TASK_STATUSES.find((each) => each === text);
}

export interface ProgressPart {
  readonly tone: Tone;
  readonly word: string;
  readonly count: number;
  /** 0 to 1, of all. */
  readonly share: number;
}

/** Done, failed, cancelled, skipped, open: in this order, the empty ones left out. */
export function progressOf(workflow: WorkflowSummary): readonly ProgressPart[] {
  const parts: readonly [Tone, string, number][] = [
    ["completed", "completed", workflow.completed_tasks],
    ["failed", "failed", workflow.failed_tasks],
    ["cancelled", "cancelled", workflow.cancelled_tasks],
    ["retrying", "skipped", workflow.skipped_tasks],
    ["pending", "open", workflow.open_tasks],
  ];
  const total = Math.max(1, workflow.total_tasks);
  return parts
    .filter(([, , count]) => count > 0)
    .map(([tone, word, count]) => ({ tone, word, count, share: count / total }));
}

export function progressText(workflow: WorkflowSummary): string {
  const parts = progressOf(workflow).map(({ count, word }) => `${formatCount(count)} ${word}`);
  return parts.length === 0 ? "no tasks" : parts.join(", ");
}

/** What a node's badge says: skipped is a way of being cancelled that fails nothing. */
export function nodeLook(node: WorkflowNode): { readonly word: string; readonly tone: Tone } {
  if (node.is_skipped) return { word: "Skipped", tone: "cancelled" };
  return { word: STATUS_LABEL[node.status], tone: node.status };
}

export function findNodes(nodes: readonly WorkflowNode[], text: string): readonly WorkflowNode[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return [];
  return nodes.filter(
    (node) =>
      node.node.toLowerCase().includes(wanted) || node.task_name.toLowerCase().includes(wanted),
  );
}

/** The node that began last and still runs: where the eye should be. */
export function followedNode(nodes: readonly WorkflowNode[]): string | undefined {
  return nodes
    .filter((node) => node.status === "claimed" && node.claimed_at !== null)
    .reduce<WorkflowNode | undefined>(
      (latest, node) =>
        latest && (latest.claimed_at ?? "") >= (node.claimed_at ?? "") ? latest : node,
      undefined,
    )?.node;
}

/** All that depends on a node, also by others; without the node. */
export function descendantsOf(
  edges: readonly { readonly from: string; readonly to: string }[],
  from: string,
): ReadonlySet<string> {
  const children = new Map<string, string[]>();
  for (const edge of edges) {
    const known = children.get(edge.from);
    if (known) known.push(edge.to);
    else children.set(edge.from, [edge.to]);
  }
  const found = new Set<string>();
  const open = [from];
  while (open.length > 0) {
    for (const child of children.get(open.pop()!) ?? []) {
      if (found.has(child)) continue;
      found.add(child);
      open.push(child);
    }
  }
  found.delete(from);
  return found;
}

/** How many runs a grid asks for: thirty, fewer of workflows with so many nodes. */
export function gridRunCount(nodeCount: number): number {
  return Math.max(3, Math.min(30, Math.floor(20_000 / Math.max(1, nodeCount))));
}
