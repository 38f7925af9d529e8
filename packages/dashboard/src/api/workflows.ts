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

/** To read thousands of nodes takes a while that a drag of their graph would feel. */
const LARGE_NODES = 500;

/**
 * Fast while something can still change; what has ended changes by a rerun only. Not below the key
 * that live events make old: each task of any workflow would have all nodes of this one read anew.
 */
export function dagQuery(api: Api, workflowId: string) {
  return queryOptions({
    queryKey: ["workflow-dag", workflowId],
    queryFn: ({ signal }) =>
      api.client.call("getWorkflowDag", { params: { workflow_id: workflowId } }, { signal }),
    refetchInterval: ({ state: { data } }) => {
      if (data?.workflow.status !== "running") return 30_000;
      return data.nodes.length > LARGE_NODES ? 5_000 : 2_000;
    },
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
