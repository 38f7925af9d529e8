/**
 * The line in which a filter is written: completion while typing, faults marked where they are.
 * Enter applies it; the page keeps it in its address.
 */
import type { Completion, PlacedFault } from "@contimg/contract";
import { type SyntheticEvent, useEffect, useId, useMemo, useRef, useState } from "react";

import { useKeys } from "./keys.ts";
import { useCompletion } from "./filter-completion.ts";
import "./FilterBar.css";

/** What a filter bar knows of the filter's grammar; see task-filter-language.ts. */
export interface FilterLanguage {
  readonly faultsOf: (text: string) => readonly PlacedFault[];
  readonly complete: (text: string, cursor: number) => Completion;
}

interface FilterBarProps {
  readonly label: string;
  readonly placeholder: string;
  /** As it is applied. */
  readonly value: string;
  readonly onApply: (text: string) => void;
  readonly language?: FilterLanguage;
}

export function FilterBar({ label, placeholder, value, onApply, language }: FilterBarProps) {
  const [text, setText] = useState(value);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  useEffect(() => {
    setText(value);
  }, [value]);
  useKeys("Filter", [{ keys: "/", label: "Write a filter", run: () => input.current?.focus() }]);
  const faults = useMemo(() => language?.faultsOf(text) ?? [], [language, text]);
  const completion = useCompletion({ input, text, setText, language });
  const isApplied = text.trim() === value;

  function submit(event: SyntheticEvent): void {
    event.preventDefault();
    completion.close();
    if (faults.length === 0) onApply(text.trim());
  }

  return (
    <form className="filter-bar" role="search" onSubmit={submit}>
      <div className="filter-field">
        <Marks text={text} faults={faults} input={input} />
        <input
          ref={input}
          id={id}
          className="mono"
          type="text"
          autoComplete="off"
          spellCheck={false}
          role="combobox"
          aria-label={label}
          aria-expanded={completion.isOpen}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={completion.isOpen ? `${id}-${completion.index}` : undefined}
          aria-invalid={faults.length > 0}
          aria-describedby={`${id}-fault`}
          placeholder={placeholder}
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            completion.open();
          }}
          onKeyDown={completion.onKeyDown}
          onBlur={completion.close}
          onClick={completion.open}
        />
        {completion.isOpen && (
          <ul
            id={`${id}-list`}
            className="menu filter-list"
            role="listbox"
            aria-label="Completions"
          >
            {completion.suggestions.map((suggestion, index) => (
              <li
                key={suggestion.text}
                id={`${id}-${index}`}
                role="option"
                aria-selected={index === completion.index}
                className="menu-item"
                data-highlighted={index === completion.index ? "" : undefined}
                onPointerDown={(event) => {
                  event.preventDefault();
                  completion.accept(suggestion);
                }}
              >
                <code>{suggestion.text}</code>
                <span className="muted small clip">{suggestion.description}</span>
              </li>
            ))}
          </ul>
        )}
        <p id={`${id}-fault`} className="filter-fault" aria-live="polite">
          {!isApplied && !completion.isOpen && faults.map((fault) => fault.message).join("; ")}
        </p>
      </div>
      <button disabled={isApplied || faults.length > 0}>Apply</button>
      {value !== "" && (
        <button
          type="button"
          className="plain"
          onClick={() => {
            setText("");
            onApply("");
          }}
        >
          Clear
        </button>
      )}
    </form>
  );
}

/** The same text below the input, unseen but for the marks of its faults. */
function Marks(props: {
  text: string;
  faults: readonly PlacedFault[];
  input: React.RefObject<HTMLInputElement | null>;
}) {
  const { text, faults, input } = props;
  const layer = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = input.current;
    if (!element) return undefined;
    const follow = () => {
      if (layer.current) layer.current.scrollLeft = element.scrollLeft;
    };
    follow();
    element.addEventListener("scroll", follow);
    return () => {
      element.removeEventListener("scroll", follow);
    };
  }, [input, text]);
  return (
    <div ref={layer} className="filter-marks mono" aria-hidden="true">
      {segmentsOf(text, faults).map((segment) =>
        segment.isFault ? (
          <mark key={segment.start}>{segment.text || " "}</mark>
        ) : (
          <span key={segment.start}>{segment.text}</span>
        ),
      )}
    </div>
  );
}

interface Segment {
  readonly start: number;
  readonly text: string;
  readonly isFault: boolean;
}

/** A text in parts that are faulty and parts that are not, first to last. */
export function segmentsOf(text: string, faults: readonly PlacedFault[]): readonly Segment[] {
  const segments: Segment[] = [];
  let at = 0;
  for (const fault of faults) {
    if (fault.start < at) continue;
    if (fault.start > at) segments.push(segment(text, at, fault.start, false));
    const end = Math.max(fault.end, fault.start + 1);
    segments.push(segment(text, fault.start, end, true));
    at = end;
  }
  if (at < text.length) segments.push(segment(text, at, text.length, false));
  return segments;
}

function segment(text: string, start: number, end: number, isFault: boolean): Segment {
  return { start, text: text.slice(start, end), isFault };
}
