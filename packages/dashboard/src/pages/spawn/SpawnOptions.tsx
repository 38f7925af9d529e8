/** What else may be said of a spawn; what is left empty is as the task's definition has it. */
import type { SpawnBody } from "../../api/task-actions.ts";

const OPTIONS = [
  { key: "queue_name", label: "Queue", kind: "text" },
  { key: "priority", label: "Priority, higher first", kind: "number" },
  { key: "delay_seconds", label: "Delay, seconds", kind: "number" },
  { key: "max_retries", label: "Retries at most", kind: "number" },
  { key: "timeout_sec", label: "Time limit, seconds", kind: "number" },
  { key: "tags", label: "Tags, with commas", kind: "text" },
  { key: "correlation_id", label: "Correlation", kind: "text" },
] as const;

type OptionKey = (typeof OPTIONS)[number]["key"];
export type SpawnOptionTexts = Readonly<Partial<Record<OptionKey, string>>>;

interface SpawnOptionsProps {
  readonly texts: SpawnOptionTexts;
  readonly onChange: (texts: SpawnOptionTexts) => void;
}

export function SpawnOptions({ texts, onChange }: SpawnOptionsProps) {
  return (
    <details className="panel">
      <summary className="body">Queue, priority, delay, retries, tags</summary>
      <div className="body spawn-options">
        {OPTIONS.map(({ key, label, kind }) => (
          <div key={key} className="field">
            <label htmlFor={`option-${key}`}>{label}</label>
            <input
              id={`option-${key}`}
              type={kind}
              step="any"
              autoComplete="off"
              value={texts[key] ?? ""}
              onChange={(event) => {
                onChange({ ...texts, [key]: event.target.value });
              }}
            />
          </div>
        ))}
      </div>
    </details>
  );
}

export function optionsOf(texts: SpawnOptionTexts): Omit<SpawnBody, "task_name" | "params"> {
  const options: Record<string, string | number | string[]> = {};
  for (const { key, kind } of OPTIONS) {
    const text = texts[key]?.trim() ?? "";
    if (text === "") continue;
    if (key === "tags")
      options[key] = text
        .split(",")
        .map((tag) => tag.trim())
        .filter(Boolean);
    else options[key] = kind === "number" ? Number(text) : text;
  }
  return options;
}
