/** Workflows and templates, from the engine's words to the contract's and back. Pure. */
import type {
  Dependency,
  RerunPart,
  TemplateDefinition,
  TemplateView,
  WorkflowDetail,
  WorkflowNode,
  WorkflowNodes,
  WorkflowSummary,
} from "@contimg/absurd";
import type {
  nodeSpec,
  rerunPart,
  Template,
  templateDefinition,
  WorkflowEdge,
  WorkflowNode as WireNode,
  WorkflowSummary as WireSummary,
} from "@contimg/contract";
import type { z } from "zod";

import { ApiError } from "../problem.ts";
import { given, wireInstant, wireJson, wireObject } from "./wire-values.ts";

type NodeSpec = z.output<typeof nodeSpec>;
type ParentSpec = NonNullable<NodeSpec["depends_on"]>[number];
type NodeView = WorkflowDetail["nodes"][number];

export function wireWorkflow(summary: WorkflowSummary): WireSummary {
  const { counts } = summary;
  return {
    workflow_id: summary.workflowId,
    name: summary.name,
    template_name: summary.template,
    template_version: summary.version,
    params: summary.params,
    tags: [...summary.tags],
    status: summary.status,
    created_at: wireInstant(summary.createdAt),
    total_tasks: counts.total,
    open_tasks: counts.open,
    completed_tasks: counts.completed,
    failed_tasks: counts.failed,
    cancelled_tasks: counts.cancelled,
    skipped_tasks: counts.skipped,
  };
}

export function wireNode(view: NodeView): WireNode {
  return {
    node: view.node,
    task_id: view.taskId,
    task_name: view.taskName,
    status: view.status,
    is_skipped: view.isSkipped,
    attempt: view.attempt,
    message: view.message,
    element_count: view.elementCount,
    claimed_at: wireInstant(view.claimedAt),
    completed_at: wireInstant(view.completedAt),
    execution_time_sec: view.executionSeconds,
  };
}

export function wireEdges(nodes: readonly NodeView[]): WorkflowEdge[] {
  return nodes.flatMap((node) =>
    node.dependsOn.map((edge) => ({
      from: edge.on,
      to: node.node,
      when: edge.when,
      otherwise: edge.otherwise,
      any_of: edge.any_of ?? null,
    })),
  );
}

/** @throws {ApiError} for two nodes of one name */
export function nodesOf(specs: readonly NodeSpec[]): WorkflowNodes {
  const nodes: Record<string, WorkflowNode> = {};
  specs.forEach((spec, index) => {
    if (Object.hasOwn(nodes, spec.node)) {
      const message = `two nodes are named "${spec.node}"; each needs a name of its own`;
      throw new ApiError("INVALID_PARAMS", message, {
        faults: [{ field: `body.nodes.${index}.node`, message }],
      });
    }
    nodes[spec.node] = {
      task: spec.task_name,
      params: spec.params,
      ...given({
        queue: spec.queue_name,
        priority: spec.priority,
        timeoutSeconds: spec.timeout_sec,
        maxRetries: spec.max_retries,
        dependsOn: spec.depends_on?.map(dependencyOf),
      }),
    };
  });
  return nodes;
}

function dependencyOf(spec: ParentSpec): Dependency<string> {
  if (typeof spec === "string") return spec;
  if ("any_of" in spec) {
    return { anyOf: spec.any_of.map(parentOf), ...given({ otherwise: spec.otherwise }) };
  }
  return { ...parentOf(spec), ...given({ otherwise: spec.otherwise }) };
}

function parentOf(spec: Omit<Exclude<ParentSpec, string | { any_of: unknown }>, "otherwise">): {
  on: string;
  when?: NonNullable<typeof spec.when> | { readonly resultMatches: string };
} {
  const { node: on, when, result_matches: resultMatches } = spec;
  if (resultMatches === undefined) return { on, ...given({ when }) };
  return { on, when: { resultMatches } };
}

export function rerunPartOf(body: z.output<typeof rerunPart>): RerunPart {
  return "failed_only" in body
    ? { failedOnly: true }
    : { from: body.from, descendants: body.descendants };
}

export function wireTemplate(view: TemplateView): Template {
  return {
    name: view.name,
    version: view.version,
    params: view.params.map(({ name, type, default: value, required }) => ({
      name,
      type,
      ...given({ default: value === undefined ? undefined : wireJson(value), required }),
    })),
    nodes: view.nodes.map(wireObject),
    created_at: wireInstant(view.createdAt),
  };
}

export function templateOf(
  name: string,
  body: z.output<typeof templateDefinition>,
): TemplateDefinition {
  return {
    name,
    params: body.params.map(({ required, ...param }) => ({ ...param, ...given({ required }) })),
    tasks: nodesOf(body.nodes),
  };
}
