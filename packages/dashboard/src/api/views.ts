/** Saved views: filters and columns with a name, one's own and those that are shared. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import type { SavedView } from "@contimg/contract";

import { type Api, useApi } from "./api.tsx";

export type ViewPage = SavedView["page"];

export function viewsQuery(api: Api, page: ViewPage) {
  return queryOptions({
    queryKey: ["views", page],
    queryFn: async ({ signal }) =>
      (await api.client.call("listViews", { query: { page } }, { signal })).views,
    staleTime: 60_000,
  });
}

export function useViewActions() {
  const { client } = useApi();
  const queries = useQueryClient();
  const onSettled = () => queries.invalidateQueries({ queryKey: ["views"] });
  const create = useMutation({
    mutationFn: (body: Pick<SavedView, "name" | "page" | "q" | "shared"> & { columns: string[] }) =>
      client.call("createView", { body }),
    onSettled,
  });
  const remove = useMutation({
    mutationFn: (viewId: string) => client.call("deleteView", { params: { view_id: viewId } }),
    onSettled,
  });
  return { create, remove };
}
