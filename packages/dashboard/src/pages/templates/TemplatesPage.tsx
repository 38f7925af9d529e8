/** Templates of workflows: the newest version of each. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import type { Template } from "@contimg/contract";
import { useCallback } from "react";

import { useApi } from "../../api/api.tsx";
import { templatesQuery } from "../../api/templates.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { FilterBar } from "../../components/FilterBar.tsx";
import { Instant } from "../../components/Instant.tsx";
import { Page } from "../../components/Page.tsx";
import { EmptyState, QueryRegion } from "../../components/states.tsx";
import { formatCount, formatCountOf, NONE } from "../../format/quantity.ts";
import { useMay } from "../../session/session.tsx";
import { templatesRoute } from "./route.ts";

export function TemplatesPage() {
  const { name } = templatesRoute.useSearch();
  const navigate = templatesRoute.useNavigate();
  const query = useQuery(templatesQuery(useApi()));
  const mayOperate = useMay("operator");
  const wanted = name.toLowerCase();
  return (
    <Page
      title="Templates"
      isFull
      actions={
        mayOperate && (
          <Link to="/new-template" className="button primary">
            New template
          </Link>
        )
      }
    >
      <div className="page-filters">
        <FilterBar
          label="Filter templates by name"
          placeholder="part of a name"
          value={name}
          onApply={(text) => void navigate({ search: { name: text } })}
        />
      </div>
      <QueryRegion query={query} lines={6}>
        {(templates) => (
          <TemplateTable
            templates={templates.filter((each) => each.name.toLowerCase().includes(wanted))}
            isFiltered={name !== ""}
          />
        )}
      </QueryRegion>
    </Page>
  );
}

function TemplateTable(props: { templates: readonly Template[]; isFiltered: boolean }) {
  const { templates, isFiltered } = props;
  const mayOperate = useMay("operator");
  const navigate = useNavigate();
  const open = useCallback(
    ({ name }: Template) => void navigate({ to: "/templates/$name", params: { name } }),
    [navigate],
  );
  if (templates.length === 0) {
    return (
      <EmptyState title={isFiltered ? "No template of such a name" : "No templates yet"}>
        {isFiltered ? (
          <Link to="/templates">Show all</Link>
        ) : (
          <>
            A template is a workflow with params, kept in versions, to be run often.{" "}
            {mayOperate && <Link to="/new-template">Write one</Link>}
          </>
        )}
      </EmptyState>
    );
  }
  return (
    <DataTable
      name="templates"
      label="Templates"
      isMain
      columns={COLUMNS}
      rows={templates}
      keyOf={keyOf}
      onOpen={open}
      head={<span className="muted">{formatCountOf(templates.length, "template")}</span>}
    />
  );
}

const keyOf = (template: Template): string => template.name;

const COLUMNS: readonly Column<Template>[] = [
  {
    id: "name",
    header: "Template",
    width: 160,
    grows: true,
    isEssential: true,
    sortValue: keyOf,
    cell: ({ name }) => (
      <Link to="/templates/$name" params={{ name }}>
        {name}
      </Link>
    ),
  },
  {
    id: "version",
    header: "Version",
    width: 84,
    align: "right",
    sortValue: (template) => template.version,
    cell: (template) => formatCount(template.version),
  },
  {
    id: "nodes",
    header: "Nodes",
    width: 84,
    align: "right",
    sortValue: (template) => template.nodes.length,
    cell: (template) => formatCount(template.nodes.length),
  },
  {
    id: "params",
    header: "Params",
    width: 240,
    grows: true,
    cell: ({ params }) => params.map((param) => `${param.name}: ${param.type}`).join(", ") || NONE,
  },
  {
    id: "created",
    header: "Changed",
    width: 120,
    isEssential: true,
    sortValue: (template) => template.created_at,
    cell: (template) => <Instant at={template.created_at} ago />,
  },
];
