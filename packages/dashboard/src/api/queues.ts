/** What the pages ask about queues: depth and settings, pace over time, and the changes. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { ClientInput, ROUTES } from "@contimg/contract";

import type { Api } from "./api.tsx";

export function queuesQuery(api: Api) {
  return queryOptions({
    queryKey: ["queues", "detailed"],
    queryFn: async ({ signal }) => {
      const answer = await api.client.call("listQueues", undefined, { signal });
      return answer.queues;
    },
    refetchInterval: () => api.pace(5_000),
  });
}

export type Resolution = NonNullable<
  NonNullable<ClientInput<(typeof ROUTES)["getMetricsHistory"]>["query"]>["resolution"]
>;

export interface HistoryRange {
  readonly queueName?: string;
  readonly hours: number;
  readonly resolution: Resolution;
}

/** The last step is still filling, so it is asked for again every half minute. */
export function historyQuery(api: Api, { queueName, hours, resolution }: HistoryRange) {
  return queryOptions({
    queryKey: ["metrics-history", queueName ?? null, hours, resolution],
    queryFn: async ({ signal }) => {
      const query = { hours, resolution, ...(queueName ? { queue_name: queueName } : {}) };
      const answer = await api.client.call("getMetricsHistory", { query }, { signal });
      return answer.steps;
    },
    placeholderData: keepPreviousData,
    staleTime: 15_000,
    refetchInterval: 30_000,
  });
}
