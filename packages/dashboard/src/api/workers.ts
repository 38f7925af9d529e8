/** Which tasks run far over their usual time; the workers themselves are in names.ts. */
import { queryOptions } from "@tanstack/react-query";

import type { Api } from "./api.tsx";

/** The overview knows which tasks are stuck, and what is usual of their names. */
export function overviewQuery(api: Api) {
  return queryOptions({
    queryKey: ["overview"],
    queryFn: ({ signal }) => api.client.call("getOverview", undefined, { signal }),
    refetchInterval: () => api.pace(5_000),
  });
}
