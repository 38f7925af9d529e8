/** Why a task failed, and what can be done: the hint and the runbook of its kind of failure. */
import { useQuery } from "@tanstack/react-query";
import type { ErrorRecord, Task } from "@contimg/contract";
import { Link } from "@tanstack/react-router";

import { useApi } from "../../api/api.tsx";
import { failureGroupsQuery } from "../../api/failure-groups.ts";
import { formatCountOf } from "../../format/quantity.ts";
import { withTerm } from "../tasks/tasks.model.ts";
import { ErrorDetail } from "./ErrorDetail.tsx";

export function TaskError({ task, error }: { task: Task; error: ErrorRecord }) {
  const { data: groups } = useQuery(failureGroupsQuery(useApi()));
  const alike = groups?.find(
    (group) => group.task_name === task.task_name && group.error_tag === error.tag,
  );
  const q = withTerm(withTerm("status:failed", "name", task.task_name), "error", error.tag);
  return (
    <section className="panel task-error">
      <header>
        <h2 className="grow">Why it failed</h2>
        <Link to="/tasks" search={{ q }} className="small">
          {alike
            ? `${formatCountOf(alike.count, "task")} failed like it`
            : "Tasks that failed like it"}
        </Link>
      </header>
      {alike?.hint && (
        <p className="task-hint">
          <strong>What to do: </strong>
          {alike.hint}{" "}
          {alike.runbook_url && (
            <a href={alike.runbook_url} target="_blank" rel="noreferrer">
              Runbook
            </a>
          )}
        </p>
      )}
      <ErrorDetail error={error} />
    </section>
  );
}
