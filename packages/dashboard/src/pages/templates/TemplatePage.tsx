/** One template: its nodes as a graph, a form to run it, an editor for a new version. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import type { Template } from "@contimg/contract";
import { useMemo, useState } from "react";

import { useApi } from "../../api/api.tsx";
import { templateQuery } from "../../api/templates.ts";
import { ConfirmDialog } from "../../components/Dialog.tsx";
import { Instant } from "../../components/Instant.tsx";
import { JsonView } from "../../components/JsonView.tsx";
import { Page } from "../../components/Page.tsx";
import { QueryRegion } from "../../components/states.tsx";
import { type Tab, Tabs } from "../../components/Tabs.tsx";
import { useNotify } from "../../components/Toasts.tsx";
import { formatCountOf } from "../../format/quantity.ts";
import { useMay } from "../../session/session.tsx";
import { GraphView } from "../workflows/graph/GraphView.tsx";
import "../workflows/workflows.css";
import { EditTab } from "./EditTab.tsx";
import { templateRoute } from "./route.ts";
import { RunTab } from "./RunTab.tsx";
import { templateGraph } from "./templates.model.ts";
import "./templates.css";

export function TemplatePage() {
  const { name } = templateRoute.useParams();
  const search = templateRoute.useSearch();
  const navigate = templateRoute.useNavigate();
  const version = /^[1-9]\d{0,8}$/.test(search.version) ? Number(search.version) : undefined;
  const query = useQuery(templateQuery(useApi(), name, version));
  const newest = useQuery(templateQuery(useApi(), name, undefined)).data?.version;
  return (
    <Page
      title={`Template ${name}`}
      isFull
      heading={
        <>
          <Link to="/templates">Templates</Link> <span className="muted">/</span> {name}
        </>
      }
      actions={
        <>
          {newest !== undefined && (
            <label className="row">
              <span className="muted">Version</span>
              <select
                value={version ?? newest}
                onChange={(event) =>
                  void navigate({ search: { ...search, version: event.target.value } })
                }
              >
                {Array.from({ length: newest }, (_, index) => newest - index).map((each) => (
                  <option key={each} value={each}>
                    {each}
                    {each === newest && " (newest)"}
                  </option>
                ))}
              </select>
            </label>
          )}
          <DeleteButton name={name} />
        </>
      }
    >
      <QueryRegion query={query} lines={10}>
        {(template) => <TemplateTabs key={template.version} template={template} />}
      </QueryRegion>
    </Page>
  );
}

function TemplateTabs({ template }: { template: Template }) {
  const search = templateRoute.useSearch();
  const navigate = templateRoute.useNavigate();
  const mayOperate = useMay("operator");
  const tabs: readonly Tab<"graph" | "run" | "edit">[] = [
    { id: "graph", label: "Nodes", render: () => <NodesTab template={template} /> },
    { id: "run", label: "Run", render: () => <RunTab template={template} /> },
    ...(mayOperate
      ? [{ id: "edit" as const, label: "Edit", render: () => <EditTab template={template} /> }]
      : []),
  ];
  return (
    <>
      <p className="muted">
        Version {template.version}, {formatCountOf(template.nodes.length, "node")}, stored{" "}
        <Instant at={template.created_at} ago />
      </p>
      <Tabs
        label="Views of the template"
        tabs={tabs}
        value={tabs.find((tab) => tab.id === search.tab)?.id ?? "graph"}
        onChange={(tab) => void navigate({ search: { ...search, tab } })}
      />
    </>
  );
}

function NodesTab({ template }: { template: Template }) {
  const search = templateRoute.useSearch();
  const navigate = templateRoute.useNavigate();
  const graph = useMemo(() => templateGraph(template.nodes), [template]);
  const chosen = template.nodes.find((node) => node["node"] === search.node);
  return (
    <div className="graph-and-panel">
      <GraphView
        graph={graph}
        label={`Graph of ${template.name}`}
        selected={search.node === "" ? undefined : search.node}
        onSelect={(node) =>
          void navigate({ search: { ...search, node: node ?? "" }, replace: true })
        }
      />
      {chosen && (
        <aside className="node-panel panel" aria-label={`Node ${search.node}`}>
          <header>
            <h2 className="clip">{search.node}</h2>
          </header>
          <div className="body">
            <JsonView label="Node" value={chosen} />
          </div>
        </aside>
      )}
    </div>
  );
}

function DeleteButton({ name }: { name: string }) {
  const [isAsked, setAsked] = useState(false);
  const { client } = useApi();
  const notify = useNotify();
  const navigate = useNavigate();
  if (!useMay("operator")) return null;
  return (
    <>
      <button
        onClick={() => {
          setAsked(true);
        }}
      >
        Delete
      </button>
      {isAsked && (
        <ConfirmDialog
          title={`Delete template ${name}?`}
          action="Delete"
          isDangerous
          onClose={() => {
            setAsked(false);
          }}
          onConfirm={async (reason) => {
            await client.call("deleteTemplate", {
              params: { template_name: name },
              query: reason === undefined ? {} : { reason },
            });
            notify(`Template ${name} deleted`);
            await navigate({ to: "/templates" });
          }}
        >
          All its versions go; workflows that were run from it stay.
        </ConfirmDialog>
      )}
    </>
  );
}
