/** The fields of a task's params. */
import type { FormField, FormTexts } from "./schema-form.model.ts";
import { paramsOf } from "./schema-form.model.ts";

interface ParamsFormProps {
  readonly fields: readonly FormField[];
  readonly texts: FormTexts;
  readonly onChange: (texts: FormTexts) => void;
}

export function ParamsForm({ fields, texts, onChange }: ParamsFormProps) {
  const { faults = {} } = paramsOf(fields, texts);
  if (fields.length === 0) return <p className="muted">It takes none.</p>;
  return (
    <div className="stack">
      {fields.map((field) => (
        <div key={field.name} className="field">
          <label htmlFor={`param-${field.name}`}>
            {field.name}
            {!field.isRequired && <span className="muted"> (optional)</span>}
          </label>
          <Input
            field={field}
            text={texts[field.name] ?? field.initial}
            onChange={(text) => {
              onChange({ ...texts, [field.name]: text });
            }}
          />
          {(field.description ?? field.hint) && (
            <p className="muted small">
              {[field.description, field.hint].filter(Boolean).join("; ")}
            </p>
          )}
          {texts[field.name] !== undefined && faults[field.name] && (
            <p className="fault">{faults[field.name]}</p>
          )}
        </div>
      ))}
    </div>
  );
}

interface InputProps {
  readonly field: FormField;
  readonly text: string;
  readonly onChange: (text: string) => void;
}

function Input({ field, text, onChange }: InputProps) {
  const id = `param-${field.name}`;
  if (field.kind === "choice" || field.kind === "boolean") {
    const choices = field.kind === "boolean" ? ["true", "false"] : field.choices;
    return (
      <select
        id={id}
        value={text}
        onChange={(event) => {
          onChange(event.target.value);
        }}
      >
        <option value="">–</option>
        {choices.map((choice) => (
          <option key={choice}>{choice}</option>
        ))}
      </select>
    );
  }
  if (field.kind === "json") {
    return (
      <textarea
        id={id}
        className="mono"
        rows={3}
        spellCheck={false}
        value={text}
        onChange={(event) => {
          onChange(event.target.value);
        }}
      />
    );
  }
  return (
    <input
      id={id}
      inputMode={field.kind === "text" ? "text" : "decimal"}
      autoComplete="off"
      value={text}
      onChange={(event) => {
        onChange(event.target.value);
      }}
    />
  );
}
