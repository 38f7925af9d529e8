/**
 * A graph that is panned, zoomed and searched. Few nodes are elements of the page, which any tool
 * can read; many are drawn on a canvas, since so many elements do not move at 60 frames a second.
 */
import { lazy, Suspense } from "react";

import { Skeleton } from "../../../components/states.tsx";
import { CanvasGraph } from "./CanvasGraph.tsx";
import type { Graph, Layout } from "./graph.model.ts";
import { useLayout } from "./layout.ts";
import "./graph.css";

export interface GraphViewProps {
  readonly graph: Graph;
  readonly label: string;
  readonly selected: string | undefined;
  /** Marked; the others are dimmed. Undefined: no search. */
  readonly found?: ReadonlySet<string> | undefined;
  /** The view moves to it whenever it changes. */
  readonly centered?: string | undefined;
  readonly onSelect: (id: string | undefined) => void;
  readonly onOpen?: ((id: string) => void) | undefined;
}

export interface DrawnGraphProps extends GraphViewProps {
  readonly layout: Layout;
}

export const ELEMENT_NODES_MAX = 250;

const FlowGraph = lazy(async () => ({ default: (await import("./FlowGraph.tsx")).FlowGraph }));

export function GraphView(props: GraphViewProps) {
  const layout = useLayout(props.graph);
  if (props.graph.nodes.length > ELEMENT_NODES_MAX)
    return <CanvasGraph {...props} layout={layout} />;
  return (
    <Suspense fallback={<Skeleton lines={6} />}>
      <FlowGraph {...props} layout={layout} />
    </Suspense>
  );
}
