/** One queue: what it holds now, how it went over time, what is set. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Queue } from "@contimg/contract";
import { type ReactNode, useState } from "react";

import { useApi } from "../../api/api.tsx";
import { queuesQuery } from "../../api/queues.ts";
import { Instant } from "../../components/Instant.tsx";
import { Page } from "../../components/Page.tsx";
import { Badge } from "../../components/StatusBadge.tsx";
import { EmptyState, QueryRegion } from "../../components/states.tsx";
import { formatCount, formatDuration, formatRate } from "../../format/quantity.ts";
import { useMay } from "../../session/session.tsx";
import { useQueueActions } from "./queue-actions.tsx";
import { QueueHistory } from "./QueueHistory.tsx";
import { QueueSettingsDialog } from "./QueueSettingsDialog.tsx";
import { drainText, needsAttention, stateOf } from "./queues.model.ts";
import { queueRoute } from "./route.ts";
import "./queues.css";

export function QueuePage() {
  const { name } = queueRoute.useParams();
  const query = useQuery(queuesQuery(useApi()));
  const queue = query.data?.find((each) => each.queue_name === name);
  const actions = useQueueActions();
  return (
    <Page
      title={`Queue ${name}`}
      heading={
        <>
          <Link to="/queues">Queues</Link> <span className="muted">/</span> {name}
          {queue && <Badge tone={stateOf(queue).tone}>{stateOf(queue).word}</Badge>}
        </>
      }
      actions={
        queue &&
        actions.itemsOf(queue).map((item) => (
          <button key={item.label} onClick={item.run}>
            {item.label}
          </button>
        ))
      }
    >
      <div className="stack">
        <QueryRegion query={query} lines={6}>
          {() => (queue ? <QueueNow queue={queue} /> : <NoQueue name={name} />)}
        </QueryRegion>
        <QueueHistory name={name} />
      </div>
      {actions.dialog}
    </Page>
  );
}

function NoQueue({ name }: { name: string }) {
  return (
    <EmptyState title={`There is no queue "${name}" now`}>
      A queue is there as soon as a task is spawned into it. Its past, if it has one, is below.
    </EmptyState>
  );
}

function QueueNow({ queue }: { queue: Queue }) {
  return (
    <>
      <section aria-label="Now" className="figures">
        <Figure label="Ready" q={`queue:"${queue.queue_name}" status:pending`}>
          {formatCount(queue.ready)}
        </Figure>
        <Figure label="Running" q={`queue:"${queue.queue_name}" status:claimed`}>
          {formatCount(queue.running)}
        </Figure>
        <Figure label="Deferred">{formatCount(queue.deferred)}</Figure>
        <Figure label="Waiting for others">{formatCount(queue.waiting)}</Figure>
        <Figure label="Oldest ready">
          <Instant at={queue.oldest_at} ago />
        </Figure>
        <Figure label="Throughput">{formatRate(queue.throughput_per_second)}</Figure>
        <Figure label="Drains in">
          <span className={needsAttention(queue) ? "warn-text" : undefined}>
            {drainText(queue)}
          </span>
        </Figure>
      </section>
      <QueueSettings queue={queue} />
    </>
  );
}

function Figure({ label, q, children }: { label: string; q?: string; children: ReactNode }) {
  return (
    <div className="figure panel">
      <p className="muted small">{label}</p>
      <p className="figure-value">
        {q === undefined ? (
          children
        ) : (
          <Link to="/tasks" search={{ q }}>
            {children}
          </Link>
        )}
      </p>
    </div>
  );
}

function QueueSettings({ queue }: { queue: Queue }) {
  const [isEditing, setEditing] = useState(false);
  const mayOperate = useMay("operator");
  const limit = (value: number | null) => (value === null ? "no limit" : formatCount(value));
  return (
    <section className="panel" aria-labelledby="settings-title">
      <header>
        <h2 id="settings-title" className="grow">
          Settings
        </h2>
        {mayOperate && (
          <button
            onClick={() => {
              setEditing(true);
            }}
          >
            Edit
          </button>
        )}
      </header>
      <dl className="body facts queue-facts">
        <dt>Ready at most</dt>
        <dd>{limit(queue.pending_max)}</dd>
        <dt>Running at once</dt>
        <dd>{limit(queue.running_max)}</dd>
        <dt>Weight</dt>
        <dd>{queue.weight === null ? "one line with the others" : formatCount(queue.weight)}</dd>
        <dt>Priority</dt>
        <dd>
          {queue.priority_mode === "strict"
            ? "strict: the more urgent always first"
            : `aging: ${formatDuration(queue.aging_seconds)} of waiting outweigh one priority`}
        </dd>
      </dl>
      {isEditing && (
        <QueueSettingsDialog
          queue={queue}
          onClose={() => {
            setEditing(false);
          }}
        />
      )}
    </section>
  );
}
