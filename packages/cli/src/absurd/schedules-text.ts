/** Schedules as text for people. */
import type { FireView, ScheduleSpec, ScheduleView } from "@contimg/absurd";

import { formatTable } from "../terminal.ts";
import { formatTime } from "./task-text.ts";

export function formatSchedules(schedules: readonly ScheduleView[]): string {
  return formatTable(
    ["NAME", "SPEC", "TASK", "OVERLAP", "NEXT", "NOTE"],
    schedules.map((each) => [
      each.name,
      formatSpec(each.spec),
      spawnedBy(each),
      each.overlap,
      each.paused ? "paused" : formatTime(each.nextAt),
      each.error ?? each.note ?? "",
    ]),
  );
}

export function formatSchedule(schedule: ScheduleView, fires: readonly FireView[]): string {
  const lines: [string, string | null][] = [
    ["schedule", schedule.name],
    ["spec", formatSpec(schedule.spec)],
    ["spawns", JSON.stringify(schedule.spawn)],
    ["overlap", schedule.overlap],
    ["catch up", `${schedule.catchUp} of the last ${schedule.catchUpSeconds} s`],
    ["jitter", schedule.jitterSeconds > 0 ? `${schedule.jitterSeconds} s` : null],
    ["from", schedule.startsAt && formatTime(schedule.startsAt)],
    ["until", schedule.endsAt && formatTime(schedule.endsAt)],
    ["remaining", schedule.remaining === null ? null : String(schedule.remaining)],
    ["next", schedule.paused ? "paused" : formatTime(schedule.nextAt) || "over"],
    ["note", schedule.note],
    ["error", schedule.error],
  ];
  const text = lines.flatMap(([name, value]) =>
    value === null ? [] : [`${name.padEnd(10)}${value}`],
  );
  return [...text, ...(fires.length > 0 ? [formatFires(fires)] : [])].join("\n");
}

export function formatFires(fires: readonly FireView[]): string {
  return formatTable(
    ["INSTANT", "ORIGIN", "STATE", "TASK", "REASON"],
    fires.map((each) => [
      formatTime(each.fireAt),
      each.origin,
      each.state,
      each.taskId ?? (each.workflowId === null ? "" : `workflow ${each.workflowId}`),
      each.missedBefore ? `and all before ${formatTime(each.missedBefore)}` : (each.reason ?? ""),
    ]),
  );
}

/** UTC, and what the wall of the schedule's zone shows then. */
export function formatInstants(instants: readonly Date[], spec: ScheduleSpec | null): string {
  const timeZone = spec && "cron" in spec ? (spec.timeZone ?? "UTC") : "UTC";
  const wall = new Intl.DateTimeFormat("sv-SE", {
    timeZone,
    dateStyle: "short",
    timeStyle: "long",
  });
  return instants.map((each) => `${formatTime(each)}  ${wall.format(each)}`).join("\n");
}

function formatSpec(spec: ScheduleSpec | null): string {
  if (spec === null) return "invalid";
  if ("cron" in spec) return `${spec.cron} ${spec.timeZone ?? "UTC"}`;
  return `every ${spec.everySeconds} s`;
}

function spawnedBy(schedule: ScheduleView): string {
  const { task_name: task, template } = schedule.spawn;
  if (typeof template === "string") return `template ${template}`;
  return typeof task === "string" ? task : "";
}
