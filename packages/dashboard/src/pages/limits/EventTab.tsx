/** An event by its name: whether it happened, who waits for it, and emitting it. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { useApi } from "../../api/api.tsx";
import { eventQuery, useEmitEvent } from "../../api/limits.ts";
import { ConfirmDialog } from "../../components/Dialog.tsx";
import { FilterBar } from "../../components/FilterBar.tsx";
import { Instant } from "../../components/Instant.tsx";
import { JsonEditor, parseJson } from "../../components/JsonEditor.tsx";
import { JsonView } from "../../components/JsonView.tsx";
import { EmptyState, QueryRegion } from "../../components/states.tsx";
import { useNotify } from "../../components/Toasts.tsx";
import { formatCountOf, formatId } from "../../format/quantity.ts";
import { useMay } from "../../session/session.tsx";
import { limitsRoute } from "./route.ts";

const SHOWN_MAX = 200;

export function EventTab() {
  const search = limitsRoute.useSearch();
  const navigate = limitsRoute.useNavigate();
  return (
    <div className="stack event-page">
      <FilterBar
        label="Name of an event"
        placeholder="calibration-approved:2026-01-25"
        value={search.event}
        onApply={(event) => void navigate({ search: { ...search, event } })}
      />
      {search.event === "" ? (
        <EmptyState title="Which event?">
          Tasks wait for events by name. Write one to see who waits for it, or to emit it.
        </EmptyState>
      ) : (
        <EventView key={search.event} name={search.event} />
      )}
    </div>
  );
}

function EventView({ name }: { name: string }) {
  const query = useQuery(eventQuery(useApi(), name));
  const canAct = useMay("operator");
  const [isEmitting, setEmitting] = useState(false);
  return (
    <QueryRegion query={query}>
      {(event) => (
        <section className="panel">
          <header>
            <h2 className="grow clip">{name}</h2>
            {canAct && event.emitted_at === null && (
              <button
                className="primary"
                onClick={() => {
                  setEmitting(true);
                }}
              >
                Emit…
              </button>
            )}
          </header>
          <div className="body stack">
            {event.emitted_at === null ? (
              <p>It has not happened.</p>
            ) : (
              <>
                <p>
                  It happened <Instant at={event.emitted_at} ago />
                  {event.task_id !== null && (
                    <>
                      , emitted by{" "}
                      <Link to="/tasks/$taskId" params={{ taskId: event.task_id }}>
                        task {formatId(event.task_id)}
                      </Link>
                    </>
                  )}
                  . It happens once: emitting it again changes nothing.
                </p>
                <JsonView value={event.payload} label="Payload of the event" />
              </>
            )}
            <Waiters taskIds={event.waiters} />
          </div>
          {isEmitting && (
            <EmitDialog
              name={name}
              waiting={event.waiters.length}
              onClose={() => {
                setEmitting(false);
              }}
            />
          )}
        </section>
      )}
    </QueryRegion>
  );
}

function Waiters({ taskIds }: { taskIds: readonly string[] }) {
  if (taskIds.length === 0) return <p className="muted">No task waits for it.</p>;
  return (
    <section>
      <h3>Waiting for it: {formatCountOf(taskIds.length, "task")}</h3>
      <ul className="limit-users">
        {taskIds.slice(0, SHOWN_MAX).map((taskId) => (
          <li key={taskId}>
            <Link to="/tasks/$taskId" params={{ taskId }} className="mono">
              {taskId}
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

function EmitDialog(props: { name: string; waiting: number; onClose: () => void }) {
  const { name, waiting, onClose } = props;
  const [text, setText] = useState("{}");
  const emit = useEmitEvent();
  const notify = useNotify();
  return (
    <ConfirmDialog
      title={`Emit ${name}`}
      action="Emit"
      onClose={onClose}
      onConfirm={async (reason) => {
        const because = reason === undefined ? {} : { reason };
        const { first } = await emit.mutateAsync({
          name,
          body: { payload: parseJson(text), ...because },
        });
        notify(first ? "It happened" : "It had happened before: nothing changed");
      }}
    >
      <div className="stack">
        <p>
          {waiting === 0
            ? "No task waits for it yet; one that will goes on at once."
            : `Of those that wait for it, ${formatCountOf(waiting, "task")}, each goes on.`}{" "}
          An event happens once and stays.
        </p>
        <JsonEditor label="Payload" text={text} onChange={setText} rows={4} />
      </div>
    </ConfirmDialog>
  );
}
