/** Spawning a task by hand: a form made of the schema of its params, or JSON. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";

import { messageOf, useApi } from "../../api/api.tsx";
import { taskNamesQuery } from "../../api/names.ts";
import { type SpawnBody, useTaskActions } from "../../api/task-actions.ts";
import { JsonEditor, jsonFault, parseJson } from "../../components/JsonEditor.tsx";
import { Page } from "../../components/Page.tsx";
import { EmptyState, QueryRegion } from "../../components/states.tsx";
import { useNotify } from "../../components/Toasts.tsx";
import { formatCountOf, formatId } from "../../format/quantity.ts";
import { useMay } from "../../session/session.tsx";
import { ParamsForm } from "./ParamsForm.tsx";
import { spawnRoute } from "./route.ts";
import { fieldsOf, type FormTexts, paramsOf, textsOf } from "./schema-form.model.ts";
import { SpawnOptions, type SpawnOptionTexts, optionsOf } from "./SpawnOptions.tsx";
import "./spawn.css";

export function SpawnPage() {
  const query = useQuery(taskNamesQuery(useApi()));
  const { name } = spawnRoute.useSearch();
  const navigate = useNavigate({ from: "/spawn" });
  if (!useMay("operator")) {
    return (
      <Page title="Spawn a task">
        <EmptyState title="Your role may look, not spawn." />
      </Page>
    );
  }
  return (
    <Page title="Spawn a task">
      <QueryRegion
        query={query}
        isEmpty={(names) => names.length === 0}
        empty={
          <EmptyState title="No task name is registered.">
            A worker registers its task names when it starts.
          </EmptyState>
        }
      >
        {(names) => {
          const current = names.filter((each) => each.is_current);
          const chosen = current.find((each) => each.task_name === name) ?? current[0];
          return (
            <div className="spawn stack">
              <div className="field">
                <label htmlFor="task-name">Task name</label>
                <select
                  id="task-name"
                  value={chosen?.task_name ?? ""}
                  onChange={(event) =>
                    void navigate({ search: { name: event.target.value }, replace: true })
                  }
                >
                  {current.map((each) => (
                    <option key={each.task_name}>{each.task_name}</option>
                  ))}
                </select>
                {chosen && (
                  <p className={chosen.worker_count === 0 ? "warn-text small" : "muted small"}>
                    {chosen.worker_count === 0
                      ? "No worker that is alive can run it: it will wait."
                      : `${formatCountOf(chosen.worker_count, "worker")} can run it`}
                    ; queue {chosen.queue_name}
                  </p>
                )}
              </div>
              {chosen && (
                <SpawnForm
                  key={chosen.task_name}
                  taskName={chosen.task_name}
                  schema={chosen.params_schema}
                />
              )}
            </div>
          );
        }}
      </QueryRegion>
    </Page>
  );
}

function SpawnForm({ taskName, schema }: { taskName: string; schema: unknown }) {
  const fields = useMemo(() => fieldsOf(schema), [schema]);
  const [isJson, setJson] = useState(fields === undefined);
  const [texts, setTexts] = useState<FormTexts>({});
  const [json, setJsonText] = useState("{}");
  const [options, setOptions] = useState<SpawnOptionTexts>({});
  const [idempotencyKey, renewKey] = useState(() => crypto.randomUUID());
  const { spawn } = useTaskActions();
  const notify = useNotify();
  const navigate = useNavigate();
  const form = fields && !isJson ? paramsOf(fields, texts) : undefined;
  const isFaulty = form ? form.faults !== undefined : jsonFault(json) !== undefined;

  function submit(): void {
    const params = form ? form.params : parseJson(json);
    if (params === undefined) return;
    const body: SpawnBody = { task_name: taskName, params, ...optionsOf(options) };
    spawn.mutate(
      { body, idempotencyKey },
      {
        onSuccess: ({ task_id: taskId, created }) => {
          notify(created ? `Spawned ${formatId(taskId)}` : "It was there already, by its key");
          void navigate({ to: "/tasks/$taskId", params: { taskId } });
        },
        // What was asked is to be changed: that is another request.
        onError: () => {
          renewKey(crypto.randomUUID());
        },
      },
    );
  }

  function changeMode(): void {
    if (!fields) return;
    if (!isJson) setJsonText(JSON.stringify(form?.params ?? {}, null, 2));
    else if (jsonFault(json) === undefined) setTexts(textsOf(fields, parseJson(json)));
    setJson(!isJson);
  }

  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <section className="panel">
        <header>
          <h2 className="grow">Params</h2>
          {fields && (
            <button type="button" className="plain small" onClick={changeMode}>
              {isJson ? "As a form" : "As JSON"}
            </button>
          )}
        </header>
        <div className="body">
          {fields && !isJson ? (
            <ParamsForm fields={fields} texts={texts} onChange={setTexts} />
          ) : (
            <JsonEditor label="Params as JSON" text={json} onChange={setJsonText} rows={12} />
          )}
        </div>
      </section>
      <SpawnOptions texts={options} onChange={setOptions} />
      {spawn.error && (
        <p className="danger-text" role="alert">
          {messageOf(spawn.error)}
        </p>
      )}
      <div className="row">
        <button className="primary" disabled={spawn.isPending || isFaulty}>
          {spawn.isPending ? "Spawning…" : "Spawn"}
        </button>
        <Link to="/tasks">Back to the tasks</Link>
      </div>
    </form>
  );
}
