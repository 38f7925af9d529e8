/** JSON to write: says what is wrong, and in which line, while it is written. */
import { z } from "zod";
import { useId } from "react";

interface JsonEditorProps {
  readonly label: string;
  readonly text: string;
  readonly onChange: (text: string) => void;
  readonly rows?: number;
}

export function JsonEditor({ label, text, onChange, rows = 10 }: JsonEditorProps) {
  const id = useId();
  const fault = jsonFault(text);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <textarea
        id={id}
        className="mono"
        rows={rows}
        spellCheck={false}
        aria-invalid={fault !== undefined}
        aria-describedby={`${id}-fault`}
        value={text}
        onChange={(event) => {
          onChange(event.target.value);
        }}
      />
      <p id={`${id}-fault`} className="fault" aria-live="polite">
        {fault}
      </p>
    </div>
  );
}

const json = z.json();
export type Json = z.output<typeof json>;

/** @throws {SyntaxError} */
export function parseJson(text: string): Json {
  return json.parse(JSON.parse(text.trim() === "" ? "null" : text));
}

/** Undefined: it is JSON. */
export function jsonFault(text: string): string | undefined {
  try {
    parseJson(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
