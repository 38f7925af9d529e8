/** What the overview asks. */
import { queryOptions } from "@tanstack/react-query";

import type { Api } from "./api.tsx";

export function overviewQuery(api: Api) {
  return queryOptions({
    queryKey: ["overview"],
    queryFn: ({ signal }) => api.client.call("getOverview", undefined, { signal }),
    refetchInterval: () => api.pace(5_000),
  });
}

export type Resolution = "1m" | "5m" | "1h" | "6h" | "1d";

/** Ends, waits and run times over time; of one queue or task name when given. */
export function metricsHistoryQuery(
  api: Api,
  query: {
    readonly hours: number;
    readonly resolution: Resolution;
    readonly queue_name?: string;
    readonly task_name?: string;
  },
) {
  return queryOptions({
    queryKey: ["metrics-history", query],
    queryFn: async ({ signal }) =>
      (await api.client.call("getMetricsHistory", { query }, { signal })).steps,
    refetchInterval: 30_000,
  });
}
