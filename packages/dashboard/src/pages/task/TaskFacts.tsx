/** What is known of a task, in pairs. */
import type { Task } from "@contimg/contract";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { CopyButton } from "../../components/CopyButton.tsx";
import { Elapsed } from "../../components/Elapsed.tsx";
import { Instant } from "../../components/Instant.tsx";
import { formatCount, formatDuration, formatId, formatShare, NONE } from "../../format/quantity.ts";
import { withTerm } from "../tasks/tasks.model.ts";

export function TaskFacts({ task }: { task: Task }) {
  return (
    <dl className="facts body">
      <Fact name="Queue">
        <TasksOf field="queue" value={task.queue_name} />, priority {formatCount(task.priority)}
      </Fact>
      <Fact name="Attempt">
        {formatCount(task.attempt)} of {formatCount(task.max_retries + 1)}
      </Fact>
      <Fact name="Worker">
        {task.worker_id ? <TasksOf field="worker" value={task.worker_id} /> : NONE}
      </Fact>
      <Fact name="Spawned">
        <Instant at={task.created_at} full />
      </Fact>
      {task.run_at && (
        <Fact name="Runs from">
          <Instant at={task.run_at} full /> (<Instant at={task.run_at} ago />)
        </Fact>
      )}
      <Fact name="Waited">{formatDuration(task.wait_time_sec)}</Fact>
      <Fact name="Ran">
        {task.status === "claimed" && task.claimed_at ? (
          <Elapsed since={task.claimed_at} />
        ) : (
          formatDuration(task.execution_time_sec)
        )}
        {task.timeout_sec !== null && (
          <span className="muted"> of {formatDuration(task.timeout_sec)} at most</span>
        )}
      </Fact>
      {task.completed_at && (
        <Fact name="Ended">
          <Instant at={task.completed_at} full />
        </Fact>
      )}
      {task.progress && (
        <Fact name="Progress">
          <progress max={1} value={task.progress.fraction} aria-label="Progress" />{" "}
          {formatShare(task.progress.fraction)} {task.progress.note}
        </Fact>
      )}
      <MoreFacts task={task} />
      <Fact name="Id">
        <span className="task-id-line">
          <code>{task.task_id}</code>
          <CopyButton text={task.task_id} />
        </span>
      </Fact>
    </dl>
  );
}

function MoreFacts({ task }: { task: Task }) {
  return (
    <>
      {task.workflow_id && (
        <Fact name="Workflow">
          <TasksOf field="workflow" value={task.workflow_id} text={formatId(task.workflow_id)} />
        </Fact>
      )}
      {task.parent_task_id && (
        <Fact name="Spawned by">
          <Link to="/tasks/$taskId" params={{ taskId: task.parent_task_id }}>
            <code>{formatId(task.parent_task_id)}</code>
          </Link>
        </Fact>
      )}
      {task.tags.length > 0 && (
        <Fact name="Tags">
          {task.tags.map((tag, index) => (
            <span key={tag}>
              {index > 0 && ", "}
              <TasksOf field="tag" value={tag} />
            </span>
          ))}
        </Fact>
      )}
      {task.correlation_id && (
        <Fact name="Correlation">
          <TasksOf field="correlation" value={task.correlation_id} />
        </Fact>
      )}
      {task.idempotency_key && <Fact name="Idempotency key">{task.idempotency_key}</Fact>}
      {task.awaited_event && <Fact name="Awaits event">{task.awaited_event}</Fact>}
      {task.unmet_count !== null && task.unmet_count > 0 && (
        <Fact name="Waits for">{formatCount(task.unmet_count)} others</Fact>
      )}
    </>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function TasksOf({ field, value, text = value }: { field: string; value: string; text?: string }) {
  return (
    <Link to="/tasks" search={{ q: withTerm("", field, value) }} title="Tasks that have the same">
      {text}
    </Link>
  );
}
