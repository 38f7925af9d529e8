/** A graph to draw: nodes with a label and a hue, edges between them, and where they stand. */
import type { WorkflowEdge, WorkflowNode } from "@contimg/contract";

import type { Tone } from "../../../components/StatusBadge.tsx";
import { nodeLook } from "../workflows.model.ts";

export interface GraphNode {
  readonly id: string;
  readonly label: string;
  readonly detail: string;
  /** Said beside the hue. */
  readonly word: string;
  readonly tone: Tone;
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  /** Empty: success, which is the rule. */
  readonly label: string;
}

export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  /** Left upper corners, by node. */
  readonly at: ReadonlyMap<string, Point>;
  readonly width: number;
  readonly height: number;
}

export const NODE_WIDTH = 176;
export const NODE_HEIGHT = 46;

export function graphOf(nodes: readonly WorkflowNode[], edges: readonly WorkflowEdge[]): Graph {
  const known = new Set(nodes.map((node) => node.node));
  return {
    nodes: nodes.map((node) => ({
      id: node.node,
      label: node.node,
      detail: detailOf(node),
      ...nodeLook(node),
    })),
    // An edge from a task of another workflow has no node here.
    edges: edges
      .filter((edge) => known.has(edge.from))
      .map((edge) => ({ from: edge.from, to: edge.to, label: labelOf(edge) })),
  };
}

function detailOf(node: WorkflowNode): string {
  if (node.element_count !== null) return `${node.task_name} × ${node.element_count}`;
  return node.attempt > 1 ? `${node.task_name}, attempt ${node.attempt}` : node.task_name;
}

function labelOf(edge: WorkflowEdge): string {
  const when = edge.when === "success" ? "" : edge.when;
  return edge.any_of === null ? when : `any of${when === "" ? "" : ` ${when}`}`;
}

/** Two graphs of one key have one layout: states do not count, nodes and edges do. */
export function layoutKey({ nodes, edges }: Graph): string {
  const names = nodes.map((node) => node.id).join("\n");
  return `${names}\n\n${edges.map((edge) => `${edge.from}\t${edge.to}`).join("\n")}`;
}

const COLUMN_GAP = 64;
const ROW_GAP = 14;

/**
 * Layers from left to right by the longest path, each ordered once by its parents' mean: what is
 * seen until the better layout is there. Nodes come with parents first.
 */
export function quickLayout({ nodes, edges }: Graph): Layout {
  const parents = new Map<string, string[]>(nodes.map((node) => [node.id, []]));
  for (const edge of edges) parents.get(edge.to)?.push(edge.from);
  const layerOf = new Map<string, number>();
  const layers: string[][] = [];
  for (const { id } of nodes) {
    const layer = 1 + Math.max(-1, ...parents.get(id)!.map((each) => layerOf.get(each) ?? -1));
    layerOf.set(id, layer);
    (layers[layer] ??= []).push(id);
  }
  const tallest = Math.max(0, ...layers.map((layer) => layer.length));
  const height = tallest * (NODE_HEIGHT + ROW_GAP);
  const at = new Map<string, Point>();
  layers.forEach((layer, index) => {
    const rank = (id: string) => {
      const ys = parents.get(id)!.map((each) => at.get(each)?.y ?? 0);
      return ys.length === 0 ? 0 : ys.reduce((sum, y) => sum + y, 0) / ys.length;
    };
    const sorted = index === 0 ? layer : layer.toSorted((a, b) => rank(a) - rank(b));
    const top = (height - sorted.length * (NODE_HEIGHT + ROW_GAP)) / 2;
    sorted.forEach((id, row) => {
      at.set(id, {
        x: index * (NODE_WIDTH + COLUMN_GAP),
        y: top + row * (NODE_HEIGHT + ROW_GAP),
      });
    });
  });
  return { at, width: layers.length * (NODE_WIDTH + COLUMN_GAP) - COLUMN_GAP, height };
}
