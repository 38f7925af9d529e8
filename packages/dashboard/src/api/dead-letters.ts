/** Dead letters: pages of them, and giving many a new start or none. */
import {
  infiniteQueryOptions,
  queryOptions,
  useMutation,
  useQueryClient,
} from "@tanstack/react-query";
import type { ClientInput, ROUTES } from "@contimg/contract";

import { type Api, useApi } from "./api.tsx";

/** All that is given must hold. */
export type DeadLetterFilter = ClientInput<(typeof ROUTES)["replayDeadLetters"]>["body"]["filter"];
export type ParamsPatch = ClientInput<(typeof ROUTES)["replayDeadLetters"]>["body"]["params_patch"];

const PAGE_FIRST = 100;
const PAGE_NEXT = 500;
/** As many as a call takes. */
export const HANDLED_MAX = 10_000;
/** Small enough that a person sees it go on. */
const BATCH = 200;

interface PageParam {
  readonly cursor: string | undefined;
  readonly limit: number;
}

const FIRST_PAGE: PageParam = { cursor: undefined, limit: PAGE_FIRST };

/** Oldest deaths first. Few pages are kept up to date; many stay until they are read anew. */
export function deadLetterPagesQuery(api: Api, filter: Omit<DeadLetterFilter, "task_ids">) {
  return infiniteQueryOptions({
    queryKey: ["dead-letter-pages", filter],
    initialPageParam: FIRST_PAGE,
    queryFn: ({ signal, pageParam: { cursor, limit } }) =>
      api.client.call(
        "listDeadLetters",
        { query: { ...filter, limit, ...(cursor === undefined ? {} : { cursor }) } },
        { signal },
      ),
    getNextPageParam: ({ next_cursor: cursor }): PageParam | null =>
      cursor === null ? null : { cursor, limit: PAGE_NEXT },
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 0) > 1 ? false : 5_000),
    refetchOnWindowFocus: false,
    gcTime: 60_000,
  });
}

/** The deaths of one group, at most as many as fit a page: for a picture of when. */
export function deathsQuery(api: Api, fingerprint: string, failedFrom: string) {
  return queryOptions({
    queryKey: ["dead-letters", "deaths", fingerprint, failedFrom],
    queryFn: ({ signal }) =>
      api.client.call(
        "listDeadLetters",
        { query: { fingerprint, failed_from: failedFrom, limit: PAGE_NEXT } },
        { signal },
      ),
    staleTime: 15_000,
  });
}

/** Those that a replay or a discard would take, oldest deaths first. Changes nothing. */
export function deadLetterDryRunQuery(api: Api, filter: DeadLetterFilter) {
  return queryOptions({
    queryKey: ["dead-letter-dry-run", filter],
    queryFn: ({ signal }) =>
      api.client.call(
        "replayDeadLetters",
        {
          query: { dry_run: "true" },
          body: { filter, limit: HANDLED_MAX, reason: "dry run" },
        },
        { signal },
      ),
    staleTime: 0,
    // Not 0: on a slow machine it would be forgotten before it is shown, and asked for again.
    gcTime: 1_000,
  });
}

interface Replay {
  readonly taskIds: readonly string[];
  readonly patch: ParamsPatch;
  readonly resetAttempts: boolean;
  readonly reason: string;
  readonly onProgress: (done: number) => void;
}

/** With other params or the attempts that are left; answers how many got their new start. */
export function useReplayPatched() {
  const api = useApi();
  const forget = useForgetDeadLetters();
  return useMutation({
    mutationFn: async ({ taskIds, patch, resetAttempts, reason, onProgress }: Replay) => {
      let started = 0;
      for (let from = 0; from < taskIds.length; from += BATCH) {
        const batch = taskIds.slice(from, from + BATCH);
        const answer = await api.client.call("replayDeadLetters", {
          query: { dry_run: "false" },
          body: {
            filter: { task_ids: batch },
            limit: BATCH,
            reset_attempts: resetAttempts,
            reason,
            ...(patch === undefined ? {} : { params_patch: patch }),
          },
        });
        started += answer.count;
        onProgress(from + batch.length);
      }
      return started;
    },
    onSettled: forget,
  });
}

/** Asks for the lists anew, from their beginning. */
export function useForgetDeadLetters(): () => Promise<void> {
  const queries = useQueryClient();
  return async () => {
    await queries.resetQueries({ queryKey: ["dead-letter-pages"] });
    await queries.invalidateQueries({ queryKey: ["dead-letters"] });
    await queries.invalidateQueries({ queryKey: ["failures"] });
  };
}
