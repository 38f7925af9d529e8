/**
 * Draws a graph on a canvas: only what is in sight, words only where they can be read. All of a
 * frame is three kinds of strokes, so that thousands of nodes take a few milliseconds.
 */
import type { Tone } from "../../../components/StatusBadge.tsx";
import { colorOf } from "../../../components/chart-color.ts";
import { type Graph, type GraphNode, type Layout, NODE_HEIGHT, NODE_WIDTH } from "./graph.model.ts";
import { type Box, boxInSight, type Size, type View } from "./view.model.ts";

const TONES = ["pending", "claimed", "retrying", "completed", "failed", "cancelled"] as const;
const TEXT_SCALE_MIN = 0.42;
const CURVE_SCALE_MIN = 0.3;

export interface Palette {
  readonly fill: Readonly<Record<Tone, string>>;
  readonly stroke: Readonly<Record<Tone, string>>;
  readonly edge: string;
  readonly text: string;
  readonly muted: string;
  readonly accent: string;
}

export function paletteOf(element: HTMLElement): Palette {
  const byTone = (suffix: string) =>
    Object.fromEntries(
      TONES.map((tone) => [tone, colorOf(element, `--${tone}${suffix}`)]),
    ) as Record<Tone, string>; // every tone has its entry: they are the keys
  return {
    fill: byTone("-bg"),
    stroke: byTone(""),
    edge: colorOf(element, "--border-strong"),
    text: colorOf(element, "--text"),
    muted: colorOf(element, "--muted"),
    accent: colorOf(element, "--accent"),
  };
}

export interface Scene {
  readonly graph: Graph;
  readonly layout: Layout;
  readonly selected: string | undefined;
  readonly found: ReadonlySet<string> | undefined;
  readonly palette: Palette;
}

export function drawScene(
  context: CanvasRenderingContext2D,
  scene: Scene,
  { view, size, ratio }: { view: View; size: Size; ratio: number },
): void {
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, size.width, size.height);
  context.setTransform(
    ratio * view.scale,
    0,
    0,
    ratio * view.scale,
    ratio * view.x,
    ratio * view.y,
  );
  const box = boxInSight(view, size);
  drawEdges(context, scene, view.scale, box);
  drawNodes(context, scene, view.scale, box);
}

function drawEdges(
  context: CanvasRenderingContext2D,
  { graph, layout, palette, found }: Scene,
  scale: number,
  box: Box,
): void {
  context.beginPath();
  for (const edge of graph.edges) {
    const from = layout.at.get(edge.from);
    const to = layout.at.get(edge.to);
    if (!from || !to) continue;
    const [x1, y1] = [from.x + NODE_WIDTH, from.y + NODE_HEIGHT / 2];
    const [x2, y2] = [to.x, to.y + NODE_HEIGHT / 2];
    const isOut =
      Math.max(x1, x2) < box.left ||
      Math.min(x1, x2) > box.right ||
      Math.max(y1, y2) < box.top ||
      Math.min(y1, y2) > box.bottom;
    if (isOut) continue;
    context.moveTo(x1, y1);
    if (scale < CURVE_SCALE_MIN) context.lineTo(x2, y2);
    else context.bezierCurveTo((x1 + x2) / 2, y1, (x1 + x2) / 2, y2, x2, y2);
  }
  context.globalAlpha = found ? 0.25 : Math.min(0.8, Math.max(0.25, scale * 2));
  context.strokeStyle = palette.edge;
  context.lineWidth = 1 / scale;
  context.stroke();
  context.globalAlpha = 1;
}

function drawNodes(context: CanvasRenderingContext2D, scene: Scene, scale: number, box: Box): void {
  const seen = scene.graph.nodes.filter((node) => isIn(scene.layout, node, box));
  const { palette, found, selected, layout } = scene;
  for (const isDim of found ? [true, false] : [false]) {
    context.globalAlpha = isDim ? 0.25 : 1;
    const drawn = found ? seen.filter((node) => found.has(node.id) !== isDim) : seen;
    for (const tone of TONES) {
      const nodes = drawn.filter((node) => node.tone === tone);
      if (nodes.length > 0) drawBoxes(context, scene, { nodes, tone, scale });
    }
    if (scale >= TEXT_SCALE_MIN) drawTexts(context, scene, drawn);
  }
  context.globalAlpha = 1;
  const point = selected === undefined ? undefined : layout.at.get(selected);
  if (!point) return;
  context.strokeStyle = palette.accent;
  context.lineWidth = 3 / Math.min(1, scale);
  context.strokeRect(point.x - 3, point.y - 3, NODE_WIDTH + 6, NODE_HEIGHT + 6);
}

function drawBoxes(
  context: CanvasRenderingContext2D,
  { palette, layout }: Scene,
  { nodes, tone, scale }: { nodes: readonly GraphNode[]; tone: Tone; scale: number },
): void {
  const isSmall = scale < CURVE_SCALE_MIN;
  context.beginPath();
  for (const { id } of nodes) {
    const { x, y } = layout.at.get(id)!;
    context.rect(x, y, NODE_WIDTH, NODE_HEIGHT);
  }
  // From afar a pale ground with a thin line is grey: the hue itself is the box.
  context.fillStyle = isSmall ? palette.stroke[tone] : palette.fill[tone];
  context.fill();
  if (isSmall) return;
  context.strokeStyle = palette.stroke[tone];
  context.lineWidth = 1.5;
  context.stroke();
}

function drawTexts(
  context: CanvasRenderingContext2D,
  { palette, layout }: Scene,
  nodes: readonly GraphNode[],
): void {
  for (const node of nodes) {
    const { x, y } = layout.at.get(node.id)!;
    context.fillStyle = palette.text;
    context.font = "600 13px system-ui, sans-serif";
    context.fillText(cut(node.label, 23), x + 10, y + 19);
    context.fillStyle = palette.stroke[node.tone];
    context.font = "11px system-ui, sans-serif";
    context.fillText(cut(`${node.word} · ${node.detail}`, 28), x + 10, y + 36);
  }
}

/** Measuring every word of every frame would cost more than drawing it. */
function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}

function isIn(layout: Layout, { id }: GraphNode, box: Box): boolean {
  const point = layout.at.get(id);
  return (
    point !== undefined &&
    point.x <= box.right &&
    point.x + NODE_WIDTH >= box.left &&
    point.y <= box.bottom &&
    point.y + NODE_HEIGHT >= box.top
  );
}

export function nodeAt({ graph, layout }: Scene, x: number, y: number): string | undefined {
  return graph.nodes.find(({ id }) => {
    const point = layout.at.get(id);
    return (
      point !== undefined &&
      x >= point.x &&
      x <= point.x + NODE_WIDTH &&
      y >= point.y &&
      y <= point.y + NODE_HEIGHT
    );
  })?.id;
}
