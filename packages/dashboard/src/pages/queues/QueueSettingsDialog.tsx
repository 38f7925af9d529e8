/** A form of what is set of a queue. Only what was changed is sent. */
import { useQueryClient } from "@tanstack/react-query";
import type { Queue } from "@contimg/contract";
import { type ReactNode, type SyntheticEvent, useId, useState } from "react";

import { messageOf, useApi } from "../../api/api.tsx";
import { Dialog } from "../../components/Dialog.tsx";
import { useNotify } from "../../components/Toasts.tsx";
import { changeOf, formOf, type SettingName, type SettingsForm } from "./queue-settings.model.ts";

interface DialogProps {
  readonly queue: Queue;
  readonly onClose: () => void;
}

export function QueueSettingsDialog({ queue, onClose }: DialogProps) {
  const [form, setForm] = useState(() => formOf(queue));
  const [reason, setReason] = useState("");
  const { save, isBusy, error } = useSave(queue, onClose);
  const { change, faults = {} } = changeOf(queue, form);
  const hasChanges = change !== undefined && Object.keys(change).length > 0;
  const set = (part: Partial<SettingsForm>) => {
    setForm((old) => ({ ...old, ...part }));
  };

  function submit(event: SyntheticEvent): void {
    event.preventDefault();
    if (change) void save(change, reason.trim());
  }

  return (
    <Dialog title={`Settings of ${queue.queue_name}`} onClose={onClose}>
      <form className="stack dialog-body" onSubmit={submit}>
        <SettingFields form={form} faults={faults} onChange={set} />
        <Field label="Reason (optional)">
          {(id) => (
            <input
              id={id}
              autoComplete="off"
              maxLength={500}
              value={reason}
              onChange={(event) => {
                setReason(event.target.value);
              }}
            />
          )}
        </Field>
        {error !== undefined && (
          <p className="danger-text" role="alert">
            {messageOf(error)}
          </p>
        )}
        <footer className="dialog-foot">
          <button type="button" onClick={onClose}>
            Back
          </button>
          <button className="primary" disabled={!hasChanges || isBusy}>
            {isBusy ? "Saving…" : "Save"}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

function SettingFields(props: {
  form: SettingsForm;
  faults: Partial<Record<SettingName, string>>;
  onChange: (part: Partial<SettingsForm>) => void;
}) {
  const { form, faults, onChange } = props;
  const number = (name: Exclude<SettingName, "priority_mode">, label: string, hint: string) => (
    <Field label={label} hint={hint} fault={faults[name]}>
      {(id, describedBy) => (
        <input
          id={id}
          inputMode="decimal"
          autoComplete="off"
          aria-invalid={faults[name] !== undefined}
          aria-describedby={describedBy}
          value={form[name]}
          onChange={(event) => {
            onChange({ [name]: event.target.value });
          }}
        />
      )}
    </Field>
  );
  return (
    <>
      {number("pending_max", "Ready at most", "A spawn beyond is refused. Empty: no limit.")}
      {number("running_max", "Running at once", "Over all workers. Empty: no limit.")}
      {number("weight", "Weight", "Share of workers that serve several queues. Empty: one line.")}
      <Field label="Priority" hint="Aging lets long waiting outweigh urgency.">
        {(id) => (
          <select
            id={id}
            value={form.priority_mode}
            onChange={(event) => {
              onChange({ priority_mode: event.target.value === "aging" ? "aging" : "strict" });
            }}
          >
            <option value="strict">strict</option>
            <option value="aging">aging</option>
          </select>
        )}
      </Field>
      {form.priority_mode === "aging" &&
        number("aging_seconds", "Aging seconds", "So much older counts as one priority.")}
    </>
  );
}

function Field(props: {
  label: string;
  hint?: string;
  fault?: string | undefined;
  children: (id: string, describedBy: string) => ReactNode;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{props.label}</label>
      {props.children(id, `${id}-hint`)}
      {props.fault === undefined ? (
        <span id={`${id}-hint`} className="muted small">
          {props.hint}
        </span>
      ) : (
        <span id={`${id}-hint`} className="fault">
          {props.fault}
        </span>
      )}
    </div>
  );
}

function useSave(queue: Queue, onClose: () => void) {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const { client } = useApi();
  const queries = useQueryClient();
  const notify = useNotify();

  async function save(change: object, reason: string): Promise<void> {
    setBusy(true);
    setError(undefined);
    try {
      await client.call("configureQueue", {
        params: { queue_name: queue.queue_name },
        body: { ...change, ...(reason === "" ? {} : { reason }) },
      });
      await queries.invalidateQueries({ queryKey: ["queues"] });
      notify(`Settings of ${queue.queue_name} saved`);
      onClose();
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  }

  return { save, isBusy, error };
}
