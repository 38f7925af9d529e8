/** The rows of the list: pages as far as they were scrolled to, and the newest, kept up to date. */
import {
  type InfiniteData,
  useInfiniteQuery,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import type { TaskPage } from "@contimg/contract";
import { useCallback, useEffect, useMemo } from "react";

import { useApi } from "../../api/api.tsx";
import { taskHeadQuery, taskPagesQuery } from "../../api/tasks.ts";
import { isSearching, mergeRows } from "./tasks.model.ts";

/** Rows that fill a tall screen. */
const ROWS_WANTED = 100;

export function useTaskRows(q: string) {
  const api = useApi();
  const queries = useQueryClient();
  const pages = useInfiniteQuery(taskPagesQuery(api, q));
  const first = pages.data?.pages[0];
  const head = useQuery({
    ...taskHeadQuery(api, q),
    enabled: first !== undefined,
    // The first page is the newest when it was just read.
    initialData: () => first,
    initialDataUpdatedAt: () => pages.dataUpdatedAt,
  });
  const { rows, hasGap } = useMemo(
    () => mergeRows(head.data, pages.data?.pages ?? []),
    [head.data, pages.data],
  );

  /** Begins anew with the newest: what was scrolled to is read again when it is wanted. */
  const startAnew = useCallback(() => {
    const newest = queries.getQueryData<TaskPage>(taskHeadQuery(api, q).queryKey);
    if (!newest) return;
    queries.setQueryData<InfiniteData<TaskPage>>(taskPagesQuery(api, q).queryKey, (data) =>
      data ? { pages: [newest], pageParams: data.pageParams.slice(0, 1) } : data,
    );
  }, [queries, api, q]);

  const pageCount = pages.data?.pages.length ?? 0;
  useEffect(() => {
    if (hasGap && pageCount === 1) startAnew();
  }, [hasGap, pageCount, startAnew]);

  const { hasNextPage, isFetchingNextPage, fetchNextPage } = pages;
  const loadMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);

  const isGoingOn = isSearching(pages.data?.pages ?? [], ROWS_WANTED) && pages.error === null;
  useEffect(() => {
    if (isGoingOn) loadMore();
  }, [isGoingOn, loadMore]);

  return {
    rows,
    /** How far the search is, while it goes on by itself. */
    searchedTo: isGoingOn ? (pages.data?.pages.at(-1)?.scanned_to ?? undefined) : undefined,
    hasGap: hasGap && pageCount > 1,
    startAnew,
    loadMore,
    hasMore: hasNextPage,
    isLoading: pages.data === undefined && pages.error === null,
    error: pages.error ?? head.error,
    readAt: new Date(Math.max(head.dataUpdatedAt, pages.dataUpdatedAt)),
    retry: () => void pages.refetch(),
  };
}
