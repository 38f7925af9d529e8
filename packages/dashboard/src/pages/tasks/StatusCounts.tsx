/** How many tasks fit the filter, by status: buttons that ask for a status, or no more. */
import { useQuery } from "@tanstack/react-query";
import { TASK_STATUSES, type TaskStatus } from "@contimg/contract";

import { useApi } from "../../api/api.tsx";
import { taskCountsQuery } from "../../api/tasks.ts";
import { STATUS_LABEL, StatusIcon } from "../../components/StatusBadge.tsx";
import { formatCompact, formatCounted, NONE } from "../../format/quantity.ts";
import { statusesOf, toggleStatus, withoutStatus } from "./tasks.model.ts";

interface StatusCountsProps {
  readonly q: string;
  readonly onChange: (q: string) => void;
}

export function StatusCounts({ q, onChange }: StatusCountsProps) {
  const api = useApi();
  const { data } = useQuery(taskCountsQuery(api, withoutStatus(q)));
  const chosen = statusesOf(q);
  return (
    <div className="status-counts" role="group" aria-label="Tasks that fit, by status">
      {TASK_STATUSES.map((status) => (
        <button
          key={status}
          className="status-count"
          aria-pressed={chosen.has(status)}
          title={data && titleOf(status, data.counts[status], data.at_least.includes(status))}
          onClick={() => {
            onChange(toggleStatus(q, status));
          }}
        >
          <StatusIcon tone={status} />
          {STATUS_LABEL[status]}
          <strong className="number">
            {data ? formatCompact(data.counts[status]) : NONE}
            {data?.at_least.includes(status) ? "+" : ""}
          </strong>
        </button>
      ))}
    </div>
  );
}

function titleOf(status: TaskStatus, count: number, isAtLeast: boolean): string {
  return `${formatCounted(count, isAtLeast)} ${STATUS_LABEL[status].toLowerCase()}`;
}
