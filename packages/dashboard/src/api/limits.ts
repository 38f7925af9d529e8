/** Limits that tasks share, who uses them, and events that tasks wait for. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import type { ClientInput, Limit, ROUTES } from "@contimg/contract";

import { type Api, useApi } from "./api.tsx";

export type LimitName = Pick<Limit, "kind" | "name">;
export type LimitNumbers = ClientInput<(typeof ROUTES)["setLimit"]>["body"];
type EventBody = NonNullable<ClientInput<(typeof ROUTES)["emitEvent"]>["body"]>;

export function limitsQuery(api: Api) {
  return queryOptions({
    queryKey: ["limits", "list"],
    queryFn: async ({ signal }) => (await api.client.call("listLimits", {}, { signal })).limits,
    refetchInterval: () => api.pace(5_000),
  });
}

/** The first hundred holders and waiters. */
export function limitUsersQuery(api: Api, { kind, name }: LimitName) {
  return queryOptions({
    queryKey: ["limits", "users", kind, name],
    queryFn: ({ signal }) => api.client.call("getLimit", { params: { kind, name } }, { signal }),
    refetchInterval: () => api.pace(3_000),
  });
}

export function eventQuery(api: Api, name: string) {
  return queryOptions({
    queryKey: ["events", name],
    queryFn: ({ signal }) =>
      api.client.call("getEvent", { params: { event_name: name } }, { signal }),
    refetchInterval: 5_000,
  });
}

export function useLimitActions() {
  const { client } = useApi();
  const queries = useQueryClient();
  const onSettled = () => queries.invalidateQueries({ queryKey: ["limits"] });
  const set = useMutation({
    mutationFn: ({ kind, name, body }: LimitName & { body: LimitNumbers }) =>
      client.call("setLimit", { params: { kind, name }, body }),
    onSettled,
  });
  const remove = useMutation({
    mutationFn: ({ kind, name, reason }: LimitName & { reason: string | undefined }) =>
      client.call("removeLimit", {
        params: { kind, name },
        query: reason === undefined ? {} : { reason },
      }),
    onSettled,
  });
  return { set, remove };
}

export function useEmitEvent() {
  const { client } = useApi();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ name, body }: { name: string; body: EventBody }) =>
      client.call("emitEvent", { params: { event_name: name }, body }),
    onSettled: () => queries.invalidateQueries({ queryKey: ["events"] }),
  });
}
