/** What the pages ask about workflows: the list, one with its nodes, the last runs of a name. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { WorkflowSummary } from "@contimg/contract";

import type { Api } from "./api.tsx";

export interface WorkflowFilter {
  readonly name: string;
  readonly status: WorkflowSummary["status"] | undefined;
}

const PAGE_SIZE = 100;

export function workflowsQuery(api: Api, { name, status }: WorkflowFilter) {
  return infiniteQueryOptions({
    queryKey: ["workflows", "list", name, status ?? null],
    queryFn: ({ pageParam, signal }) =>
      api.client.call(
        "listWorkflows",
        {
          query: {
            limit: PAGE_SIZE,
            name: name === "" ? undefined : name,
            workflow_status: status,
            cursor: pageParam,
          },
        },
        { signal },
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: () => api.pace(5_000),
  });
}

/** Fast while something can still change; what has ended changes by a rerun only. */
export function dagQuery(api: Api, workflowId: string) {
  return queryOptions({
    queryKey: ["workflows", "dag", workflowId],
    queryFn: ({ signal }) =>
      api.client.call("getWorkflowDag", { params: { workflow_id: workflowId } }, { signal }),
    refetchInterval: ({ state }) =>
      state.data?.workflow.status === "running" ? api.pace(3_000) : 30_000,
  });
}

export function gridQuery(api: Api, name: string, limit: number) {
  return queryOptions({
    queryKey: ["workflows", "grid", name, limit],
    queryFn: async ({ signal }) => {
      const answer = await api.client.call(
        "getWorkflowGrid",
        { query: { name, limit } },
        { signal },
      );
      return answer.runs;
    },
    refetchInterval: () => api.pace(10_000),
  });
}
