/** Failures grouped by cause. */
import { queryOptions } from "@tanstack/react-query";

import type { Api } from "./api.tsx";

export function failureGroupsQuery(api: Api) {
  return queryOptions({
    queryKey: ["failures", "groups"],
    queryFn: async ({ signal }) =>
      (await api.client.call("listFailureGroups", undefined, { signal })).groups,
    refetchInterval: () => api.pace(10_000),
  });
}
