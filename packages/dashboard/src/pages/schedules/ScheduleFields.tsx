/** The fields of a schedule, with a preview of when it would fire that follows the typing. */
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useDeferredValue, useId } from "react";
import { OVERLAPS } from "@contimg/contract";

import { messageOf, useApi } from "../../api/api.tsx";
import { previewQuery } from "../../api/schedules.ts";
import { Instant } from "../../components/Instant.tsx";
import {
  type Faults,
  OVERLAP_WORDS,
  overlapOf,
  type ScheduleForm,
  timingOf,
} from "./schedule-form.model.ts";

interface FieldsProps {
  readonly form: ScheduleForm;
  readonly faults: Faults;
  readonly onChange: (part: Partial<ScheduleForm>) => void;
  /** Of a schedule that is there: its name and target stay. */
  readonly isEdit: boolean;
}

export function ScheduleFields(props: FieldsProps) {
  return (
    <div className="schedule-form">
      <div className="stack">
        {!props.isEdit && <TextField {...props} name="name" label="Name" />}
        <TextField {...props} name="description" label="Description (optional)" />
        <TimingFields {...props} />
        <TargetFields {...props} />
        <TextField {...props} name="params" label="Params (JSON)" isLong />
        <Field label="When the last one still runs">
          {(id) => (
            <select
              id={id}
              value={props.form.overlap}
              onChange={(event) => {
                props.onChange({ overlap: overlapOf(event.target.value) });
              }}
            >
              {OVERLAPS.map((each) => (
                <option key={each} value={each}>
                  {OVERLAP_WORDS[each]}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
      <Preview form={props.form} />
    </div>
  );
}

function TimingFields(props: FieldsProps) {
  const { form, onChange } = props;
  return (
    <>
      <fieldset className="row wrap choice">
        <legend className="hidden-text">Kind of timing</legend>
        {(["cron", "every"] as const).map((kind) => (
          <label key={kind} className="row">
            <input
              type="radio"
              name="kind"
              checked={form.kind === kind}
              onChange={() => {
                onChange({ kind });
              }}
            />
            {kind === "cron" ? "At times of a calendar (cron)" : "At an interval"}
          </label>
        ))}
      </fieldset>
      {form.kind === "cron" ? (
        <div className="two">
          <TextField
            {...props}
            name="cron"
            label="Cron expression"
            hint="minute hour day month weekday; six fields begin with seconds"
          />
          <TextField {...props} name="timezone" label="Time zone" hint="IANA, such as UTC" />
        </div>
      ) : (
        <TextField {...props} name="every" label="Every, in seconds" />
      )}
    </>
  );
}

function TargetFields(props: FieldsProps) {
  const { form, onChange, isEdit } = props;
  if (isEdit) return null;
  return (
    <>
      <fieldset className="row wrap choice">
        <legend className="hidden-text">What it spawns</legend>
        {(["task", "template"] as const).map((target) => (
          <label key={target} className="row">
            <input
              type="radio"
              name="target"
              checked={form.target === target}
              onChange={() => {
                onChange({ target });
              }}
            />
            {target === "task" ? "A task" : "A workflow from a template"}
          </label>
        ))}
      </fieldset>
      {form.target === "task" ? (
        <div className="two">
          <TextField {...props} name="taskName" label="Task name" />
          <TextField {...props} name="queueName" label="Queue (optional)" />
        </div>
      ) : (
        <TextField {...props} name="templateName" label="Template" />
      )}
    </>
  );
}

type TextName = {
  [Name in keyof ScheduleForm]: ScheduleForm[Name] extends string ? Name : never;
}[keyof ScheduleForm];

function TextField(
  props: FieldsProps & { name: TextName; label: string; hint?: string; isLong?: boolean },
) {
  const { form, faults, onChange, name, label, hint, isLong = false } = props;
  const fault = faults[name];
  return (
    <Field label={label} hint={hint} fault={fault}>
      {(id, describedBy) => {
        const common = {
          id,
          "aria-describedby": describedBy,
          "aria-invalid": fault !== undefined,
          value: form[name],
          spellCheck: false,
          onChange: (event: { target: { value: string } }) => {
            onChange({ [name]: event.target.value });
          },
        };
        if (isLong) return <textarea className="mono" rows={5} {...common} />;
        return <input autoComplete="off" {...common} />;
      }}
    </Field>
  );
}

function Field(props: {
  label: string;
  hint?: string | undefined;
  fault?: string | undefined;
  children: (id: string, describedBy: string) => ReactNode;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{props.label}</label>
      {props.children(id, `${id}-hint`)}
      <span id={`${id}-hint`} className={props.fault === undefined ? "muted small" : "fault"}>
        {props.fault ?? props.hint}
      </span>
    </div>
  );
}

function Preview({ form }: { form: ScheduleForm }) {
  const timing = useDeferredValue(timingOf(form));
  const { data, error } = useQuery(previewQuery(useApi(), timing));
  return (
    <section className="panel schedule-preview" aria-label="Preview" aria-live="polite">
      <header>
        <h2>When it would fire</h2>
      </header>
      <div className="body">
        {!timing && <p className="muted">Write when it fires to see the instants.</p>}
        {timing && error && <p className="danger-text">{messageOf(error)}</p>}
        {timing && !error && data && (
          <>
            <p className="preview-words">{data.in_words}</p>
            <Instants instants={data.instants} />
          </>
        )}
      </div>
    </section>
  );
}

export function Instants({ instants }: { instants: readonly string[] }) {
  return (
    <ol className="instants">
      {instants.map((each) => (
        <li key={each} className="row">
          <span className="grow mono">
            <Instant at={each} full />
          </span>
          <span className="muted">
            <Instant at={each} ago />
          </span>
        </li>
      ))}
    </ol>
  );
}
