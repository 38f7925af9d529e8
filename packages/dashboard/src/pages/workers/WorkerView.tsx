/** One worker: state, slots, machine, and what it runs. */
import { Link } from "@tanstack/react-router";
import type { Worker } from "@contimg/contract";

import { Instant } from "../../components/Instant.tsx";
import { Menu, type MenuItem } from "../../components/Menu.tsx";
import { useNow } from "../../components/now.ts";
import { Badge } from "../../components/StatusBadge.tsx";
import { formatBytes, formatCount, formatDuration, NONE } from "../../format/quantity.ts";
import { type RunningTask, WORKER_LOOK, type WorkerCard } from "./workers.model.ts";

/** Beyond it, slots are a bar, not blocks. */
const BLOCKS_MAX = 16;
const NAMES_SHOWN = 4;

export function WorkerView(props: { card: WorkerCard; actions: readonly MenuItem[] }) {
  const { card, actions } = props;
  const { worker, tasks, troubles } = card;
  const { word, tone } = WORKER_LOOK[worker.state];
  return (
    <li className={troubles.length > 0 ? "panel worker is-troubled" : "panel worker"}>
      <header>
        <h2 className="grow clip" title={worker.worker_id}>
          {worker.worker_id}
        </h2>
        <Badge tone={tone}>{word}</Badge>
        {actions.length > 0 && (
          <Menu
            className="plain icon"
            label="⋯"
            name={`Actions of worker ${worker.worker_id}`}
            items={actions}
          />
        )}
      </header>
      <div className="body stack">
        {troubles.map((trouble) => (
          <p key={trouble} className="worker-trouble">
            <span aria-hidden="true">⚠</span> {trouble}
          </p>
        ))}
        <Slots worker={worker} />
        <Running tasks={tasks} />
        <Facts worker={worker} />
      </div>
    </li>
  );
}

function Slots({ worker: { task_count: used, concurrency } }: { worker: Worker }) {
  const text = `${formatCount(used)} of ${formatCount(concurrency)} slots used`;
  return (
    <div className="row">
      <span className="worker-slots" role="img" aria-label={text}>
        {concurrency <= BLOCKS_MAX ? (
          Array.from({ length: concurrency }, (_, index) => (
            <span key={index} className={index < used ? "slot is-used" : "slot"} />
          ))
        ) : (
          <span className="slot-bar">
            <span style={{ width: `${Math.min(1, used / concurrency) * 100}%` }} />
          </span>
        )}
      </span>
      <span className="small">{text}</span>
    </div>
  );
}

function Running({ tasks }: { tasks: readonly RunningTask[] }) {
  if (tasks.length === 0) return <p className="muted small">Runs nothing now.</p>;
  return (
    <ul className="worker-tasks">
      {tasks.map((task) => (
        <RunningRow key={task.taskId} task={task} />
      ))}
    </ul>
  );
}

function RunningRow({ task }: { task: RunningTask }) {
  const now = useNow();
  const seconds = Math.max(0, (now.getTime() - task.claimedAt.getTime()) / 1000);
  return (
    <li className="row">
      <Link to="/tasks/$taskId" params={{ taskId: task.taskId }} className="grow clip">
        {task.name}
      </Link>
      {task.attempt > 1 && <span className="muted small">attempt {formatCount(task.attempt)}</span>}
      <span className={task.usualSeconds === undefined ? "number" : "number danger-text"}>
        {formatDuration(Math.floor(seconds))}
      </span>
    </li>
  );
}

function Facts({ worker }: { worker: Worker }) {
  const names = worker.task_names;
  const shown = names.slice(0, NAMES_SHOWN).join(", ");
  const rest = names.length - NAMES_SHOWN;
  return (
    <dl className="facts small">
      <dt>Host</dt>
      <dd>
        {worker.host ?? NONE}
        {worker.pid !== null && `, process ${worker.pid}`}
      </dd>
      <dt>Version</dt>
      <dd>{worker.version || NONE}</dd>
      <dt>Memory</dt>
      <dd>{formatBytes(worker.memory_bytes)}</dd>
      <dt>Beat</dt>
      <dd>
        <Instant at={worker.last_seen} ago />, up{" "}
        {formatDuration(Math.floor(worker.uptime_seconds))}
      </dd>
      <dt>Queues</dt>
      <dd>{worker.queues.join(", ") || NONE}</dd>
      <dt>Runs</dt>
      <dd title={names.join(", ")}>
        {shown || NONE}
        {rest > 0 && ` and ${formatCount(rest)} more`}
      </dd>
    </dl>
  );
}
