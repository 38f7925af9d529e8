/** The line in which a filter is written. Enter applies it; the page keeps it in its address. */
import { type SyntheticEvent, useEffect, useId, useRef, useState } from "react";

import { useKeys } from "./keys.ts";
import "./FilterBar.css";

/** What a filter bar knows of the filter's grammar. */
export interface FilterLanguage {
  readonly faultsOf: (text: string) => readonly FilterFault[];
  readonly complete: (text: string, cursor: number) => readonly FilterCompletion[];
}

export interface FilterFault {
  readonly message: string;
  readonly start: number;
  readonly end: number;
}

/** Replaces start to end by `text`. */
export interface FilterCompletion {
  readonly text: string;
  readonly description: string;
  readonly start: number;
  readonly end: number;
}

interface FilterBarProps {
  readonly label: string;
  readonly placeholder: string;
  /** As it is applied. */
  readonly value: string;
  readonly onApply: (text: string) => void;
  readonly language?: FilterLanguage;
}

export function FilterBar({ label, placeholder, value, onApply }: FilterBarProps) {
  const [text, setText] = useState(value);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  useEffect(() => {
    setText(value);
  }, [value]);
  useKeys("Filter", [{ keys: "/", label: "Write a filter", run: () => input.current?.focus() }]);

  function submit(event: SyntheticEvent): void {
    event.preventDefault();
    onApply(text.trim());
  }

  return (
    <form className="filter-bar" role="search" onSubmit={submit}>
      <label htmlFor={id} className="hidden-text">
        {label}
      </label>
      <input
        ref={input}
        id={id}
        className="mono"
        type="search"
        autoComplete="off"
        spellCheck={false}
        placeholder={placeholder}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
        }}
      />
      <button disabled={text.trim() === value}>Apply</button>
    </form>
  );
}
