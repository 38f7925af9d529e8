/** Workflows: newest first, with how far each is; by status and name. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { WORKFLOW_STATUSES, type WorkflowSummary } from "@contimg/contract";
import { useCallback, useMemo } from "react";

import { useApi } from "../../api/api.tsx";
import { workflowsQuery } from "../../api/workflows.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { FilterBar } from "../../components/FilterBar.tsx";
import { Instant } from "../../components/Instant.tsx";
import { Page } from "../../components/Page.tsx";
import { SavedViews } from "../../components/SavedViews.tsx";
import { Badge } from "../../components/StatusBadge.tsx";
import { EmptyState, ErrorState, Skeleton, StaleNotice } from "../../components/states.tsx";
import { formatCount, formatCountOf, NONE } from "../../format/quantity.ts";
import { ProgressBar } from "./ProgressBar.tsx";
import { workflowsRoute } from "./route.ts";
import { statusOf, WORKFLOW_LOOK } from "./workflows.model.ts";
import "./workflows.css";

export function WorkflowsPage() {
  const search = workflowsRoute.useSearch();
  const navigate = workflowsRoute.useNavigate();
  return (
    <Page
      title="Workflows"
      isFull
      actions={
        <>
          <SavedViews
            view={{
              page: "workflows",
              terms: { name: search.name, status: statusOf(search.status) },
            }}
            onOpen={(view) => {
              const { name = "", status = "" } = view.terms;
              void navigate({ search: { name, status } });
            }}
          />
          <Link to="/templates" className="button">
            Start from a template
          </Link>
        </>
      }
    >
      <div className="row wrap page-filters">
        <div className="grow">
          <FilterBar
            label="Filter workflows by their name"
            placeholder="the whole name, such as nightly-imaging"
            value={search.name}
            onApply={(name) => void navigate({ search: { ...search, name } })}
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
            {WORKFLOW_STATUSES.map((status) => (
              <option key={status} value={status}>
                {WORKFLOW_LOOK[status].word}
              </option>
            ))}
          </select>
        </label>
      </div>
      <WorkflowTable />
    </Page>
  );
}

function WorkflowTable() {
  const { name, status } = workflowsRoute.useSearch();
  const query = useInfiniteQuery(workflowsQuery(useApi(), { name, status: statusOf(status) }));
  const navigate = useNavigate();
  const { data, error, hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  const rows = useMemo(() => data?.pages.flatMap((page) => page.workflows) ?? [], [data]);
  const open = useCallback(
    ({ workflow_id: workflowId }: WorkflowSummary) =>
      void navigate({ to: "/workflows/$workflowId", params: { workflowId } }),
    [navigate],
  );
  const more = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);

  if (!data) {
    if (!error) return <Skeleton lines={8} />;
    return <ErrorState error={error} onRetry={() => void query.refetch()} />;
  }
  if (rows.length === 0 && !hasNextPage) return <NoWorkflows isFiltered={name + status !== ""} />;
  return (
    <>
      {error && <StaleNotice since={new Date(query.dataUpdatedAt)} error={error} />}
      <DataTable
        name="workflows"
        label="Workflows"
        isMain
        columns={COLUMNS}
        rows={rows}
        keyOf={keyOf}
        onOpen={open}
        onEndReached={more}
        head={
          <span className="muted">
            {formatCountOf(rows.length, "workflow")}
            {hasNextPage && " so far"}
          </span>
        }
        foot={isFetchingNextPage ? "Loading more…" : undefined}
      />
    </>
  );
}

function NoWorkflows({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) {
    return (
      <EmptyState title="No workflow fits">
        The name has to be the whole one. <Link to="/workflows">Show all</Link>
      </EmptyState>
    );
  }
  return (
    <EmptyState title="No workflows yet">
      <Link to="/templates">Start one from a template</Link>, or spawn one with the client, the
      command line or SQL.
    </EmptyState>
  );
}

const keyOf = (workflow: WorkflowSummary): string => workflow.workflow_id;

const COLUMNS: readonly Column<WorkflowSummary>[] = [
  {
    id: "name",
    header: "Name",
    width: 160,
    grows: true,
    isEssential: true,
    cell: (workflow) => (
      <Link to="/workflows/$workflowId" params={{ workflowId: workflow.workflow_id }}>
        {workflow.name}
      </Link>
    ),
  },
  {
    id: "status",
    header: "Status",
    width: 130,
    isEssential: true,
    cell: ({ status }) => (
      <Badge tone={WORKFLOW_LOOK[status].tone}>{WORKFLOW_LOOK[status].word}</Badge>
    ),
  },
  {
    id: "progress",
    header: "Progress",
    width: 220,
    cell: (workflow) => <ProgressBar workflow={workflow} />,
  },
  {
    id: "failed",
    header: "Failed",
    width: 70,
    align: "right",
    cell: ({ failed_tasks: failed }) => (
      <span className={failed > 0 ? "danger-text" : "muted"}>{formatCount(failed)}</span>
    ),
  },
  {
    id: "id",
    header: "Id",
    width: 290,
    isExtra: true,
    cell: ({ workflow_id: id }) => <code>{id}</code>,
  },
  { id: "created", header: "Created", width: 110, cell: (w) => <Instant at={w.created_at} ago /> },
  {
    id: "template",
    header: "Template",
    width: 150,
    cell: ({ template_name: template, template_version: version }) =>
      template === null ? NONE : `${template} v${version ?? ""}`,
  },
  { id: "tags", header: "Tags", width: 140, isExtra: true, cell: (w) => w.tags.join(", ") || NONE },
];
