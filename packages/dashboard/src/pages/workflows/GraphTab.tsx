/** A workflow's graph with live states: search, follow what runs, a panel of the chosen node. */
import { useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";

import { FilterBar } from "../../components/FilterBar.tsx";
import { formatCountOf } from "../../format/quantity.ts";
import { graphOf } from "./graph/graph.model.ts";
import { GraphView } from "./graph/GraphView.tsx";
import { NodePanel } from "./NodePanel.tsx";
import { workflowRoute } from "./route.ts";
import type { TabProps } from "./WorkflowPage.tsx";
import { findNodes, followedNode } from "./workflows.model.ts";

export function GraphTab({ dag, ask }: TabProps) {
  const search = workflowRoute.useSearch();
  const navigate = workflowRoute.useNavigate();
  const openTask = useOpenTask(dag);
  const graph = useMemo(() => graphOf(dag.nodes, dag.edges), [dag]);
  const found = useMemo(() => findNodes(dag.nodes, search.find), [dag, search.find]);
  const foundIds = useMemo(
    () => (search.find === "" ? undefined : new Set(found.map((node) => node.node))),
    [found, search.find],
  );
  const isFollowing = search.follow === "on";
  const centered = isFollowing ? followedNode(dag.nodes) : (found[0]?.node ?? search.node);
  const chosen = dag.nodes.find((node) => node.node === search.node);
  const choose = (node: string | undefined) =>
    void navigate({ search: { ...search, node: node ?? "" }, replace: true });

  return (
    <div className="graph-tab">
      <div className="row wrap">
        <div className="grow">
          <FilterBar
            label="Find nodes"
            placeholder="part of a node's or task's name"
            value={search.find}
            onApply={(find) => void navigate({ search: { ...search, find, follow: "" } })}
          />
        </div>
        {search.find !== "" && (
          <span className="muted" role="status">
            {formatCountOf(found.length, "node")} found
          </span>
        )}
        <label className="row">
          <input
            type="checkbox"
            checked={isFollowing}
            onChange={() =>
              void navigate({
                search: { ...search, follow: isFollowing ? "" : "on" },
                replace: true,
              })
            }
          />
          Follow what runs
        </label>
      </div>
      <div className="graph-and-panel">
        <GraphView
          graph={graph}
          label={`Graph of ${dag.workflow.name}`}
          selected={chosen?.node}
          found={foundIds}
          centered={centered === "" ? undefined : centered}
          onSelect={choose}
          onOpen={openTask}
        />
        {chosen && (
          <NodePanel
            node={chosen}
            ask={ask}
            onClose={() => {
              choose(undefined);
            }}
          />
        )}
      </div>
    </div>
  );
}

function useOpenTask(dag: TabProps["dag"]): (node: string) => void {
  const navigate = useNavigate();
  return (name) => {
    const node = dag.nodes.find((each) => each.node === name);
    if (node) void navigate({ to: "/tasks/$taskId", params: { taskId: node.task_id } });
  };
}
