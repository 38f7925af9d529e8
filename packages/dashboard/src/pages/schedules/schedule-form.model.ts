/** A schedule as a form has it, and the request that it makes, or what is wrong by field. */
import { OVERLAPS, type Schedule } from "@contimg/contract";

import type { Timing } from "../../api/schedules.ts";

export type Overlap = Schedule["overlap"];

export interface ScheduleForm {
  readonly name: string;
  readonly description: string;
  readonly kind: "cron" | "every";
  readonly cron: string;
  readonly timezone: string;
  readonly every: string;
  readonly target: "task" | "template";
  readonly taskName: string;
  readonly queueName: string;
  readonly templateName: string;
  readonly params: string;
  readonly overlap: Overlap;
  readonly paused: boolean;
}

export type ScheduleField = keyof ScheduleForm;
export type Faults = Partial<Record<ScheduleField, string>>;

export const NEW_SCHEDULE: ScheduleForm = {
  name: "",
  description: "",
  kind: "cron",
  cron: "0 3 * * *",
  timezone: "UTC",
  every: "3600",
  target: "task",
  taskName: "",
  queueName: "",
  templateName: "",
  params: "{}",
  overlap: "skip",
  paused: false,
};

export const OVERLAP_WORDS: Readonly<Record<Overlap, string>> = {
  skip: "skip: leave the new one out",
  bufferOne: "bufferOne: keep one for later",
  bufferAll: "bufferAll: keep all for later",
  cancelOther: "cancelOther: cancel the one that runs",
  allow: "allow: run both",
};

export function overlapOf(text: string): Overlap {
  return OVERLAPS.find((each) => each === text) ?? "skip";
}

export function scheduleFormOf(schedule: Schedule): ScheduleForm {
  return {
    name: schedule.name,
    description: schedule.description ?? "",
    kind: schedule.cron_expression === null ? "every" : "cron",
    cron: schedule.cron_expression ?? NEW_SCHEDULE.cron,
    timezone: schedule.timezone,
    every: String(schedule.every_seconds ?? NEW_SCHEDULE.every),
    target: schedule.template_name === null ? "task" : "template",
    taskName: schedule.task_name ?? "",
    queueName: schedule.queue_name ?? "",
    templateName: schedule.template_name ?? "",
    params: JSON.stringify(schedule.params, null, 2),
    overlap: schedule.overlap,
    paused: schedule.state === "paused",
  };
}

/** Undefined while it cannot be one. */
export function timingOf(form: ScheduleForm): Timing | undefined {
  const timezone = form.timezone.trim() || "UTC";
  if (form.kind === "cron") {
    const cron = form.cron.trim();
    return cron === "" ? undefined : { cron, everySeconds: undefined, timezone };
  }
  const everySeconds = Number(form.every);
  return everySeconds > 0 ? { cron: undefined, everySeconds, timezone } : undefined;
}

export interface ScheduleRequest {
  readonly description?: string;
  readonly cron_expression?: string;
  readonly every_seconds?: number;
  readonly timezone: string;
  readonly task_name?: string;
  readonly queue_name?: string;
  readonly template_name?: string;
  readonly params: Record<string, never>;
  readonly overlap: Overlap;
}

/** What both a new schedule and a change of one say. */
export function requestOf(
  form: ScheduleForm,
):
  | { readonly request: ScheduleRequest; readonly faults?: undefined }
  | { readonly request?: undefined; readonly faults: Faults } {
  const faults: Record<string, string> = {};
  if (form.name.trim() === "") faults["name"] = "expected a name";
  const timing = timingOf(form);
  if (!timing) {
    faults[form.kind] = form.kind === "cron" ? "expected five fields" : "expected seconds above 0";
  }
  const target = form.target === "task" ? form.taskName.trim() : form.templateName.trim();
  if (target === "") {
    faults[form.target === "task" ? "taskName" : "templateName"] = `expected a ${form.target}`;
  }
  const params = objectOf(form.params);
  if (!params) faults["params"] = "expected a JSON object, such as {}";
  if (!timing || !params || Object.keys(faults).length > 0) return { faults };
  return {
    request: {
      ...(form.description.trim() === "" ? {} : { description: form.description.trim() }),
      ...(timing.cron === undefined ? {} : { cron_expression: timing.cron }),
      ...(timing.everySeconds === undefined ? {} : { every_seconds: timing.everySeconds }),
      timezone: timing.timezone,
      ...(form.target === "task" ? { task_name: target } : { template_name: target }),
      ...(form.target === "task" && form.queueName.trim() !== ""
        ? { queue_name: form.queueName.trim() }
        : {}),
      params,
      overlap: form.overlap,
    },
  };
}

function objectOf(text: string): Record<string, never> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    // JSON.parse makes nothing but JSON, which is what the contract wants of the members.
    return isObject ? (value as Record<string, never>) : undefined;
  } catch {
    return undefined;
  }
}

/** datetime-local and the API's instants: both UTC, without and with Z. */
export function instantOf(text: string): string | undefined {
  if (text === "") return undefined;
  const instant = new Date(`${text}Z`);
  return Number.isNaN(instant.getTime()) ? undefined : instant.toISOString();
}
