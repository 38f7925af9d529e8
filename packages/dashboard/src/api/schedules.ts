/** What the pages ask about schedules: the list, one, its instants to come and those past. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import type { Api } from "./api.tsx";

export function schedulesQuery(api: Api) {
  return queryOptions({
    queryKey: ["schedules", "list"],
    queryFn: async ({ signal }) => {
      const answer = await api.client.call("listSchedules", undefined, { signal });
      return answer.schedules;
    },
    refetchInterval: () => api.pace(10_000),
  });
}

export function scheduleQuery(api: Api, name: string) {
  return queryOptions({
    queryKey: ["schedules", "one", name],
    queryFn: ({ signal }) => api.client.call("getSchedule", { params: { name } }, { signal }),
    refetchInterval: () => api.pace(10_000),
  });
}

export function nextFiringsQuery(api: Api, name: string, count: number) {
  return queryOptions({
    queryKey: ["schedules", "next", name, count],
    queryFn: async ({ signal }) => {
      const answer = await api.client.call(
        "listNextFirings",
        { params: { name }, query: { count } },
        { signal },
      );
      return answer.instants;
    },
    refetchInterval: () => api.pace(15_000),
  });
}

export function firingsQuery(api: Api, name: string, limit: number) {
  return queryOptions({
    queryKey: ["schedules", "firings", name, limit],
    queryFn: async ({ signal }) => {
      const answer = await api.client.call(
        "listFirings",
        { params: { name }, query: { limit } },
        { signal },
      );
      return answer.firings;
    },
    refetchInterval: () => api.pace(15_000),
  });
}

export interface Timing {
  readonly cron: string | undefined;
  readonly everySeconds: number | undefined;
  readonly timezone: string;
}

/** When a schedule that is being written would fire: asked anew as it is typed. */
export function previewQuery(api: Api, timing: Timing | undefined) {
  return queryOptions({
    queryKey: ["schedule-preview", timing],
    queryFn: ({ signal }) =>
      api.client.call(
        "previewSchedule",
        {
          body: {
            timezone: timing?.timezone ?? "UTC",
            count: 8,
            ...(timing?.cron === undefined ? {} : { cron_expression: timing.cron }),
            ...(timing?.everySeconds === undefined ? {} : { every_seconds: timing.everySeconds }),
          },
        },
        { signal },
      ),
    enabled: timing !== undefined,
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  });
}
