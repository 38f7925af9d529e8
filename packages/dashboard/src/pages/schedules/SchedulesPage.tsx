/** Schedules: when each fires next, in words and as a countdown, and how it went lately. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { SCHEDULE_STATES, type Schedule } from "@contimg/contract";
import { useCallback } from "react";

import { useApi } from "../../api/api.tsx";
import { schedulesQuery } from "../../api/schedules.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { FilterBar } from "../../components/FilterBar.tsx";
import { Instant } from "../../components/Instant.tsx";
import { Page } from "../../components/Page.tsx";
import { Badge } from "../../components/StatusBadge.tsx";
import { EmptyState, QueryRegion } from "../../components/states.tsx";
import { formatCountOf } from "../../format/quantity.ts";
import { useMay } from "../../session/session.tsx";
import { FiringStrip } from "./FiringStrip.tsx";
import { schedulesRoute } from "./route.ts";
import { useScheduleActions } from "./schedule-actions.tsx";
import { filterSchedules, scheduleLook, targetOf } from "./schedules.model.ts";
import "./schedules.css";

export function SchedulesPage() {
  const search = schedulesRoute.useSearch();
  const navigate = schedulesRoute.useNavigate();
  const query = useQuery(schedulesQuery(useApi()));
  const mayOperate = useMay("operator");
  return (
    <Page
      title="Schedules"
      isFull
      actions={
        mayOperate && (
          <Link to="/new-schedule" className="button primary">
            New schedule
          </Link>
        )
      }
    >
      <div className="row wrap page-filters">
        <div className="grow">
          <FilterBar
            label="Filter schedules"
            placeholder="part of a name, task or template"
            value={search.find}
            onApply={(find) => void navigate({ search: { ...search, find } })}
          />
        </div>
        <label className="row">
          <span className="muted">State</span>
          <select
            value={search.state}
            onChange={(event) =>
              void navigate({ search: { ...search, state: event.target.value } })
            }
          >
            <option value="">any</option>
            <option value="error">failing</option>
            {SCHEDULE_STATES.map((state) => (
              <option key={state}>{state}</option>
            ))}
          </select>
        </label>
      </div>
      <QueryRegion query={query} lines={8}>
        {(schedules) => (
          <ScheduleTable
            schedules={filterSchedules(schedules, search)}
            isFiltered={search.find + search.state !== ""}
          />
        )}
      </QueryRegion>
    </Page>
  );
}

function ScheduleTable(props: { schedules: readonly Schedule[]; isFiltered: boolean }) {
  const { schedules, isFiltered } = props;
  const mayOperate = useMay("operator");
  const navigate = useNavigate();
  const actions = useScheduleActions();
  const open = useCallback(
    ({ name }: Schedule) => void navigate({ to: "/schedules/$name", params: { name } }),
    [navigate],
  );
  if (schedules.length === 0) {
    return (
      <EmptyState title={isFiltered ? "No schedule fits" : "No schedules yet"}>
        {isFiltered ? (
          <Link to="/schedules">Show all</Link>
        ) : (
          <>
            A schedule spawns a task or a workflow at instants of a calendar.{" "}
            {mayOperate && <Link to="/new-schedule">Make one</Link>}
          </>
        )}
      </EmptyState>
    );
  }
  return (
    <>
      <DataTable
        name="schedules"
        label="Schedules"
        isMain
        columns={COLUMNS}
        rows={schedules}
        keyOf={keyOf}
        onOpen={open}
        actionsOf={actions.itemsOf}
        head={<span className="muted">{formatCountOf(schedules.length, "schedule")}</span>}
      />
      {actions.dialog}
    </>
  );
}

const keyOf = (schedule: Schedule): string => schedule.name;

const COLUMNS: readonly Column<Schedule>[] = [
  {
    id: "name",
    header: "Schedule",
    width: 150,
    grows: true,
    isEssential: true,
    sortValue: keyOf,
    cell: ({ name }) => (
      <Link to="/schedules/$name" params={{ name }}>
        {name}
      </Link>
    ),
  },
  {
    id: "state",
    header: "State",
    width: 104,
    isEssential: true,
    sortValue: (schedule) => scheduleLook(schedule).word,
    cell: (schedule) => (
      <Badge tone={scheduleLook(schedule).tone}>{scheduleLook(schedule).word}</Badge>
    ),
  },
  {
    id: "when",
    header: "When",
    width: 220,
    grows: true,
    cell: (schedule) => <span title={schedule.in_words}>{schedule.in_words}</span>,
  },
  {
    id: "next",
    header: "Next",
    width: 110,
    sortValue: (schedule) =>
      schedule.next_run_at === null ? null : Date.parse(schedule.next_run_at),
    cell: (schedule) => <Instant at={schedule.next_run_at} ago />,
  },
  {
    id: "last",
    header: "Last",
    width: 110,
    sortValue: (schedule) =>
      schedule.last_run_at === null ? null : Date.parse(schedule.last_run_at),
    cell: (schedule) => <Instant at={schedule.last_run_at} ago />,
  },
  {
    id: "history",
    header: "Firings",
    width: 200,
    cell: (schedule) => <FiringStrip name={schedule.name} />,
  },
  {
    id: "target",
    header: "Spawns",
    width: 170,
    sortValue: targetOf,
    cell: (schedule) => targetOf(schedule),
  },
];
