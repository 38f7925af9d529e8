/** The filter of the audit log: by who, what, to what, when. Enter applies it. */
import { type SyntheticEvent, useEffect, useId, useRef, useState } from "react";

import { useKeys } from "../../components/keys.ts";
import { ACTIONS, actionWords, timeFault } from "./audit.model.ts";
import { auditRoute } from "./route.ts";

export function AuditFilterForm() {
  const search = auditRoute.useSearch();
  const navigate = auditRoute.useNavigate();
  const { actor, action, target, from, to } = search;
  const applied = { actor, action, target, from, to };
  const [draft, setDraft] = useState(applied);
  useEffect(() => {
    setDraft({ actor, action, target, from, to });
  }, [actor, action, target, from, to]);
  const first = useRef<HTMLInputElement>(null);
  useKeys("Filter", [{ keys: "/", label: "Write a filter", run: () => first.current?.focus() }]);
  const id = useId();
  const faults = { from: timeFault(draft.from), to: timeFault(draft.to) };
  const isApplied = JSON.stringify(draft) === JSON.stringify(applied);
  const canApply = !isApplied && faults.from === undefined && faults.to === undefined;

  function apply(next: typeof draft): void {
    void navigate({ search: { ...search, ...next, entry: "" } });
  }
  function submit(event: SyntheticEvent): void {
    event.preventDefault();
    if (canApply) apply(draft);
  }
  const field = (name: "actor" | "target" | "from" | "to", label: string, hint: string) => (
    <div className="field">
      <label htmlFor={`${id}-${name}`}>{label}</label>
      <input
        id={`${id}-${name}`}
        ref={name === "actor" ? first : undefined}
        autoComplete="off"
        spellCheck={false}
        placeholder={hint}
        aria-invalid={(name === "from" || name === "to") && faults[name] !== undefined}
        value={draft[name]}
        onChange={(event) => {
          setDraft({ ...draft, [name]: event.target.value });
        }}
      />
    </div>
  );
  return (
    <form role="search" aria-label="Filter the audit log" onSubmit={submit}>
      <div className="audit-filter">
        {field("actor", "Who", "a name")}
        <div className="field">
          <label htmlFor={`${id}-action`}>Action</label>
          <select
            id={`${id}-action`}
            value={draft.action}
            onChange={(event) => {
              apply({ ...draft, action: event.target.value });
            }}
          >
            <option value="">any</option>
            {ACTIONS.map(({ name }) => (
              <option key={name} value={name}>
                {actionWords(name)}
              </option>
            ))}
          </select>
        </div>
        {field("target", "To what", "part of an id or a name")}
        {field("from", "From", "-12h, yesterday")}
        {field("to", "To, not included", "2026-01-25T03:00Z")}
        <div className="row">
          <button disabled={!canApply}>Apply</button>
          {Object.values(applied).some((text) => text !== "") && (
            <button
              type="button"
              className="plain"
              onClick={() => {
                apply({ actor: "", action: "", target: "", from: "", to: "" });
              }}
            >
              Clear
            </button>
          )}
        </div>
      </div>
      <p className="danger-text small" aria-live="polite">
        {[faults.from, faults.to].filter(Boolean).join("; ")}
      </p>
    </form>
  );
}
