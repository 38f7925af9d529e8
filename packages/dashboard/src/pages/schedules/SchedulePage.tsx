/** One schedule: what is set, its next instants, what became of those past; edit and backfill. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Firing, Schedule } from "@contimg/contract";

import { useApi } from "../../api/api.tsx";
import { firingsQuery, nextFiringsQuery, scheduleQuery } from "../../api/schedules.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { Instant } from "../../components/Instant.tsx";
import { JsonView } from "../../components/JsonView.tsx";
import { Page } from "../../components/Page.tsx";
import { Badge } from "../../components/StatusBadge.tsx";
import { EmptyState, QueryRegion } from "../../components/states.tsx";
import { formatCount, formatCountOf, NONE } from "../../format/quantity.ts";
import { useMay } from "../../session/session.tsx";
import { BackfillDialog } from "./BackfillDialog.tsx";
import { EditScheduleDialog } from "./EditScheduleDialog.tsx";
import { scheduleRoute } from "./route.ts";
import { useScheduleActions } from "./schedule-actions.tsx";
import { Instants } from "./ScheduleFields.tsx";
import { FIRING_LOOK, ORIGIN_WORD, scheduleLook, targetOf } from "./schedules.model.ts";
import "./schedules.css";

const NEXT_SHOWN = 8;
const FIRINGS_SHOWN = 200;

export function SchedulePage() {
  const { name } = scheduleRoute.useParams();
  const query = useQuery(scheduleQuery(useApi(), name));
  const schedule = query.data;
  return (
    <Page
      title={`Schedule ${name}`}
      heading={
        <>
          <Link to="/schedules">Schedules</Link> <span className="muted">/</span> {name}
          {schedule && (
            <Badge tone={scheduleLook(schedule).tone}>{scheduleLook(schedule).word}</Badge>
          )}
        </>
      }
      actions={schedule && <Actions schedule={schedule} />}
    >
      <QueryRegion query={query} lines={8}>
        {(data) => (
          <div className="stack">
            {data.error !== null && (
              <p className="notice is-danger">The last try to fire it failed: {data.error}</p>
            )}
            <div className="schedule-panels">
              <Facts schedule={data} />
              <Next schedule={data} />
            </div>
            <Firings name={name} />
          </div>
        )}
      </QueryRegion>
    </Page>
  );
}

function Actions({ schedule }: { schedule: Schedule }) {
  const { open } = scheduleRoute.useSearch();
  const navigate = scheduleRoute.useNavigate();
  const actions = useScheduleActions();
  const mayOperate = useMay("operator");
  if (!mayOperate) return null;
  const show = (what: string) => void navigate({ search: { open: what }, replace: true });
  const close = () => {
    show("");
  };
  return (
    <>
      {actions.itemsOf(schedule).map((item) => (
        <button key={item.label} onClick={item.run}>
          {item.label}
        </button>
      ))}
      <button
        onClick={() => {
          show("backfill");
        }}
      >
        Backfill
      </button>
      <button
        onClick={() => {
          show("edit");
        }}
      >
        Edit
      </button>
      {actions.dialog}
      {open === "backfill" && <BackfillDialog name={schedule.name} onClose={close} />}
      {open === "edit" && <EditScheduleDialog schedule={schedule} onClose={close} />}
    </>
  );
}

function Facts({ schedule }: { schedule: Schedule }) {
  return (
    <section className="panel" aria-label="Settings">
      <header>
        <h2>{schedule.in_words}</h2>
      </header>
      <div className="body stack">
        {schedule.description !== null && <p>{schedule.description}</p>}
        <dl className="facts">
          <dt>Timing</dt>
          <dd>
            {schedule.cron_expression === null ? (
              `every ${schedule.every_seconds ?? NONE} s`
            ) : (
              <code>
                {schedule.cron_expression} ({schedule.timezone})
              </code>
            )}
          </dd>
          <dt>Spawns</dt>
          <dd>
            {schedule.template_name === null ? (
              targetOf(schedule)
            ) : (
              <Link to="/templates/$name" params={{ name: schedule.template_name }}>
                {targetOf(schedule)}
              </Link>
            )}
            {schedule.queue_name !== null && ` in queue ${schedule.queue_name}`}
          </dd>
          <dt>Overlap</dt>
          <dd>{schedule.overlap}</dd>
          <dt>Last fired</dt>
          <dd>
            <Instant at={schedule.last_run_at} ago />
          </dd>
          <dt>Firings left</dt>
          <dd>{schedule.remaining === null ? "no limit" : formatCount(schedule.remaining)}</dd>
        </dl>
        <JsonView label="Params" value={schedule.params} />
      </div>
    </section>
  );
}

function Next({ schedule }: { schedule: Schedule }) {
  const query = useQuery(nextFiringsQuery(useApi(), schedule.name, NEXT_SHOWN));
  return (
    <section className="panel" aria-labelledby="next-title">
      <header>
        <h2 id="next-title">Next firings</h2>
      </header>
      <div className="body">
        {schedule.state === "paused" && (
          <p className="warn-text">It is paused: these pass without firing.</p>
        )}
        <QueryRegion
          query={query}
          isEmpty={(instants) => instants.length === 0}
          empty={<p className="muted">None to come.</p>}
        >
          {(instants) => <Instants instants={instants} />}
        </QueryRegion>
      </div>
    </section>
  );
}

function Firings({ name }: { name: string }) {
  const query = useQuery(firingsQuery(useApi(), name, FIRINGS_SHOWN));
  return (
    <QueryRegion
      query={query}
      isEmpty={(firings) => firings.length === 0}
      empty={
        <EmptyState title="It has not fired yet">
          What it fires stands here. “Trigger now” does not wait for its time.
        </EmptyState>
      }
    >
      {(firings) => (
        <DataTable
          name="firings"
          label="Firings"
          columns={COLUMNS}
          rows={firings}
          keyOf={keyOf}
          heightMax={480}
          head={<h2>{formatCountOf(firings.length, "firing")}</h2>}
        />
      )}
    </QueryRegion>
  );
}

const keyOf = (firing: Firing): string => `${firing.fire_at} ${firing.origin}`;

const COLUMNS: readonly Column<Firing>[] = [
  {
    id: "fire_at",
    header: "Instant",
    width: 150,
    isEssential: true,
    cell: (firing) => <Instant at={firing.fire_at} />,
  },
  {
    id: "state",
    header: "Outcome",
    width: 130,
    isEssential: true,
    cell: ({ state }) => <Badge tone={FIRING_LOOK[state].tone}>{FIRING_LOOK[state].word}</Badge>,
  },
  { id: "origin", header: "Why", width: 110, cell: ({ origin }) => ORIGIN_WORD[origin] },
  { id: "spawned", header: "Spawned", width: 110, cell: (firing) => <Spawned firing={firing} /> },
  {
    id: "reason",
    header: "Reason",
    width: 240,
    grows: true,
    cell: ({ reason }) => <span title={reason ?? undefined}>{reason ?? NONE}</span>,
  },
  {
    id: "decided",
    header: "Decided",
    width: 150,
    isExtra: true,
    cell: (firing) => <Instant at={firing.decided_at} />,
  },
];

function Spawned({ firing: { workflow_id: workflowId, task_id: taskId } }: { firing: Firing }) {
  if (workflowId !== null) {
    return (
      <Link to="/workflows/$workflowId" params={{ workflowId }}>
        the workflow
      </Link>
    );
  }
  if (taskId === null) return <>{NONE}</>;
  return (
    <Link to="/tasks/$taskId" params={{ taskId }}>
      the task
    </Link>
  );
}
