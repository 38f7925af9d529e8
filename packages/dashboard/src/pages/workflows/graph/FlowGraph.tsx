/** The graph as elements of the page, by React Flow. */
import {
  Background,
  Controls,
  type Edge,
  Handle,
  MarkerType,
  MiniMap,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
} from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { memo, useEffect, useMemo } from "react";

import { StatusIcon } from "../../../components/StatusBadge.tsx";
import { useSettings } from "../../../settings/settings.ts";
import { type GraphNode, NODE_HEIGHT, NODE_WIDTH } from "./graph.model.ts";
import type { DrawnGraphProps } from "./GraphView.tsx";

type FlowNode = Node<{ readonly node: GraphNode; readonly isDim: boolean }, "task">;

const NODE_TYPES = { task: memo(TaskNode) };

export function FlowGraph(props: DrawnGraphProps) {
  return (
    <ReactFlowProvider>
      <Flow {...props} />
    </ReactFlowProvider>
  );
}

function Flow(props: DrawnGraphProps) {
  const { graph, layout, label, selected, found, onSelect, onOpen } = props;
  const { theme } = useSettings();
  const nodes = useMemo(
    () => flowNodes({ graph, layout, selected, found }),
    [graph, layout, selected, found],
  );
  const edges = useMemo(() => flowEdges(graph), [graph]);
  useView(props);
  return (
    <section className="graph" aria-label={label}>
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={NODE_TYPES}
        colorMode={theme === "auto" ? "system" : theme}
        fitView
        minZoom={0.05}
        nodesDraggable={false}
        nodesConnectable={false}
        deleteKeyCode={null}
        proOptions={{ hideAttribution: true }}
        onNodeClick={(_, node) => {
          onSelect(node.id);
        }}
        onNodeDoubleClick={(_, node) => {
          onOpen?.(node.id);
        }}
        onPaneClick={() => {
          onSelect(undefined);
        }}
      >
        <Background />
        <Controls showInteractive={false} />
        <MiniMap
          pannable
          zoomable
          ariaLabel="Overview of the graph"
          nodeColor={(node: FlowNode) => `var(--${node.data.node.tone})`}
        />
      </ReactFlow>
    </section>
  );
}

/** All of it when the layout is another; one node when it is asked for. */
function useView({ layout, centered }: DrawnGraphProps): void {
  const flow = useReactFlow();
  useEffect(() => {
    void flow.fitView({ padding: 0.1, maxZoom: 1 });
  }, [flow, layout]);
  useEffect(() => {
    const point = centered === undefined ? undefined : layout.at.get(centered);
    if (!point) return;
    void flow.setCenter(point.x + NODE_WIDTH / 2, point.y + NODE_HEIGHT / 2, {
      zoom: Math.max(0.8, flow.getZoom()),
      duration: 250,
    });
  }, [flow, layout, centered]);
}

function flowNodes({
  graph,
  layout,
  selected,
  found,
}: Pick<DrawnGraphProps, "graph" | "layout" | "selected" | "found">): FlowNode[] {
  return graph.nodes.map((node) => ({
    id: node.id,
    type: "task",
    position: layout.at.get(node.id) ?? { x: 0, y: 0 },
    width: NODE_WIDTH,
    height: NODE_HEIGHT,
    selected: node.id === selected,
    data: { node, isDim: found !== undefined && !found.has(node.id) },
    ariaLabel: `${node.label}, ${node.word}, ${node.detail}`,
  }));
}

function flowEdges({ nodes, edges }: DrawnGraphProps["graph"]): Edge[] {
  const running = new Set(nodes.filter((node) => node.tone === "claimed").map((node) => node.id));
  return edges.map((edge, index) => ({
    id: `${edge.from}→${edge.to}#${index}`,
    source: edge.from,
    target: edge.to,
    focusable: false,
    ...(edge.label === "" ? {} : { label: edge.label, className: "is-conditional" }),
    animated: running.has(edge.to),
    markerEnd: { type: MarkerType.ArrowClosed },
  }));
}

function TaskNode({ data: { node, isDim }, selected }: NodeProps<FlowNode>) {
  const classes = ["graph-node", `tone-${node.tone}`, selected && "is-selected", isDim && "is-dim"];
  return (
    <div className={classes.filter(Boolean).join(" ")}>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <StatusIcon tone={node.tone} />
      <span className="graph-node-text">
        <span className="clip graph-node-label">{node.label}</span>
        <span className="clip graph-node-detail">{node.detail}</span>
      </span>
      <span className="hidden-text">{node.word}</span>
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </div>
  );
}
