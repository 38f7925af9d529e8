/** Tasks as text for people. */
import type { QueueStats, TaskSummary } from "@contimg/absurd";
import { TASK_STATUSES } from "@contimg/absurd";

import { formatTable } from "../terminal.ts";

export function formatTasks(tasks: readonly TaskSummary[]): string {
  return formatTable(
    ["TASK", "NAME", "QUEUE", "STATUS", "ATTEMPT", "CREATED", "RUN s", "ERROR"],
    tasks.map((task) => [
      task.taskId,
      task.taskName,
      task.queue,
      task.status,
      `${task.attempt}/${task.maxRetries + 1}`,
      formatTime(task.createdAt),
      task.executionSeconds?.toFixed(2) ?? "",
      firstLine(task.error?.message ?? ""),
    ]),
  );
}

export function formatStats(stats: readonly QueueStats[]): string {
  return formatTable(
    ["QUEUE", ...TASK_STATUSES.map((status) => status.toUpperCase()), "TOTAL"],
    stats.map((each) => [each.queue, ...TASK_STATUSES.map((status) => each[status]), each.total]),
  );
}

/** UTC to the second. */
export function formatTime(time: Date | null): string {
  return time === null ? "" : time.toISOString().slice(0, 19) + "Z";
}

function firstLine(text: string): string {
  const line = text.split("\n")[0] ?? "";
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}
