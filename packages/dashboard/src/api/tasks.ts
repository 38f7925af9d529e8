/** What pages ask about tasks: lists, counts, one task and all that belongs to it. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { Task, TaskStatus } from "@contimg/contract";

import type { Api } from "./api.tsx";

const PAGE_FIRST = 100;
const PAGE_NEXT = 500;

interface PageParam {
  readonly cursor: string | undefined;
  readonly limit: number;
}

const FIRST_PAGE: PageParam = { cursor: undefined, limit: PAGE_FIRST };

/** The list, page after page; kept as it is, and patched by live events. */
export function taskPagesQuery(api: Api, q: string) {
  return infiniteQueryOptions({
    queryKey: ["task-pages", q],
    initialPageParam: FIRST_PAGE,
    queryFn: ({ signal, pageParam: { cursor, limit } }) =>
      api.client.call(
        "listTasks",
        { query: { q, limit, ...(cursor === undefined ? {} : { cursor }) } },
        { signal },
      ),
    getNextPageParam: ({ next_cursor: cursor }): PageParam | null =>
      cursor === null ? null : { cursor, limit: PAGE_NEXT },
    staleTime: Infinity,
    // Reading 10^5 rows anew, because a window came to the front, would help nobody.
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
    gcTime: 60_000,
  });
}

/** The newest of the list, asked again and again: what is new, and what changed among them. */
export function taskHeadQuery(api: Api, q: string) {
  return queryOptions({
    queryKey: ["task-head", q],
    queryFn: ({ signal }) =>
      api.client.call("listTasks", { query: { q, limit: PAGE_FIRST } }, { signal }),
    refetchInterval: () => api.pace(3_000),
  });
}

export function taskCountsQuery(api: Api, q: string) {
  return queryOptions({
    queryKey: ["task-counts", q],
    queryFn: ({ signal }) => api.client.call("countTasks", { query: { q } }, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: () => api.pace(4_000),
  });
}

const MOVING: readonly TaskStatus[] = ["pending", "claimed", "retrying"];

export function isMoving(task: Pick<Task, "status"> | undefined): boolean {
  return task === undefined || MOVING.includes(task.status);
}

function paceOf(api: Api, task: Task | undefined): number {
  return isMoving(task) ? api.pace(2_000) : 60_000;
}

export function taskQuery(api: Api, taskId: string) {
  return queryOptions({
    queryKey: ["task", taskId, "detail"],
    queryFn: ({ signal }) =>
      api.client.call("getTask", { params: { task_id: taskId } }, { signal }),
    refetchInterval: ({ state }) => paceOf(api, state.data),
  });
}

export function attemptsQuery(api: Api, taskId: string) {
  return queryOptions({
    queryKey: ["task", taskId, "attempts"],
    queryFn: async ({ signal }) => {
      const input = { params: { task_id: taskId } };
      return (await api.client.call("listAttempts", input, { signal })).attempts;
    },
    refetchInterval: () => api.pace(5_000),
  });
}

export function stepsQuery(api: Api, taskId: string) {
  return queryOptions({
    queryKey: ["task", taskId, "steps"],
    queryFn: async ({ signal }) => {
      const input = { params: { task_id: taskId } };
      return (await api.client.call("listSteps", input, { signal })).steps;
    },
    refetchInterval: () => api.pace(5_000),
  });
}

export function lineageQuery(api: Api, taskId: string) {
  return queryOptions({
    queryKey: ["task", taskId, "lineage"],
    queryFn: ({ signal }) =>
      api.client.call("getLineage", { params: { task_id: taskId } }, { signal }),
    refetchInterval: () => api.pace(5_000),
  });
}

export function explainQuery(api: Api, taskId: string) {
  return queryOptions({
    queryKey: ["task", taskId, "explain"],
    queryFn: async ({ signal }) => {
      const input = { params: { task_id: taskId } };
      return (await api.client.call("explainTask", input, { signal })).explanations;
    },
    refetchInterval: () => api.pace(5_000),
  });
}
