/** One group: what it is, what to do about it, whose it is, and what becomes of its tasks. */
import { useQuery } from "@tanstack/react-query";
import type { FailureGroup } from "@contimg/contract";
import { Link } from "@tanstack/react-router";
import { useEffect, useId, useMemo, useState } from "react";

import { useApi } from "../../api/api.tsx";
import { deathsQuery } from "../../api/dead-letters.ts";
import { Instant } from "../../components/Instant.tsx";
import { useNow } from "../../components/now.ts";
import { SidePanel } from "../../components/SidePanel.tsx";
import { Badge } from "../../components/StatusBadge.tsx";
import { formatCount, formatCountOf, NONE } from "../../format/quantity.ts";
import { useSession } from "../../session/session.tsx";
import { type FailureActions, SAID } from "./failure-actions.tsx";
import {
  CLASS_MEANING,
  deathsByHour,
  HOURS_SHOWN,
  picturedFrom,
  STATE_TONE,
  storyOf,
  tasksFilterOf,
  titleOf,
} from "./failures.model.ts";

interface FailurePanelProps {
  readonly group: FailureGroup;
  readonly actions: FailureActions;
}

export function FailurePanel(props: FailurePanelProps & { onClose: () => void }) {
  const { group, actions, onClose } = props;
  const meaning = CLASS_MEANING[group.error_class ?? ""];
  return (
    <SidePanel title={titleOf(group)} onClose={onClose}>
      <div>
        <Badge tone={STATE_TONE[group.state]}>{group.state}</Badge>
        <p className="muted">{storyOf(group)}</p>
      </div>
      {group.hint !== null && (
        <p className="failure-hint">
          <strong>What to do: </strong>
          {group.hint}{" "}
          {group.runbook_url !== null && (
            <a href={group.runbook_url} target="_blank" rel="noreferrer">
              Runbook
            </a>
          )}
        </p>
      )}
      {actions.canAct && <Buttons group={group} actions={actions} />}
      {group.example && <Example example={group.example} />}
      <dl className="facts">
        <dt>Task</dt>
        <dd>{group.task_name ?? NONE}</dd>
        <dt>Class</dt>
        <dd>
          {group.error_class ?? NONE}
          {meaning && <span className="muted">: {meaning}</span>}
        </dd>
        <dt>Dead tasks</dt>
        <dd>{formatCount(group.count)}</dd>
        <dt>First, last</dt>
        <dd>
          <Instant at={group.first_at} />, <Instant at={group.last_at} />
        </dd>
      </dl>
      {group.count > 0 && <Hours fingerprint={group.fingerprint} />}
      <Links group={group} />
      <Ownership key={group.fingerprint} group={group} actions={actions} />
    </SidePanel>
  );
}

function Example({ example }: { example: NonNullable<FailureGroup["example"]> }) {
  return (
    <div>
      <p className="row small">
        <span className="muted grow">The latest of them says</span>
        <Link to="/tasks/$taskId" params={{ taskId: example.task_id }}>
          That task
        </Link>
      </p>
      <pre className="failure-message" tabIndex={0}>
        {example.message}
      </pre>
    </div>
  );
}

function Buttons({ group, actions }: FailurePanelProps) {
  const { actor } = useSession();
  const isIn: Readonly<Record<string, boolean>> = {
    a: group.state === "acknowledged",
    r: group.state === "resolved",
    o: group.state === "open",
    m: group.assignee === actor,
  };
  return (
    <div className="stack">
      <div className="row wrap">
        {SAID.filter(({ key }) => isIn[key] !== true).map(({ key, label, said, done }) => (
          <button
            key={key}
            onClick={() => {
              actions.say([group.fingerprint], said(actor ?? ""), done);
            }}
          >
            {label} <kbd>{key}</kbd>
          </button>
        ))}
      </div>
      {group.count > 0 && (
        <div className="row wrap">
          <button
            className="primary"
            onClick={() => {
              actions.ask("replay", group);
            }}
          >
            Replay all…
          </button>
          <button
            onClick={() => {
              actions.ask("patch", group);
            }}
          >
            Replay with other params…
          </button>
          <button
            className="plain danger-text"
            onClick={() => {
              actions.ask("discard", group);
            }}
          >
            Discard all…
          </button>
        </div>
      )}
    </div>
  );
}

/** When its tasks died, drawn only when all of it is known. */
function Hours({ fingerprint }: { fingerprint: string }) {
  const from = picturedFrom(useNow());
  const { data } = useQuery(deathsQuery(useApi(), fingerprint, from));
  const counts = useMemo(
    () => (data?.next_cursor === null ? deathsByHour(data.dead_letters, from) : undefined),
    [data, from],
  );
  if (!counts) return null;
  const sum = counts.reduce((all, each) => all + each, 0);
  const label = `${formatCountOf(sum, "death")} in the last ${HOURS_SHOWN} hours`;
  return (
    <div className="failure-hours">
      <span className="muted small">{label}, by hour</span>
      <div className="failure-bars" aria-hidden="true">
        {counts.map((count, hour) => (
          <span key={hour} style={{ height: `${(count / Math.max(1, ...counts)) * 100}%` }} />
        ))}
      </div>
    </div>
  );
}

function Links({ group }: { group: FailureGroup }) {
  if (group.count === 0) return null;
  return (
    <p className="row wrap">
      <Link to="/dead-letters" search={{ fingerprint: group.fingerprint }} className="button">
        Its {formatCountOf(group.count, "dead letter")}
      </Link>
      <Link to="/tasks" search={{ q: tasksFilterOf(group) }} className="button">
        Tasks with this error
      </Link>
    </p>
  );
}

function Ownership({ group, actions }: FailurePanelProps) {
  const [assignee, setAssignee] = useState(group.assignee ?? "");
  const [note, setNote] = useState(group.note ?? "");
  const id = useId();
  // A key may have assigned it meanwhile.
  useEffect(() => {
    setAssignee(group.assignee ?? "");
  }, [group.assignee]);
  const isChanged = assignee !== (group.assignee ?? "") || note !== (group.note ?? "");
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        actions.say([group.fingerprint], { assignee: assignee.trim(), note }, "kept");
      }}
    >
      <div className="field">
        <label htmlFor={`${id}-who`}>Assigned to</label>
        <input
          id={`${id}-who`}
          maxLength={200}
          autoComplete="off"
          placeholder="nobody"
          readOnly={!actions.canAct}
          value={assignee}
          onChange={(event) => {
            setAssignee(event.target.value);
          }}
        />
      </div>
      <div className="field">
        <label htmlFor={`${id}-note`}>Note</label>
        <textarea
          id={`${id}-note`}
          rows={3}
          maxLength={2000}
          placeholder="What was found, what was tried"
          readOnly={!actions.canAct}
          value={note}
          onChange={(event) => {
            setNote(event.target.value);
          }}
        />
      </div>
      {isChanged && (
        <div className="row">
          <button className="primary">Save</button>
        </div>
      )}
    </form>
  );
}
