/** The completion of a filter bar: when it is open, what it offers, what keys do. */
import type { Suggestion } from "@contimg/contract";
import { type KeyboardEvent, type RefObject, useMemo, useState } from "react";

import type { FilterLanguage } from "./FilterBar.tsx";

interface CompletionOptions {
  readonly input: RefObject<HTMLInputElement | null>;
  readonly text: string;
  readonly setText: (text: string) => void;
  readonly language: FilterLanguage | undefined;
}

export function useCompletion({ input, text, setText, language }: CompletionOptions) {
  const [isWanted, setWanted] = useState(false);
  /** −1: none is chosen, so that Enter applies the filter. */
  const [index, setIndex] = useState(-1);
  const completion = useMemo(() => {
    if (!isWanted || !language) return undefined;
    return language.complete(text, input.current?.selectionStart ?? text.length);
  }, [isWanted, language, text, input]);
  const suggestions = completion?.suggestions ?? [];
  const isOpen = suggestions.length > 0;

  function open(): void {
    setWanted(true);
    setIndex(-1);
  }

  function close(): void {
    setWanted(false);
    setIndex(-1);
  }

  function accept(suggestion: Suggestion): void {
    if (!completion) return;
    const isWhole = !/[.:<>=]$/.test(suggestion.text);
    const rest = text.slice(completion.end);
    const put = suggestion.text + (isWhole && !rest.startsWith(" ") ? " " : "");
    const next = text.slice(0, completion.start) + put + rest;
    const cursor = completion.start + put.length;
    setText(next);
    setIndex(-1);
    // The value of a field is wanted next; after a value the line is done, for now.
    setWanted(!isWhole);
    requestAnimationFrame(() => {
      input.current?.setSelectionRange(cursor, cursor);
    });
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key === "ArrowDown" && !isOpen) {
      open();
    } else if (!isOpen) {
      if (event.key === "Escape") input.current?.blur();
      return;
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : -1;
      const count = suggestions.length;
      setIndex((at) => (at === -1 && step === -1 ? count - 1 : (at + step + count) % count));
    } else if (event.key === "Escape") {
      close();
    } else if (event.key === "Tab" || (event.key === "Enter" && index >= 0)) {
      const suggestion = suggestions[Math.max(0, index)];
      if (suggestion) accept(suggestion);
    } else {
      return;
    }
    event.preventDefault();
  }

  return { isOpen, index, suggestions, open, close, accept, onKeyDown };
}
