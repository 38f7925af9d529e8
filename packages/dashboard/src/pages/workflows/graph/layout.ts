/** Layouts by the Eclipse Layout Kernel in a worker of its own, so that no frame waits for it. */
import elkApi, { type ElkNode } from "elkjs/lib/elk-api.js";
import workerUrl from "elkjs/lib/elk-worker.min.js?url";
import { useEffect, useMemo, useRef, useState } from "react";

import {
  type Graph,
  type Layout,
  layoutKey,
  NODE_HEIGHT,
  NODE_WIDTH,
  quickLayout,
} from "./graph.model.ts";

const OPTIONS = {
  "elk.algorithm": "layered",
  "elk.direction": "RIGHT",
  "elk.spacing.nodeNode": "14",
  "elk.layered.spacing.nodeNodeBetweenLayers": "64",
  "elk.layered.nodePlacement.strategy": "BRANDES_KOEPF",
  // Edges are drawn by us, from side to side.
  "elk.edgeRouting": "POLYLINE",
};

/** Above it, crossings are looked at once: the worker would be at it for minutes. */
const THOROUGH_NODES_MAX = 500;

/** The quick layout at once, the worker's when it is there; both kept while only states change. */
export function useLayout(graph: Graph): Layout {
  const key = useMemo(() => layoutKey(graph), [graph]);
  const latest = useRef(graph);
  latest.current = graph;
  // The key is the graph's shape: states change without a new layout.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const quick = useMemo(() => quickLayout(latest.current), [key]);
  const [better, setBetter] = useState<{ key: string; layout: Layout }>();
  useEffect(() => {
    const elk = new elkApi.default({ workerFactory: () => new Worker(workerUrl) });
    let isWanted = true;
    elk
      .layout(elkGraph(latest.current))
      .then((answer) => {
        if (isWanted) setBetter({ key, layout: layoutOf(answer) });
      })
      // The quick layout stays.
      .catch((error: unknown) => {
        console.warn("the graph keeps its quick layout", error);
      })
      .finally(() => {
        elk.terminateWorker();
      });
    return () => {
      isWanted = false;
      elk.terminateWorker();
    };
  }, [key]);
  return better?.key === key ? better.layout : quick;
}

function elkGraph({ nodes, edges }: Graph): ElkNode {
  return {
    id: "\0root",
    layoutOptions: {
      ...OPTIONS,
      "elk.layered.thoroughness": nodes.length > THOROUGH_NODES_MAX ? "1" : "7",
    },
    children: nodes.map((node) => ({ id: node.id, width: NODE_WIDTH, height: NODE_HEIGHT })),
    edges: edges.map((edge, index) => ({
      id: `\0${index}`,
      sources: [edge.from],
      targets: [edge.to],
    })),
  };
}

function layoutOf({ children = [], width = 0, height = 0 }: ElkNode): Layout {
  return {
    at: new Map(children.map(({ id, x = 0, y = 0 }) => [id, { x, y }])),
    width,
    height,
  };
}
