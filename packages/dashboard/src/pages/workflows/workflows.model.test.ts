/** What the workflow pages make of the API's answers. */
import type { WorkflowEdge, WorkflowNode, WorkflowSummary } from "@contimg/contract";
import { expect, test } from "vitest";

import { graphOf, layoutKey, quickLayout } from "./graph/graph.model.ts";
import {
  boxInSight,
  centeredOn,
  covers,
  fitted,
  grown,
  toDrawing,
  within,
  zoomed,
} from "./graph/view.model.ts";
import { barShare, gridOf } from "./grid.model.ts";
import { criticalPath, placeIn, ticksOf, timelineOf, zoomSpan } from "./timeline.model.ts";
import { descendantsOf, followedNode, progressText } from "./workflows.model.ts";

const BEGIN = Date.parse("2026-01-25T08:00:00Z");
const at = (second: number) => new Date(BEGIN + second * 1000).toISOString();

function node(name: string, change: Partial<WorkflowNode> = {}): WorkflowNode {
  return {
    node: name,
    task_id: "0198f000-0000-7000-8000-000000000000",
    task_name: "imaging",
    status: "pending",
    is_skipped: false,
    attempt: 0,
    message: null,
    element_count: null,
    claimed_at: null,
    completed_at: null,
    execution_time_sec: null,
    ...change,
  };
}

const done = (name: string, from: number, to: number) =>
  node(name, {
    status: "completed",
    attempt: 1,
    claimed_at: at(from),
    completed_at: at(to),
    execution_time_sec: to - from,
  });

const edge = (from: string, to: string, when = "success"): WorkflowEdge => ({
  from,
  to,
  when,
  otherwise: "cancel",
  any_of: null,
});

const WORKFLOW: WorkflowSummary = {
  workflow_id: "0198f000-0000-7000-8000-000000000000",
  name: "night",
  template_name: null,
  template_version: null,
  params: {},
  tags: [],
  status: "failed",
  created_at: at(0),
  total_tasks: 10,
  open_tasks: 2,
  completed_tasks: 6,
  failed_tasks: 1,
  cancelled_tasks: 0,
  skipped_tasks: 1,
};

test("progress leaves out what there is none of", () => {
  expect(progressText(WORKFLOW)).toBe("6 completed, 1 failed, 1 skipped, 2 open");
});

test("a rerun from a node touches all that depends on it, and nothing beside it", () => {
  const edges = [edge("a", "b"), edge("b", "d"), edge("a", "c"), edge("c", "d"), edge("d", "e")];
  expect([...descendantsOf(edges, "b")].sort()).toEqual(["d", "e"]);
  expect([...descendantsOf(edges, "a")].sort()).toEqual(["b", "c", "d", "e"]);
});

test("what is followed is what began last and still runs", () => {
  const nodes = [
    node("old", { status: "claimed", claimed_at: at(1) }),
    node("new", { status: "claimed", claimed_at: at(5) }),
    done("over", 6, 7),
  ];
  expect(followedNode(nodes)).toBe("new");
  expect(followedNode([done("over", 6, 7)])).toBeUndefined();
});

test("the critical path is the chain of the latest ends", () => {
  const nodes = [done("a", 0, 2), done("fast", 2, 3), done("slow", 2, 9), done("z", 9, 10)];
  const edges = [edge("a", "fast"), edge("a", "slow"), edge("fast", "z"), edge("slow", "z")];
  expect([...criticalPath(nodes, edges)].sort()).toEqual(["a", "slow", "z"]);
});

test("a bar knows how long it waited after its parents, and runs until now", () => {
  const running = node("b", { status: "claimed", claimed_at: at(5) });
  const { bars, to } = timelineOf([done("a", 1, 3), running, node("c")], [edge("a", "b")], {
    createdAt: BEGIN,
    now: BEGIN + 8000,
  });
  expect(bars.map((bar) => bar.node.node)).toEqual(["a", "b", "c"]);
  expect(bars[0]).toMatchObject({ readyAt: BEGIN, startAt: BEGIN + 1000, endAt: BEGIN + 3000 });
  expect(bars[1]).toMatchObject({ readyAt: BEGIN + 3000, endAt: BEGIN + 8000, isCritical: true });
  expect(bars[2]).toMatchObject({ startAt: undefined, isCritical: false });
  expect(to).toBe(BEGIN + 8000);
});

test("a span keeps what is under the pointer where it is, and its ticks are round", () => {
  const span = { from: BEGIN, to: BEGIN + 60_000 };
  const closer = zoomSpan(span, 0.5, 0.25);
  expect(closer.from + 0.25 * (closer.to - closer.from)).toBe(BEGIN + 15_000);
  expect(ticksOf(span, BEGIN, 6)).toEqual([0, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000]);
  expect(placeIn(span, BEGIN + 30_000, BEGIN + 90_000)).toEqual({ left: 0.5, width: 0.5 });
  expect(placeIn(span, BEGIN + 61_000, BEGIN + 90_000)).toBeUndefined();
});

test("a layout has parents to the left of children, and no two nodes at one place", () => {
  const nodes = ["a", "b", "c", "d"].map((name) => node(name));
  const graph = graphOf(nodes, [edge("a", "b"), edge("a", "c"), edge("b", "d"), edge("x", "d")]);
  expect(graph.edges).toHaveLength(3);
  const { at: places } = quickLayout(graph);
  for (const each of graph.edges) {
    expect(places.get(each.from)!.x).toBeLessThan(places.get(each.to)!.x);
  }
  expect(new Set([...places.values()].map((p) => `${p.x},${p.y}`)).size).toBe(4);
});

test("a change of states keeps the layout, a new node does not", () => {
  const before = graphOf([node("a"), node("b")], [edge("a", "b")]);
  const after = graphOf([done("a", 0, 1), node("b")], [edge("a", "b", "always")]);
  expect(layoutKey(after)).toBe(layoutKey(before));
  const grown = graphOf([node("a"), node("b"), node("c")], [edge("a", "b")]);
  expect(layoutKey(grown)).not.toBe(layoutKey(before));
});

test("a view fits, zooms about a point and centers", () => {
  const window = { width: 1000, height: 500 };
  const all = fitted({ width: 4000, height: 1000 }, window, 0);
  expect(all).toEqual({ scale: 0.25, x: 0, y: 125 });
  const point = { x: 300, y: 200 };
  expect(toDrawing(zoomed(all, 2, point), point)).toEqual(toDrawing(all, point));
  const centered = centeredOn(all, { x: 10, y: 20 }, window, 0.8);
  expect(toDrawing(centered, { x: 500, y: 250 })).toEqual({ x: 10, y: 20 });
});

test("a picture of what is in sight and around it covers a small move, not a large one", () => {
  const drawing = { width: 4000, height: 1000 };
  const window = { width: 1000, height: 500 };
  const view = { scale: 1, x: -1000, y: -100 };
  const picture = within(drawing, grown(boxInSight(view, window), 0.5), 8);
  expect(picture).toEqual({ left: 500, top: -8, right: 2500, bottom: 850 });
  const seenFrom = (x: number, y: number) =>
    within(drawing, boxInSight({ scale: 1, x, y }, window), 8);
  expect(covers(picture, seenFrom(-1400, -100))).toBe(true);
  expect(covers(picture, seenFrom(-1600, -100))).toBe(false);
  // Beyond the drawing there is nothing to see.
  expect(covers(picture, seenFrom(-1000, 5000))).toBe(true);
});

test("a grid has the latest run at the right, and says what is usual of a node", () => {
  const runs = [
    { workflow: WORKFLOW, nodes: [done("a", 0, 4), node("b", { status: "failed" })] },
    { workflow: WORKFLOW, nodes: [done("a", 0, 2), done("gone", 0, 1)] },
    { workflow: WORKFLOW, nodes: [done("a", 0, 2)] },
  ];
  const { rows } = gridOf(runs);
  expect(rows.map((row) => row.node)).toEqual(["a", "b", "gone"]);
  const [a, b] = rows;
  expect(a!.usualSeconds).toBe(2);
  expect(a!.cells.map((cell) => cell?.execution_time_sec)).toEqual([2, 2, 4]);
  expect(barShare(a!.cells[2]!, a!.usualSeconds)).toBe(1);
  expect(b).toMatchObject({ failures: 1, cells: [undefined, undefined, { status: "failed" }] });
});
