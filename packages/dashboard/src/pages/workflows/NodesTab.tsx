/** The nodes of a workflow as a table: by status and name, with rerun from each. */
import { Link, useNavigate } from "@tanstack/react-router";
import { TASK_STATUSES, type WorkflowNode } from "@contimg/contract";
import { useCallback } from "react";

import { type Column, DataTable } from "../../components/DataTable.tsx";
import { FilterBar } from "../../components/FilterBar.tsx";
import { Instant } from "../../components/Instant.tsx";
import type { MenuItem } from "../../components/Menu.tsx";
import { Badge, STATUS_LABEL } from "../../components/StatusBadge.tsx";
import { formatCount, formatCountOf, formatDuration, NONE } from "../../format/quantity.ts";
import { workflowRoute } from "./route.ts";
import type { TabProps } from "./WorkflowPage.tsx";
import { findNodes, nodeLook, taskStatusOf } from "./workflows.model.ts";

export function NodesTab({ dag, ask }: TabProps) {
  const search = workflowRoute.useSearch();
  const navigate = workflowRoute.useNavigate();
  const goTo = useNavigate();
  const status = taskStatusOf(search.status);
  const named = search.find === "" ? dag.nodes : findNodes(dag.nodes, search.find);
  const rows = status ? named.filter((node) => node.status === status) : named;
  const open = useCallback(
    (node: WorkflowNode) => void goTo({ to: "/tasks/$taskId", params: { taskId: node.task_id } }),
    [goTo],
  );
  const actionsOf = useCallback(
    ({ node }: WorkflowNode): MenuItem[] =>
      ask
        ? [true, false].map((descendants) => ({
            label: descendants ? "Rerun from here" : "Rerun this alone",
            run: () => {
              ask({ kind: "rerun-from", node, descendants });
            },
          }))
        : [],
    [ask],
  );
  return (
    <div className="graph-tab">
      <div className="row wrap">
        <div className="grow">
          <FilterBar
            label="Find nodes"
            placeholder="part of a node's or task's name"
            value={search.find}
            onApply={(find) => void navigate({ search: { ...search, find } })}
          />
        </div>
        <label className="row">
          <span className="muted">Status</span>
          <select
            value={search.status}
            onChange={(event) =>
              void navigate({ search: { ...search, status: event.target.value } })
            }
          >
            <option value="">any</option>
            {TASK_STATUSES.map((each) => (
              <option key={each} value={each}>
                {STATUS_LABEL[each]}
              </option>
            ))}
          </select>
        </label>
      </div>
      <DataTable
        name="workflow-nodes"
        label="Nodes"
        isMain
        columns={COLUMNS}
        rows={rows}
        keyOf={keyOf}
        onOpen={open}
        actionsOf={actionsOf}
        head={<span className="muted">{formatCountOf(rows.length, "node")}</span>}
      />
    </div>
  );
}

const keyOf = (node: WorkflowNode): string => node.node;

const COLUMNS: readonly Column<WorkflowNode>[] = [
  {
    id: "node",
    header: "Node",
    width: 170,
    grows: true,
    isEssential: true,
    sortValue: keyOf,
    cell: (node) => (
      <Link to="/tasks/$taskId" params={{ taskId: node.task_id }}>
        {node.node}
      </Link>
    ),
  },
  {
    id: "status",
    header: "Status",
    width: 130,
    isEssential: true,
    sortValue: (node) => nodeLook(node).word,
    cell: (node) => <Badge tone={nodeLook(node).tone}>{nodeLook(node).word}</Badge>,
  },
  {
    id: "task",
    header: "Task",
    width: 150,
    sortValue: (n) => n.task_name,
    cell: (n) => n.task_name,
  },
  {
    id: "attempt",
    header: "Attempt",
    width: 76,
    align: "right",
    sortValue: (node) => node.attempt,
    cell: (node) => formatCount(node.attempt),
  },
  {
    id: "began",
    header: "Began",
    width: 130,
    sortValue: (node) => node.claimed_at,
    cell: (node) => <Instant at={node.claimed_at} />,
  },
  {
    id: "run",
    header: "Run time",
    width: 96,
    align: "right",
    sortValue: (node) => node.execution_time_sec,
    cell: (node) => formatDuration(node.execution_time_sec),
  },
  {
    id: "message",
    header: "Message",
    width: 200,
    grows: true,
    cell: (node) => <span title={node.message ?? undefined}>{node.message ?? NONE}</span>,
  },
];
