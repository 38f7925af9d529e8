/** What needs a person now, most urgent first: of the overview, the title and the icon. Pure. */
import type { Alert, Overview } from "@contimg/contract";

import { formatCountOf, formatDuration, formatUsual } from "../format/quantity.ts";

export interface Need {
  readonly key: string;
  readonly level: "critical" | "warning";
  readonly title: string;
  /** What to do next. */
  readonly remedy: string;
  /** Below the base of the pages, with its query. */
  readonly page: string;
  readonly link: string;
}

export function needsOf(overview: Overview): readonly Need[] {
  const { health, open_failures: failures, stuck, workers } = overview;
  const alerts = [...health.alerts, ...health.warnings].map(needOfAlert);
  const needs: Need[] = [...alerts];
  if (failures.groups > 0) {
    needs.push({
      key: "failures",
      level: "warning",
      title: `${formatCountOf(failures.tasks, "failed task")} in ${formatCountOf(failures.groups, "group")} that nobody looked at`,
      remedy: "See what they have in common; mend it, then replay them together.",
      page: "/failures",
      link: "Failures",
    });
  }
  for (const task of stuck.slice(0, 5)) {
    needs.push({
      key: task.task_id,
      level: "warning",
      title: `${task.task_name} runs for ${formatDuration(task.running_seconds)}, usually ${formatUsual(task.usual_seconds)}`,
      remedy: "Read its log; cancel it when it hangs.",
      page: `/tasks/${task.task_id}`,
      link: "Task",
    });
  }
  needs.push(...heldNeeds(overview));
  if (workers.away > 0 && !alerts.some((need) => need.key.startsWith("worker"))) {
    needs.push({
      key: "workers-away",
      level: "warning",
      title: `${formatCountOf(workers.away, "worker")} away`,
      remedy: "Its tasks go to others when its lease runs out; see whether its machine is up.",
      page: "/workers",
      link: "Workers",
    });
  }
  return needs.sort((a, b) => Number(b.level === "critical") - Number(a.level === "critical"));
}

function needOfAlert(alert: Alert): Need {
  return {
    key: `${alert.code} ${alert.page}`,
    level: alert.level,
    title: alert.message,
    remedy: alert.remedy,
    page: alert.page,
    link: "Look",
  };
}

/** Each by itself while they are few: who waits for a person's word is to be found at once. */
function heldNeeds({ held, held_tasks: tasks }: Overview): Need[] {
  const needs = tasks.map((task): Need => ({
    key: `held ${task.task_id}`,
    level: "warning",
    title: `${task.task_name} waits for the event ${task.awaited_event}`,
    remedy: `It goes on when somebody emits it: absurd emit ${task.awaited_event}`,
    page: `/tasks/${task.task_id}`,
    link: "Task",
  }));
  const more = held - tasks.length;
  if (more <= 0) return needs;
  return [
    ...needs,
    {
      key: "held more",
      level: "warning",
      title: `${formatCountOf(more, "more task")} held for an event`,
      remedy: "They are pending; the page of each says which event it awaits.",
      page: "/tasks?q=status%3Apending",
      link: "Tasks",
    },
  ];
}
