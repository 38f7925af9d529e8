/** One entry of the audit log with all that was asked for. */
import type { AuditEntry } from "@contimg/contract";
import { Link } from "@tanstack/react-router";

import { Instant } from "../../components/Instant.tsx";
import { JsonView } from "../../components/JsonView.tsx";
import { SidePanel } from "../../components/SidePanel.tsx";
import { NONE } from "../../format/quantity.ts";
import { ACTIONS, actionWords } from "./audit.model.ts";
import { Outcome, Target } from "./AuditTable.tsx";

export function AuditPanel({ entry, onClose }: { entry: AuditEntry; onClose: () => void }) {
  const summary = ACTIONS.find((action) => action.name === entry.action)?.summary;
  return (
    <SidePanel title={actionWords(entry.action)} onClose={onClose}>
      {summary !== undefined && <p className="muted">{summary}</p>}
      <dl className="facts">
        <dt>When</dt>
        <dd>
          <Instant at={entry.at} full />
        </dd>
        <dt>Who</dt>
        <dd>
          {entry.actor} <span className="muted">as {entry.role}</span>
        </dd>
        <dt>To what</dt>
        <dd>
          <Target entry={entry} />
        </dd>
        <dt>Why</dt>
        <dd>{entry.reason ?? NONE}</dd>
        <dt>Outcome</dt>
        <dd>
          <Outcome status={entry.status} />
        </dd>
        <dt>Request</dt>
        <dd>
          <code>{entry.request_id}</code>
        </dd>
      </dl>
      <p className="row wrap">
        <Narrow search={{ actor: entry.actor }}>All of {entry.actor}</Narrow>
        {entry.target !== "" && (
          <Narrow search={{ target: entry.target }}>All that was done to it</Narrow>
        )}
      </p>
      <h3>What was asked for</h3>
      <JsonView value={entry.detail} label="What was asked for" />
    </SidePanel>
  );
}

function Narrow(props: { search: { actor?: string; target?: string }; children: React.ReactNode }) {
  return (
    <Link to="/audit" search={props.search} className="button">
      {props.children}
    </Link>
  );
}
