/** What the pages ask about workers: who is there, and which tasks run far over their usual time. */
import { queryOptions } from "@tanstack/react-query";

import type { Api } from "./api.tsx";

export function workersQuery(api: Api) {
  return queryOptions({
    queryKey: ["workers", "list"],
    queryFn: ({ signal }) => api.client.call("listWorkers", undefined, { signal }),
    refetchInterval: () => api.pace(5_000),
  });
}

/** The overview knows which tasks are stuck, and what is usual of their names. */
export function overviewQuery(api: Api) {
  return queryOptions({
    queryKey: ["overview"],
    queryFn: ({ signal }) => api.client.call("getOverview", undefined, { signal }),
    refetchInterval: () => api.pace(5_000),
  });
}
