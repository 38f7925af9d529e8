/** Fires past instants that have no task yet: first which they are, then for real. */
import { useQueryClient } from "@tanstack/react-query";
import { OVERLAPS } from "@contimg/contract";
import { type SyntheticEvent, useId, useState } from "react";

import { messageOf, useApi } from "../../api/api.tsx";
import { Dialog } from "../../components/Dialog.tsx";
import { useNotify } from "../../components/Toasts.tsx";
import { formatCount, formatCountOf } from "../../format/quantity.ts";
import { instantOf, OVERLAP_WORDS, overlapOf } from "./schedule-form.model.ts";
import { Instants } from "./ScheduleFields.tsx";

const SHOWN = 12;

export function BackfillDialog({ name, onClose }: { name: string; onClose: () => void }) {
  const backfill = useBackfill(name, onClose);
  const { range, change, instants, isBusy, error, look, fire } = backfill;
  const id = useId();

  function submit(event: SyntheticEvent): void {
    event.preventDefault();
    void (instants && instants.length > 0 ? fire() : look());
  }

  return (
    <Dialog title={`Backfill ${name}`} size="wide" onClose={onClose}>
      <form className="stack dialog-body" onSubmit={submit}>
        <p>Fires the instants of a past range that have no task yet. Times are UTC.</p>
        <div className="two">
          {(["from", "to"] as const).map((end) => (
            <div key={end} className="field">
              <label htmlFor={`${id}-${end}`}>{end === "from" ? "From" : "To (included)"}</label>
              <input
                id={`${id}-${end}`}
                type="datetime-local"
                required
                value={range[end]}
                onChange={(event) => {
                  change({ [end]: event.target.value });
                }}
              />
            </div>
          ))}
        </div>
        <div className="field">
          <label htmlFor={`${id}-overlap`}>When one still runs</label>
          <select
            id={`${id}-overlap`}
            value={range.overlap}
            onChange={(event) => {
              change({ overlap: overlapOf(event.target.value) });
            }}
          >
            {OVERLAPS.map((each) => (
              <option key={each} value={each}>
                {OVERLAP_WORDS[each]}
              </option>
            ))}
          </select>
        </div>
        <div className="field">
          <label htmlFor={`${id}-reason`}>Reason (optional)</label>
          <input
            id={`${id}-reason`}
            autoComplete="off"
            maxLength={500}
            value={range.reason}
            onChange={(event) => {
              change({ reason: event.target.value });
            }}
          />
        </div>
        {instants && <Found instants={instants} />}
        {error !== undefined && (
          <p className="danger-text" role="alert">
            {messageOf(error)}
          </p>
        )}
        <footer className="dialog-foot">
          <button type="button" onClick={onClose}>
            Back
          </button>
          <button className="primary" disabled={isBusy || instants?.length === 0}>
            {instants && instants.length > 0
              ? `Fire ${formatCountOf(instants.length, "instant")}`
              : "Show what it would fire"}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

function Found({ instants }: { instants: readonly string[] }) {
  if (instants.length === 0) {
    return <p role="status">Nothing to fire: every instant of the range has its task.</p>;
  }
  const rest = instants.length - SHOWN;
  return (
    <div role="status">
      <p>{formatCountOf(instants.length, "instant")} would be fired:</p>
      <Instants instants={instants.slice(0, SHOWN)} />
      {rest > 0 && <p className="muted">and {formatCount(rest)} more</p>}
    </div>
  );
}

/** What was found counts for the range it was found of, only. */
function useBackfill(name: string, onClose: () => void) {
  const [range, setRange] = useState(() => {
    const now = new Date();
    const text = (instant: Date) => instant.toISOString().slice(0, 16);
    return {
      from: text(new Date(now.getTime() - 24 * 3_600_000)),
      to: text(now),
      overlap: overlapOf("bufferAll"),
      reason: "",
    };
  });
  const [instants, setInstants] = useState<readonly string[]>();
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const { client } = useApi();
  const queries = useQueryClient();
  const notify = useNotify();

  async function ask(isDry: boolean) {
    const [from, to] = [instantOf(range.from), instantOf(range.to)];
    if (from === undefined || to === undefined) throw new Error("expected a date and time");
    const reason = range.reason.trim();
    return client.call("backfillSchedule", {
      params: { name },
      query: { dry_run: isDry ? "true" : "false" },
      body: { from, to, overlap: range.overlap, ...(reason === "" ? {} : { reason }) },
    });
  }

  async function run(what: () => Promise<void>): Promise<void> {
    setBusy(true);
    setError(undefined);
    try {
      await what();
    } catch (thrown) {
      setError(thrown);
    } finally {
      setBusy(false);
    }
  }

  return {
    range,
    instants,
    isBusy,
    error,
    change: (part: Partial<typeof range>) => {
      setRange((old) => ({ ...old, ...part }));
      if (!("reason" in part)) setInstants(undefined);
    },
    look: () =>
      run(async () => {
        const answer = await ask(true);
        setInstants(answer.instants);
      }),
    fire: () =>
      run(async () => {
        const answer = await ask(false);
        await queries.invalidateQueries({ queryKey: ["schedules"] });
        notify(`${name}: ${formatCountOf(answer.firings.length, "instant")} fired`);
        onClose();
      }),
  };
}
