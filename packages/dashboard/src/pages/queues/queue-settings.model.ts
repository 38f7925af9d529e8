/** A queue's settings as a form has them, and the change that a form asks for. */
import type { Queue } from "@contimg/contract";
import { queueSettings } from "@contimg/contract";

export type SettingName = keyof typeof queueSettings.shape;

export interface SettingsForm {
  readonly pending_max: string;
  readonly running_max: string;
  readonly weight: string;
  readonly priority_mode: Queue["priority_mode"];
  readonly aging_seconds: string;
}

export type SettingsChange = Partial<
  Pick<Queue, "pending_max" | "running_max" | "weight" | "priority_mode" | "aging_seconds">
>;

const MEANING: Readonly<Record<SettingName, string>> = {
  pending_max: "a whole number from 1, or nothing for no limit",
  running_max: "a whole number from 1, or nothing for no limit",
  weight: "a whole number from 1 to 1,000, or nothing",
  priority_mode: "strict or aging",
  aging_seconds: "seconds above 0, up to 1e9",
};

export function formOf(queue: Queue): SettingsForm {
  return {
    pending_max: textOf(queue.pending_max),
    running_max: textOf(queue.running_max),
    weight: textOf(queue.weight),
    priority_mode: queue.priority_mode,
    aging_seconds: String(queue.aging_seconds),
  };
}

function textOf(value: number | null): string {
  return value === null ? "" : String(value);
}

/** What differs from how the queue is set now, or what cannot be read, by field. */
export function changeOf(
  queue: Queue,
  form: SettingsForm,
):
  | { readonly change: SettingsChange; readonly faults?: undefined }
  | { readonly change?: undefined; readonly faults: Partial<Record<SettingName, string>> } {
  const parsed = queueSettings.safeParse({
    pending_max: numberOf(form.pending_max),
    running_max: numberOf(form.running_max),
    weight: numberOf(form.weight),
    priority_mode: form.priority_mode,
    aging_seconds: numberOf(form.aging_seconds),
  });
  if (!parsed.success) {
    const faults: Partial<Record<SettingName, string>> = {};
    for (const name of queueSettings.keyof().options) {
      if (parsed.error.issues.some((issue) => issue.path[0] === name)) {
        faults[name] = `expected ${MEANING[name]}`;
      }
    }
    return { faults };
  }
  const { data } = parsed;
  return {
    change: {
      ...(data.pending_max === queue.pending_max ? {} : { pending_max: data.pending_max }),
      ...(data.running_max === queue.running_max ? {} : { running_max: data.running_max }),
      ...(data.weight === queue.weight ? {} : { weight: data.weight }),
      ...(data.priority_mode === queue.priority_mode ? {} : { priority_mode: data.priority_mode }),
      ...(data.aging_seconds === queue.aging_seconds ? {} : { aging_seconds: data.aging_seconds }),
    },
  };
}

/** NaN, which no schema takes, of what is no number. */
function numberOf(text: string): number | null {
  return text.trim() === "" ? null : Number(text);
}
