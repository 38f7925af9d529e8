/** The columns of the list of tasks. */
import type { TaskSummary } from "@contimg/contract";

import type { Column } from "../../components/DataTable.tsx";
import { Elapsed } from "../../components/Elapsed.tsx";
import { Instant } from "../../components/Instant.tsx";
import { useNow } from "../../components/now.ts";
import { StatusBadge } from "../../components/StatusBadge.tsx";
import { TaskLink } from "../../components/TaskLink.tsx";
import { formatCount, formatDuration, formatId, NONE } from "../../format/quantity.ts";

type TaskColumn = Column<TaskSummary>;

const TASK: TaskColumn = {
  id: "task",
  header: "Task",
  width: 268,
  isEssential: true,
  cell: (task) => (
    <TaskLink taskId={task.task_id} title={task.task_id}>
      {task.task_name} <span className="task-id muted mono small">{formatId(task.task_id)}</span>
    </TaskLink>
  ),
};

const WHY: TaskColumn = {
  id: "error",
  header: "Error",
  width: 180,
  grows: true,
  cell: (task) =>
    task.error === null ? (
      ""
    ) : (
      <span title={task.error}>
        {task.error_tag && <strong>{task.error_tag} </strong>}
        <span className="muted">{task.error}</span>
      </span>
    ),
};

const OTHERS: readonly TaskColumn[] = [
  {
    id: "status",
    header: "Status",
    width: 126,
    isEssential: true,
    cell: (task) => <StatusBadge status={task.status} />,
  },
  { id: "queue", header: "Queue", width: 90, cell: (task) => task.queue_name },
  {
    id: "attempt",
    header: "Attempt",
    width: 72,
    align: "right",
    cell: (task) => `${formatCount(task.attempt)} of ${formatCount(task.max_retries + 1)}`,
  },
  { id: "worker", header: "Worker", width: 100, cell: (task) => task.worker_id ?? NONE },
  {
    id: "created",
    header: "Spawned",
    width: 92,
    cell: (task) => <Instant at={task.created_at} ago />,
  },
  {
    id: "wait",
    header: "Waited",
    width: 84,
    align: "right",
    cell: (task) =>
      task.claimed_at === null && task.completed_at === null ? (
        <Waiting since={task.available_at} />
      ) : (
        formatDuration(task.wait_time_sec)
      ),
  },
  {
    id: "run",
    header: "Ran",
    width: 76,
    align: "right",
    cell: (task) =>
      task.status === "claimed" && task.claimed_at !== null ? (
        <Elapsed since={task.claimed_at} />
      ) : (
        formatDuration(task.execution_time_sec)
      ),
  },
];

const EXTRAS: readonly TaskColumn[] = [
  {
    id: "priority",
    header: "Priority",
    width: 72,
    align: "right",
    isExtra: true,
    cell: (task) => formatCount(task.priority),
  },
  {
    id: "tags",
    header: "Tags",
    width: 140,
    isExtra: true,
    cell: (task) => task.tags.join(", ") || NONE,
  },
  {
    id: "class",
    header: "Error class",
    width: 100,
    isExtra: true,
    cell: (task) => task.error_class ?? NONE,
  },
  {
    id: "ended",
    header: "Ended",
    width: 130,
    isExtra: true,
    cell: (task) => <Instant at={task.completed_at} />,
  },
  {
    id: "available",
    header: "May run from",
    width: 130,
    isExtra: true,
    cell: (task) => <Instant at={task.available_at} />,
  },
  {
    id: "correlation",
    header: "Correlation",
    width: 150,
    isExtra: true,
    cell: (task) => task.correlation_id ?? NONE,
  },
  {
    id: "workflow",
    header: "Workflow",
    width: 100,
    isExtra: true,
    cell: (task) => (task.workflow_id ? <code>{formatId(task.workflow_id)}</code> : NONE),
  },
  {
    id: "id",
    header: "Id",
    width: 300,
    isExtra: true,
    cell: (task) => <code>{task.task_id}</code>,
  },
];

/** One that may not run yet waits for its time, not for a worker. */
function Waiting({ since }: { since: string }) {
  const isLater = Date.parse(since) > useNow().getTime();
  return isLater ? <Instant at={since} ago /> : <Elapsed since={since} />;
}

export const TASK_COLUMNS: readonly TaskColumn[] = [TASK, ...OTHERS, WHY, ...EXTRAS];
