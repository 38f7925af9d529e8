/** What needs a person now, most urgent first. Pure. */
import type { Alert, Overview } from "@contimg/contract";

import { formatCount, formatCountOf, formatDuration } from "../../format/quantity.ts";

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
  const { health, open_failures: failures, stuck, held, workers } = overview;
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
      title: `${task.task_name} runs for ${formatDuration(task.running_seconds)}, usually ${formatDuration(task.usual_seconds)}`,
      remedy: "Read its log; cancel it when it hangs.",
      page: `/tasks/${task.task_id}`,
      link: "Task",
    });
  }
  if (held > 0) {
    needs.push({
      key: "held",
      level: "warning",
      title: `${formatCountOf(held, "task")} held for a person's word`,
      remedy: "They go on when their event is emitted.",
      page: "/tasks?q=status%3Apending%2Cretrying",
      link: "Tasks",
    });
  }
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

/** "12 waiting, drained in 4 min" */
export function backlogText({ backlog, drains_in_seconds: seconds }: Overview): string {
  if (backlog === 0) return "Nothing waits";
  const count = formatCount(backlog);
  if (seconds === null) return `${count} wait, and more come than go`;
  return `${count} wait, done in ${formatDuration(seconds)}`;
}
