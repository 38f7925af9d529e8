/** Changes when and how a schedule fires; its name and what it spawns stay. */
import { useQueryClient } from "@tanstack/react-query";
import type { Schedule } from "@contimg/contract";
import { type SyntheticEvent, useState } from "react";

import { messageOf, useApi } from "../../api/api.tsx";
import { Dialog } from "../../components/Dialog.tsx";
import { useNotify } from "../../components/Toasts.tsx";
import { ScheduleFields } from "./ScheduleFields.tsx";
import { requestOf, scheduleFormOf } from "./schedule-form.model.ts";

export function EditScheduleDialog(props: { schedule: Schedule; onClose: () => void }) {
  const { schedule, onClose } = props;
  const [form, setForm] = useState(() => scheduleFormOf(schedule));
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const { client } = useApi();
  const queries = useQueryClient();
  const notify = useNotify();
  const { request, faults = {} } = requestOf(form);

  async function save(): Promise<void> {
    if (!request) return;
    setBusy(true);
    setError(undefined);
    const change = {
      timezone: request.timezone,
      params: request.params,
      overlap: request.overlap,
      ...(request.description === undefined ? {} : { description: request.description }),
      ...(request.cron_expression === undefined
        ? {}
        : { cron_expression: request.cron_expression }),
      ...(request.every_seconds === undefined ? {} : { every_seconds: request.every_seconds }),
    };
    try {
      await client.call("updateSchedule", { params: { name: schedule.name }, body: change });
      await queries.invalidateQueries({ queryKey: ["schedules"] });
      notify(`Schedule ${schedule.name} changed`);
      onClose();
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  }

  function submit(event: SyntheticEvent): void {
    event.preventDefault();
    void save();
  }

  return (
    <Dialog title={`Edit ${schedule.name}`} size="wide" onClose={onClose}>
      <form className="stack dialog-body" onSubmit={submit}>
        <ScheduleFields
          form={form}
          faults={faults}
          isEdit
          onChange={(part) => {
            setForm((old) => ({ ...old, ...part }));
          }}
        />
        {error !== undefined && (
          <p className="danger-text" role="alert">
            {messageOf(error)}
          </p>
        )}
        <footer className="dialog-foot">
          <button type="button" onClick={onClose}>
            Back
          </button>
          <button className="primary" disabled={!request || isBusy}>
            {isBusy ? "Saving…" : "Save"}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
