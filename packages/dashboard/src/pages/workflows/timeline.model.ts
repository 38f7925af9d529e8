/** A workflow over time: bars of waits and runs, the critical path, ticks of an axis. */
import type { WorkflowEdge, WorkflowNode } from "@contimg/contract";

export interface TimelineBar {
  readonly node: WorkflowNode;
  /** Milliseconds since 1970. When nothing but a worker was missing; of one that began, only. */
  readonly readyAt: number | undefined;
  readonly startAt: number | undefined;
  /** The present while it runs. */
  readonly endAt: number | undefined;
  readonly isCritical: boolean;
}

export interface Timeline {
  /** In the order of their start, then those that have none. */
  readonly bars: readonly TimelineBar[];
  readonly from: number;
  readonly to: number;
}

export interface Span {
  readonly from: number;
  readonly to: number;
}

export function timelineOf(
  nodes: readonly WorkflowNode[],
  edges: readonly WorkflowEdge[],
  { createdAt, now }: { createdAt: number; now: number },
): Timeline {
  const parents = parentsOf(edges);
  const ends = new Map(nodes.map((node) => [node.node, millis(node.completed_at)]));
  const critical = criticalPath(nodes, edges);
  const bars = nodes.map((node): TimelineBar => {
    const startAt = millis(node.claimed_at);
    const parentEnds = (parents.get(node.node) ?? []).map((each) => ends.get(each) ?? createdAt);
    return {
      node,
      readyAt:
        startAt === undefined ? undefined : Math.min(startAt, Math.max(createdAt, ...parentEnds)),
      startAt,
      endAt: startAt === undefined ? undefined : (millis(node.completed_at) ?? now),
      isCritical: critical.has(node.node),
    };
  });
  const last = Math.max(createdAt + 1000, ...bars.map((bar) => bar.endAt ?? createdAt));
  return {
    bars: bars.toSorted((a, b) => (a.startAt ?? Infinity) - (b.startAt ?? Infinity) || 0),
    from: createdAt,
    to: last,
  };
}

/**
 * From the node that ended last (or runs, since the earliest) back by the parent that ended last:
 * to be faster, one of these has to be.
 */
export function criticalPath(
  nodes: readonly WorkflowNode[],
  edges: readonly WorkflowEdge[],
): ReadonlySet<string> {
  const byName = new Map(nodes.map((node) => [node.node, node]));
  const parents = parentsOf(edges);
  const begun = nodes.filter((node) => node.claimed_at !== null);
  const running = begun.filter((node) => node.completed_at === null);
  let at =
    running.length > 0
      ? best(running, (node) => -millis(node.claimed_at)!)
      : best(begun, (node) => millis(node.completed_at)!);
  const path = new Set<string>();
  while (at && !path.has(at.node)) {
    path.add(at.node);
    const candidates: WorkflowNode[] = (parents.get(at.node) ?? []).flatMap((name) => {
      const parent = byName.get(name);
      return parent?.claimed_at && parent.completed_at ? [parent] : [];
    });
    at = best(candidates, (node) => millis(node.completed_at)!);
  }
  return path;
}

function best(
  nodes: readonly WorkflowNode[],
  value: (node: WorkflowNode) => number,
): WorkflowNode | undefined {
  return nodes.reduce<WorkflowNode | undefined>(
    (top, node) => (top && value(top) >= value(node) ? top : node),
    undefined,
  );
}

function parentsOf(edges: readonly WorkflowEdge[]): ReadonlyMap<string, readonly string[]> {
  const parents = new Map<string, string[]>();
  for (const { from, to } of edges) {
    const known = parents.get(to);
    if (known) known.push(from);
    else parents.set(to, [from]);
  }
  return parents;
}

function millis(instant: string | null): number | undefined {
  return instant === null ? undefined : Date.parse(instant);
}

/** Position and width as parts of a span; undefined when the bar is out of it. */
export function placeIn(
  span: Span,
  from: number,
  to: number,
): { readonly left: number; readonly width: number } | undefined {
  if (to < span.from || from > span.to) return undefined;
  const length = span.to - span.from;
  const left = (Math.max(from, span.from) - span.from) / length;
  return { left, width: (Math.min(to, span.to) - span.from) / length - left };
}

const TICK_SECONDS = [
  0.01, 0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200,
  86_400, 172_800, 604_800,
];

/** Offsets from the begin of the workflow, at most `count` of them, at round distances. */
export function ticksOf(span: Span, origin: number, count: number): readonly number[] {
  const step =
    1000 * (TICK_SECONDS.find((each) => (span.to - span.from) / (each * 1000) <= count) ?? 2.6e6);
  const first = Math.ceil((span.from - origin) / step);
  const last = Math.floor((span.to - origin) / step);
  return Array.from(
    { length: Math.max(0, last - first + 1) },
    (_, index) => (first + index) * step,
  );
}

/** What is at `share` of the span stays there. */
export function zoomSpan(span: Span, factor: number, share: number): Span {
  const length = Math.max(20, (span.to - span.from) * factor);
  const at = span.from + (span.to - span.from) * share;
  return { from: at - length * share, to: at + length * (1 - share) };
}

export function moveSpan(span: Span, share: number): Span {
  const by = (span.to - span.from) * share;
  return { from: span.from + by, to: span.to + by };
}
