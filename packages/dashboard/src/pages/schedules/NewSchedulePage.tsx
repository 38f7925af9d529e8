/** A form for a new schedule, with a preview of its firings. */
import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type SyntheticEvent, useState } from "react";

import { messageOf, useApi } from "../../api/api.tsx";
import { Page } from "../../components/Page.tsx";
import { useNotify } from "../../components/Toasts.tsx";
import { ScheduleFields } from "./ScheduleFields.tsx";
import { NEW_SCHEDULE, requestOf } from "./schedule-form.model.ts";
import "./schedules.css";

export function NewSchedulePage() {
  const [form, setForm] = useState(NEW_SCHEDULE);
  const [isTried, setTried] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const { client } = useApi();
  const queries = useQueryClient();
  const notify = useNotify();
  const navigate = useNavigate();
  const { request, faults = {} } = requestOf(form);
  const name = form.name.trim();

  async function create(): Promise<void> {
    if (!request) return;
    setBusy(true);
    setError(undefined);
    try {
      await client.call("createSchedule", { body: { ...request, name, paused: form.paused } });
      await queries.invalidateQueries({ queryKey: ["schedules"] });
      notify(`Schedule ${name} made`);
      await navigate({ to: "/schedules/$name", params: { name } });
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  }

  function submit(event: SyntheticEvent): void {
    event.preventDefault();
    setTried(true);
    void create();
  }

  return (
    <Page title="New schedule">
      <form className="stack" onSubmit={submit}>
        <ScheduleFields
          form={form}
          faults={isTried ? faults : {}}
          isEdit={false}
          onChange={(part) => {
            setForm((old) => ({ ...old, ...part }));
          }}
        />
        <label className="row">
          <input
            type="checkbox"
            checked={form.paused}
            onChange={(event) => {
              setForm((old) => ({ ...old, paused: event.target.checked }));
            }}
          />
          Paused at first
        </label>
        {error !== undefined && (
          <p className="danger-text" role="alert">
            {messageOf(error)}
          </p>
        )}
        <div className="row">
          <button className="primary" disabled={isBusy}>
            {isBusy ? "Making…" : "Make schedule"}
          </button>
          <Link to="/schedules" className="button">
            Back
          </Link>
        </div>
      </form>
    </Page>
  );
}
