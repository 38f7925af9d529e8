/** Schedules and firings as they are drawn. */
import type { Firing, Schedule } from "@contimg/contract";

import type { Tone } from "../../components/StatusBadge.tsx";

export interface Look {
  readonly word: string;
  readonly tone: Tone;
}

/** A schedule that could not be fired is worse than its state says. */
export function scheduleLook(schedule: Schedule): Look {
  if (schedule.error !== null) return { word: "Failing", tone: "failed" };
  switch (schedule.state) {
    case "active":
      return { word: "Active", tone: "claimed" };
    case "paused":
      return { word: "Paused", tone: "cancelled" };
    case "ended":
      return { word: "Ended", tone: "completed" };
  }
}

export const FIRING_LOOK: Readonly<Record<Firing["state"], Look>> = {
  spawned: { word: "Spawned", tone: "completed" },
  buffered: { word: "Buffered", tone: "pending" },
  skipped: { word: "Skipped", tone: "cancelled" },
  missed: { word: "Missed", tone: "retrying" },
  failed: { word: "Failed", tone: "failed" },
};

export const ORIGIN_WORD: Readonly<Record<Firing["origin"], string>> = {
  schedule: "by the clock",
  trigger: "by hand",
  backfill: "backfill",
};

/** The task or the template. */
export function targetOf(schedule: Schedule): string {
  if (schedule.template_name !== null) return `template ${schedule.template_name}`;
  return schedule.task_name ?? "";
}

export function filterSchedules(
  schedules: readonly Schedule[],
  { find, state }: { readonly find: string; readonly state: string },
): readonly Schedule[] {
  const wanted = find.trim().toLowerCase();
  return schedules.filter((schedule) => {
    if (state === "error" ? schedule.error === null : state !== "" && schedule.state !== state) {
      return false;
    }
    return `${schedule.name}\n${targetOf(schedule)}`.toLowerCase().includes(wanted);
  });
}
