/** The list of groups: a line a cause. j and k walk it, x selects. */
import type { FailureGroup } from "@contimg/contract";
import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";

import { Instant } from "../../components/Instant.tsx";
import { useKeys } from "../../components/keys.ts";
import { toggled } from "../../components/table-selection.ts";
import { Badge } from "../../components/StatusBadge.tsx";
import { formatCount, formatCountOf } from "../../format/quantity.ts";
import { useSession } from "../../session/session.tsx";
import { type FailureActions, SAID } from "./failure-actions.tsx";
import { neighbourOf, STATE_TONE, titleOf } from "./failures.model.ts";
import { failuresRoute } from "./route.ts";

/** More causes than that nobody reads; a filter finds the others. */
const SHOWN_FIRST = 200;

interface FailureListProps {
  readonly groups: readonly FailureGroup[];
  readonly actions: FailureActions;
}

export function FailureList({ groups, actions }: FailureListProps) {
  const search = failuresRoute.useSearch();
  const [isAll, setAll] = useState(false);
  const shown = isAll ? groups : groups.slice(0, SHOWN_FIRST);
  useListKeys(shown, actions);
  return (
    <>
      <SelectionBar groups={groups} actions={actions} />
      <ul className="panel failures-list" aria-label="Groups of failures">
        {shown.map((group) => (
          <FailureRow
            key={group.fingerprint}
            group={group}
            isActive={group.fingerprint === search.group}
            actions={actions}
          />
        ))}
        {shown.length < groups.length && (
          <li className="failure">
            <button
              className="plain"
              onClick={() => {
                setAll(true);
              }}
            >
              Show all {formatCount(groups.length)}
            </button>
          </li>
        )}
      </ul>
    </>
  );
}

function useListKeys(groups: readonly FailureGroup[], actions: FailureActions): void {
  const search = failuresRoute.useSearch();
  const navigate = failuresRoute.useNavigate();
  const step = (by: 1 | -1) => () => {
    const group = neighbourOf(groups, search.group, by);
    if (group !== undefined) void navigate({ search: { ...search, group }, replace: true });
  };
  const toggle = () => {
    if (search.group !== "") actions.select(toggled(actions.selected, search.group));
  };
  useKeys("List", [
    { keys: "j", label: "Next group", run: step(1) },
    { keys: "k", label: "Group before", run: step(-1) },
    { keys: "x", label: "Select the group", run: toggle },
  ]);
}

function SelectionBar({ groups, actions }: FailureListProps) {
  const { actor } = useSession();
  const these = groups.filter((group) => actions.selected.has(group.fingerprint));
  if (!actions.canAct) return null;
  return (
    <div className="row wrap failures-bar">
      <label className="row">
        <input
          type="checkbox"
          checked={these.length > 0 && these.length === groups.length}
          onChange={(event) => {
            actions.select(
              new Set(event.target.checked ? groups.map((group) => group.fingerprint) : []),
            );
          }}
        />
        {these.length === 0 ? "Select all" : `${formatCountOf(these.length, "group")} selected`}
      </label>
      {these.length > 0 &&
        SAID.map(({ key, label, said, done }) => (
          <button
            key={key}
            className="small"
            onClick={() => {
              const fingerprints = these.map((group) => group.fingerprint);
              actions.say(fingerprints, said(actor ?? ""), done);
            }}
          >
            {label} <kbd>{key}</kbd>
          </button>
        ))}
    </div>
  );
}

interface FailureRowProps {
  readonly group: FailureGroup;
  readonly isActive: boolean;
  readonly actions: FailureActions;
}

function FailureRow({ group, isActive, actions }: FailureRowProps) {
  const { fingerprint } = group;
  const isSelected = actions.selected.has(fingerprint);
  const row = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (isActive) row.current?.scrollIntoView({ block: "nearest" });
  }, [isActive]);
  const classes = ["failure", isActive && "is-active", isSelected && "is-selected"];
  return (
    <li ref={row} className={classes.filter(Boolean).join(" ")}>
      <input
        type="checkbox"
        aria-label={`Select ${titleOf(group)} of ${group.task_name ?? "no task"}`}
        disabled={!actions.canAct}
        checked={isSelected}
        onChange={() => {
          actions.select(toggled(actions.selected, fingerprint));
        }}
      />
      <Link
        from="/failures"
        to="/failures"
        search={(search) => ({ ...search, group: fingerprint })}
        className="failure-text"
        aria-current={isActive ? "true" : undefined}
      >
        <span className="failure-title">
          <strong>{titleOf(group)}</strong>
          {group.task_name !== null && <span>in {group.task_name}</span>}
          {group.error_class !== null && <span className="muted small">{group.error_class}</span>}
        </span>
        <span className="clip small muted">
          {group.message ?? group.example?.message ?? "No dead task of it is left."}
        </span>
      </Link>
      <span className="failure-side small">
        <span className="row">
          {group.assignee !== null && <span className="muted">{group.assignee}</span>}
          <Badge tone={STATE_TONE[group.state]}>{group.state}</Badge>
          <span className="failure-count" title={formatCountOf(group.count, "dead task")}>
            {formatCount(group.count)}
          </span>
        </span>
        <span className="muted">
          {group.last_at === null ? "none left" : <Instant at={group.last_at} ago />}
        </span>
      </span>
    </li>
  );
}
