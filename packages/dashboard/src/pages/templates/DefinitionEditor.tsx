/** A template as JSON: what is wrong is listed with its line, and a press leads there. */
import { useId, useRef } from "react";

import { formatCountOf } from "../../format/quantity.ts";
import type { JsonFault } from "./templates.model.ts";

const SHOWN = 20;

export function DefinitionEditor(props: {
  text: string;
  faults: readonly JsonFault[];
  onChange: (text: string) => void;
}) {
  const { text, faults, onChange } = props;
  const area = useRef<HTMLTextAreaElement>(null);
  const id = useId();
  function show({ place }: JsonFault): void {
    const element = area.current;
    if (!element) return;
    element.focus();
    element.setSelectionRange(place.start, place.end);
    const lineHeight = element.scrollHeight / Math.max(1, text.split("\n").length);
    element.scrollTop = Math.max(0, (place.line - 4) * lineHeight);
  }
  return (
    <div className="stack definition">
      <div className="field">
        <label htmlFor={id}>Params and nodes (JSON)</label>
        <textarea
          ref={area}
          id={id}
          className="mono"
          rows={22}
          wrap="off"
          spellCheck={false}
          aria-invalid={faults.length > 0}
          aria-describedby={`${id}-faults`}
          value={text}
          onChange={(event) => {
            onChange(event.target.value);
          }}
        />
      </div>
      <div id={`${id}-faults`} role="status">
        {faults.length === 0 ? (
          <p className="muted">It can be stored.</p>
        ) : (
          <>
            <p className="danger-text">{formatCountOf(faults.length, "fault")}:</p>
            <ul className="fault-list">
              {faults.slice(0, SHOWN).map((fault, index) => (
                <li key={index}>
                  <button
                    type="button"
                    className="plain"
                    onClick={() => {
                      show(fault);
                    }}
                  >
                    line {fault.place.line}, column {fault.place.column}
                  </button>{" "}
                  {fault.field !== "" && <code>{fault.field}</code>} {fault.message}
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
    </div>
  );
}
