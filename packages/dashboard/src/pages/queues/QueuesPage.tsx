/** Queues: how much waits in each, how fast it goes, when it is empty, what is paused. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import type { Queue } from "@contimg/contract";
import { useCallback } from "react";

import { useApi } from "../../api/api.tsx";
import { queuesQuery } from "../../api/queues.ts";
import { type Column, DataTable } from "../../components/DataTable.tsx";
import { FilterBar } from "../../components/FilterBar.tsx";
import { Instant } from "../../components/Instant.tsx";
import { Page } from "../../components/Page.tsx";
import { Badge } from "../../components/StatusBadge.tsx";
import { EmptyState, QueryRegion } from "../../components/states.tsx";
import { formatCount, formatCountOf, formatRate } from "../../format/quantity.ts";
import { useQueueActions } from "./queue-actions.tsx";
import { drainText, filterQueues, needsAttention, stateOf } from "./queues.model.ts";
import { queuesRoute } from "./route.ts";

export function QueuesPage() {
  const { name } = queuesRoute.useSearch();
  const navigate = queuesRoute.useNavigate();
  const query = useQuery(queuesQuery(useApi()));
  return (
    <Page title="Queues" isFull>
      <div className="page-filters">
        <FilterBar
          label="Filter queues by name"
          placeholder="part of a name"
          value={name}
          onApply={(text) => void navigate({ search: { name: text } })}
        />
      </div>
      <QueryRegion query={query} lines={6}>
        {(queues) => <QueueTable queues={filterQueues(queues, name)} isFiltered={name !== ""} />}
      </QueryRegion>
    </Page>
  );
}

function QueueTable({ queues, isFiltered }: { queues: readonly Queue[]; isFiltered: boolean }) {
  const navigate = useNavigate();
  const actions = useQueueActions();
  const open = useCallback(
    (queue: Queue) => void navigate({ to: "/queues/$name", params: { name: queue.queue_name } }),
    [navigate],
  );
  if (queues.length === 0) {
    return (
      <EmptyState title={isFiltered ? "No queue of such a name" : "No queues yet"}>
        {!isFiltered && "A queue is there as soon as a task is spawned into it."}
      </EmptyState>
    );
  }
  return (
    <>
      <DataTable
        name="queues"
        label="Queues"
        isMain
        columns={COLUMNS}
        rows={queues}
        keyOf={keyOf}
        onOpen={open}
        actionsOf={actions.itemsOf}
        head={<span className="muted">{formatCountOf(queues.length, "queue")}</span>}
      />
      {actions.dialog}
    </>
  );
}

const keyOf = (queue: Queue): string => queue.queue_name;

const COLUMNS: readonly Column<Queue>[] = [
  {
    id: "name",
    header: "Queue",
    width: 150,
    grows: true,
    isEssential: true,
    sortValue: keyOf,
    cell: (queue) => (
      <Link to="/queues/$name" params={{ name: queue.queue_name }}>
        {queue.queue_name}
      </Link>
    ),
  },
  {
    id: "state",
    header: "State",
    width: 112,
    isEssential: true,
    sortValue: (queue) => stateOf(queue).word,
    cell: (queue) => <Badge tone={stateOf(queue).tone}>{stateOf(queue).word}</Badge>,
  },
  count("ready", "Ready", true),
  count("running", "Running"),
  count("deferred", "Deferred"),
  count("waiting", "Waiting"),
  {
    id: "oldest",
    header: "Oldest ready",
    width: 112,
    sortValue: (queue) => (queue.oldest_at === null ? null : Date.parse(queue.oldest_at)),
    cell: (queue) => <Instant at={queue.oldest_at} ago />,
  },
  {
    id: "throughput",
    header: "Throughput",
    width: 116,
    align: "right",
    sortValue: (queue) => queue.throughput_per_second,
    cell: (queue) => formatRate(queue.throughput_per_second),
  },
  {
    id: "drains",
    header: "Drains in",
    width: 128,
    align: "right",
    sortValue: (queue) => queue.drains_in_seconds,
    cell: (queue) => (
      <span className={needsAttention(queue) ? "warn-text" : undefined}>{drainText(queue)}</span>
    ),
  },
  {
    id: "limit",
    header: "At once",
    width: 90,
    align: "right",
    isExtra: true,
    sortValue: (queue) => queue.running_max,
    cell: (queue) => (queue.running_max === null ? "no limit" : formatCount(queue.running_max)),
  },
];

function count(
  id: "ready" | "running" | "deferred" | "waiting",
  header: string,
  isEssential = false,
): Column<Queue> {
  return {
    id,
    header,
    width: 84,
    align: "right",
    isEssential,
    sortValue: (queue) => queue[id],
    cell: (queue) => formatCount(queue[id]),
  };
}
