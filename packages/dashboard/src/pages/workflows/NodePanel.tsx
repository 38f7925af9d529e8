/** One node of a workflow, beside the graph: its state, and what can be done from here. */
import { Link } from "@tanstack/react-router";
import type { WorkflowNode } from "@contimg/contract";

import { Instant } from "../../components/Instant.tsx";
import { Badge } from "../../components/StatusBadge.tsx";
import { formatCount, formatDuration } from "../../format/quantity.ts";
import type { WorkflowActions } from "./workflow-actions.tsx";
import { nodeLook } from "./workflows.model.ts";

export function NodePanel(props: {
  node: WorkflowNode;
  ask: WorkflowActions["ask"];
  onClose: () => void;
}) {
  const { node, ask, onClose } = props;
  const { word, tone } = nodeLook(node);
  return (
    <aside className="node-panel panel" aria-label={`Node ${node.node}`}>
      <header>
        <h2 className="grow clip" title={node.node}>
          {node.node}
        </h2>
        <button className="plain icon" aria-label="Close" onClick={onClose}>
          ✕
        </button>
      </header>
      <div className="body stack">
        <div>
          <Badge tone={tone}>{word}</Badge>
        </div>
        <dl className="facts">
          <dt>Task</dt>
          <dd>{node.task_name}</dd>
          <dt>Attempt</dt>
          <dd>{formatCount(node.attempt)}</dd>
          <dt>Began</dt>
          <dd>
            <Instant at={node.claimed_at} />
          </dd>
          <dt>Ended</dt>
          <dd>
            <Instant at={node.completed_at} />
          </dd>
          <dt>Run time</dt>
          <dd>{formatDuration(node.execution_time_sec)}</dd>
          {node.element_count !== null && (
            <>
              <dt>Elements</dt>
              <dd>{formatCount(node.element_count)}</dd>
            </>
          )}
        </dl>
        {node.message !== null && <p className="node-message">{node.message}</p>}
        <Link to="/tasks/$taskId" params={{ taskId: node.task_id }} className="button primary">
          Open the task
        </Link>
        {ask && <RerunButtons node={node.node} ask={ask} />}
      </div>
    </aside>
  );
}

function RerunButtons({ node, ask }: { node: string; ask: NonNullable<WorkflowActions["ask"]> }) {
  return (
    <>
      <button
        onClick={() => {
          ask({ kind: "rerun-from", node, descendants: true });
        }}
      >
        Rerun from here
      </button>
      <button
        onClick={() => {
          ask({ kind: "rerun-from", node, descendants: false });
        }}
      >
        Rerun this alone
      </button>
    </>
  );
}
