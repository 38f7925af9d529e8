/** The relatives of a task: who spawned it, its children, what it waits for, what waits for it. */
import { useQuery } from "@tanstack/react-query";
import type { TaskSummary } from "@contimg/contract";
import { Link } from "@tanstack/react-router";

import { useApi } from "../../api/api.tsx";
import { lineageQuery } from "../../api/tasks.ts";
import { Instant } from "../../components/Instant.tsx";
import { QueryRegion } from "../../components/states.tsx";
import { StatusBadge } from "../../components/StatusBadge.tsx";
import { formatCount, formatId } from "../../format/quantity.ts";

export function LineageTab({ taskId }: { taskId: string }) {
  const query = useQuery(lineageQuery(useApi(), taskId));
  return (
    <QueryRegion query={query}>
      {(lineage) => (
        <div className="lineage">
          <Relatives title="Spawned by" tasks={lineage.parent ? [lineage.parent] : []} />
          <Relatives title="Waits for" tasks={lineage.depends_on} />
          <Relatives title="Wait for it" tasks={lineage.dependents} />
          <Relatives title="It spawned" tasks={lineage.children} />
        </div>
      )}
    </QueryRegion>
  );
}

function Relatives({ title, tasks }: { title: string; tasks: readonly TaskSummary[] }) {
  return (
    <section className="panel">
      <header>
        <h2 className="grow">{title}</h2>
        <span className="muted">{formatCount(tasks.length)}</span>
      </header>
      {tasks.length === 0 ? (
        <p className="body muted">None.</p>
      ) : (
        <ul className="relatives">
          {tasks.map((task) => (
            <li key={task.task_id} className="row">
              <StatusBadge status={task.status} />
              <Link
                to="/tasks/$taskId"
                params={{ taskId: task.task_id }}
                className="grow clip"
                title={task.task_id}
              >
                {task.task_name} <span className="muted mono small">{formatId(task.task_id)}</span>
              </Link>
              <span className="muted small">
                <Instant at={task.created_at} ago />
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
