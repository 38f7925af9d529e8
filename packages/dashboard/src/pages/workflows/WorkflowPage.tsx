/** One workflow: graph, timeline, nodes, and its name's last runs; rerun and cancel. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { WorkflowEdge, WorkflowNode, WorkflowSummary } from "@contimg/contract";

import { useApi } from "../../api/api.tsx";
import { dagQuery } from "../../api/workflows.ts";
import { Instant } from "../../components/Instant.tsx";
import { Page } from "../../components/Page.tsx";
import { Badge } from "../../components/StatusBadge.tsx";
import { QueryRegion } from "../../components/states.tsx";
import { type Tab, Tabs } from "../../components/Tabs.tsx";
import { formatCountOf, formatId } from "../../format/quantity.ts";
import { GraphTab } from "./GraphTab.tsx";
import { GridTab } from "./GridTab.tsx";
import { NodesTab } from "./NodesTab.tsx";
import { ProgressBar } from "./ProgressBar.tsx";
import { workflowRoute } from "./route.ts";
import { TimelineTab } from "./TimelineTab.tsx";
import { useWorkflowActions, type WorkflowActions } from "./workflow-actions.tsx";
import { progressText, WORKFLOW_LOOK } from "./workflows.model.ts";
import "./workflows.css";

export interface Dag {
  readonly workflow: WorkflowSummary;
  readonly nodes: readonly WorkflowNode[];
  readonly edges: readonly WorkflowEdge[];
}

/** What each tab draws, and how it asks for a rerun. */
export interface TabProps {
  readonly dag: Dag;
  readonly ask: WorkflowActions["ask"];
}

export function WorkflowPage() {
  const { workflowId } = workflowRoute.useParams();
  const query = useQuery(dagQuery(useApi(), workflowId));
  const workflow = query.data?.workflow;
  const actions = useWorkflowActions(workflow, query.data?.edges ?? []);
  return (
    <Page
      title={workflow?.name ?? "Workflow"}
      isFull
      heading={
        <>
          <Link to="/workflows">Workflows</Link> <span className="muted">/</span>{" "}
          {workflow?.name ?? formatId(workflowId)}
          {workflow && (
            <Badge tone={WORKFLOW_LOOK[workflow.status].tone}>
              {WORKFLOW_LOOK[workflow.status].word}
            </Badge>
          )}
        </>
      }
      actions={workflow && <Actions workflow={workflow} ask={actions.ask} />}
    >
      <QueryRegion query={query} lines={10}>
        {(dag) => (
          <>
            <Summary workflow={dag.workflow} />
            <WorkflowTabs dag={dag} ask={actions.ask} />
          </>
        )}
      </QueryRegion>
      {actions.dialog}
    </Page>
  );
}

function Actions({ workflow, ask }: { workflow: WorkflowSummary; ask: WorkflowActions["ask"] }) {
  if (!ask) return null;
  return (
    <>
      {workflow.failed_tasks > 0 && (
        <button
          onClick={() => {
            ask({ kind: "rerun-failed" });
          }}
        >
          Rerun failed only
        </button>
      )}
      {workflow.open_tasks > 0 && (
        <button
          onClick={() => {
            ask({ kind: "cancel" });
          }}
        >
          Cancel
        </button>
      )}
    </>
  );
}

function Summary({ workflow }: { workflow: WorkflowSummary }) {
  return (
    <div className="row wrap workflow-summary">
      <ProgressBar workflow={workflow} />
      <span>{progressText(workflow)}</span>
      <span className="muted">
        created <Instant at={workflow.created_at} ago />
      </span>
      {workflow.template_name !== null && (
        <span className="muted">
          from{" "}
          <Link to="/templates/$name" params={{ name: workflow.template_name }}>
            {workflow.template_name}
          </Link>{" "}
          v{workflow.template_version}
        </span>
      )}
      <Link to="/workflows" search={{ name: workflow.name }} className="wide-only">
        all of this name
      </Link>
      <span className="hidden-text">{formatCountOf(workflow.total_tasks, "task")}</span>
    </div>
  );
}

type TabId = "graph" | "timeline" | "nodes" | "runs";

function WorkflowTabs(props: TabProps) {
  const search = workflowRoute.useSearch();
  const navigate = workflowRoute.useNavigate();
  const tabs: readonly Tab<TabId>[] = [
    { id: "graph", label: "Graph", render: () => <GraphTab {...props} /> },
    { id: "timeline", label: "Timeline", render: () => <TimelineTab {...props} /> },
    { id: "nodes", label: "Nodes", render: () => <NodesTab {...props} /> },
    { id: "runs", label: "Runs", render: () => <GridTab {...props} /> },
  ];
  return (
    <Tabs
      label="Views of the workflow"
      tabs={tabs}
      value={tabs.find((tab) => tab.id === search.tab)?.id ?? "graph"}
      onChange={(tab) => void navigate({ search: { ...search, tab } })}
    />
  );
}
