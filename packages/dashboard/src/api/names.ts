/** Names that forms and completions offer: of queues, tasks, workers. */
import { queryOptions } from "@tanstack/react-query";

import type { Api } from "./api.tsx";

export function queueNamesQuery(api: Api) {
  return queryOptions({
    queryKey: ["queues", "names"],
    queryFn: ({ signal }) => api.client.call("listQueueNames", undefined, { signal }),
    staleTime: 60_000,
  });
}

/** Every version of every task name, with the JSON Schema of its params. */
export function taskNamesQuery(api: Api) {
  return queryOptions({
    queryKey: ["task-names"],
    queryFn: async ({ signal }) => {
      const answer = await api.client.call("listTaskNames", undefined, { signal });
      return answer.task_names;
    },
    staleTime: 60_000,
  });
}

export function workersQuery(api: Api) {
  return queryOptions({
    queryKey: ["workers", "list"],
    queryFn: ({ signal }) => api.client.call("listWorkers", undefined, { signal }),
    refetchInterval: () => api.pace(5_000),
  });
}
