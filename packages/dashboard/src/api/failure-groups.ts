/** Failures grouped by cause: reading them, and saying something of some. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import type { ClientInput, FailureGroup, ROUTES } from "@contimg/contract";

import { type Api, useApi } from "./api.tsx";

export type SaidOfGroup = NonNullable<ClientInput<(typeof ROUTES)["updateFailureGroup"]>["body"]>;

export function failureGroupsQuery(api: Api) {
  return queryOptions({
    queryKey: ["failures", "groups"],
    queryFn: async ({ signal }) =>
      (await api.client.call("listFailureGroups", undefined, { signal })).groups,
    refetchInterval: () => api.pace(10_000),
  });
}

/** The same of many groups, one after the other. What was said of each is seen at once. */
export function useSayOfGroups() {
  const api = useApi();
  const queries = useQueryClient();
  const { queryKey } = failureGroupsQuery(api);
  return useMutation({
    mutationFn: async (given: { fingerprints: readonly string[]; said: SaidOfGroup }) => {
      for (const fingerprint of given.fingerprints) {
        const updated = await api.client.call("updateFailureGroup", {
          params: { fingerprint },
          body: given.said,
        });
        queries.setQueryData<FailureGroup[]>(queryKey, (groups) =>
          groups?.map((group) => (group.fingerprint === fingerprint ? updated : group)),
        );
      }
    },
    onSettled: async () => {
      await queries.invalidateQueries({ queryKey: ["failures"] });
      await queries.invalidateQueries({ queryKey: ["overview"] });
    },
  });
}
