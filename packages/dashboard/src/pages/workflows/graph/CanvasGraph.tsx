/**
 * The graph on a canvas, for thousands of nodes: dragged, scrolled, zoomed, with an overview. What
 * it shows is in the table of nodes, too, for those who cannot see it.
 */
import { type KeyboardEvent, type PointerEvent, useEffect, useMemo, useRef, useState } from "react";

import { onSchemeChange } from "../../../components/chart-color.ts";
import { formatCountOf } from "../../../format/quantity.ts";
import { CanvasStage } from "./canvas-stage.ts";
import type { DrawnGraphProps } from "./GraphView.tsx";

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [80, 0],
  ArrowRight: [-80, 0],
  ArrowUp: [0, 80],
  ArrowDown: [0, -80],
};

export function CanvasGraph(props: DrawnGraphProps) {
  const { graph, label, onOpen, selected } = props;
  const { canvas, minimap, frame, stage } = useStage(props);
  const drag = useDrag(props, stage);
  function onKeyDown(event: KeyboardEvent): void {
    const arrow = ARROWS[event.key];
    if (arrow) stage.current?.move(...arrow);
    else if (event.key === "+" || event.key === "=") stage.current?.zoom(1.3);
    else if (event.key === "-") stage.current?.zoom(1 / 1.3);
    else if (event.key === "0") stage.current?.fit();
    else if (event.key === "Enter" && selected !== undefined) onOpen?.(selected);
    else return;
    event.preventDefault();
  }
  return (
    <section className="graph is-canvas" aria-label={label}>
      <canvas
        ref={canvas}
        tabIndex={0}
        role="img"
        aria-label={
          `${formatCountOf(graph.nodes.length, "node")}. Arrows move, plus and minus zoom, ` +
          "0 shows all. The tab Nodes has the same as a table."
        }
        onKeyDown={onKeyDown}
        {...drag}
      />
      <div className="graph-controls">
        <button className="icon" aria-label="Zoom in" onClick={() => stage.current?.zoom(1.3)}>
          +
        </button>
        <button className="icon" aria-label="Zoom out" onClick={() => stage.current?.zoom(1 / 1.3)}>
          −
        </button>
        <button className="icon" onClick={() => stage.current?.fit()}>
          All
        </button>
      </div>
      <div
        className="graph-minimap"
        aria-hidden="true"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          stage.current?.jump(event.nativeEvent);
        }}
        onPointerMove={(event) => {
          if (event.buttons === 1) stage.current?.jump(event.nativeEvent);
        }}
      >
        <canvas ref={minimap} />
        <div ref={frame} className="graph-frame" />
      </div>
    </section>
  );
}

/** Draws again what has changed: states often, the layout seldom, the view with every frame. */
function useStage({ graph, layout, selected, found, centered }: DrawnGraphProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const minimap = useRef<HTMLCanvasElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const stage = useRef<CanvasStage>(undefined);
  const [scheme, setScheme] = useState(0);
  const content = useMemo(
    () => ({ graph, layout, selected, found }),
    [graph, layout, selected, found],
  );
  useEffect(() => {
    if (!canvas.current || !minimap.current || !frame.current) return undefined;
    const made = new CanvasStage(canvas.current, minimap.current, frame.current);
    stage.current = made;
    const stopScheme = onSchemeChange(() => {
      setScheme((count) => count + 1);
    });
    return () => {
      stopScheme();
      made.stop();
      stage.current = undefined;
    };
  }, []);
  useEffect(() => {
    stage.current?.show(content);
  }, [content, scheme]);
  useEffect(() => {
    stage.current?.fit();
  }, [layout]);
  useEffect(() => {
    if (centered !== undefined) stage.current?.center(centered);
  }, [layout, centered]);
  return { canvas, minimap, frame, stage };
}

const CLICK_PIXELS_MAX = 4;

function useDrag(
  { onSelect, onOpen }: DrawnGraphProps,
  stage: { current: CanvasStage | undefined },
) {
  const start = useRef<{ x: number; y: number; far: boolean }>(undefined);
  return {
    onPointerDown(event: PointerEvent<HTMLCanvasElement>) {
      event.currentTarget.setPointerCapture(event.pointerId);
      start.current = { x: event.clientX, y: event.clientY, far: false };
    },
    onPointerMove(event: PointerEvent<HTMLCanvasElement>) {
      const from = start.current;
      if (!from) return;
      const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
      if (!from.far && Math.hypot(dx, dy) < CLICK_PIXELS_MAX) return;
      start.current = { x: event.clientX, y: event.clientY, far: true };
      stage.current?.move(dx, dy);
    },
    onPointerUp(event: PointerEvent<HTMLCanvasElement>) {
      const isClick = start.current?.far === false;
      start.current = undefined;
      if (isClick) onSelect(stage.current?.nodeAt(event.nativeEvent));
    },
    onDoubleClick(event: { nativeEvent: MouseEvent }) {
      const id = stage.current?.nodeAt(event.nativeEvent);
      if (id !== undefined) onOpen?.(id);
    },
  };
}
