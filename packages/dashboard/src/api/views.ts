/** Saved views: filters and columns with a name, one's own and those that are shared. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import type { ClientInput, ROUTES, SavedView, ViewPage, ViewTerms } from "@contimg/contract";

import { type Api, useApi } from "./api.tsx";

type NewView = ClientInput<(typeof ROUTES)["createView"]>["body"];

/** A page as it is now: the terms of its address, and the chosen columns. */
export type View = NewView extends infer Each
  ? Each extends NewView
    ? Pick<Each, "page" | "terms" | "columns">
    : never
  : never;

export type ViewOf<Page extends ViewPage> = Extract<SavedView, { page: Page }>;

/** What an address means by "" a view leaves out. */
export function termsSaid(terms: ViewTerms): [string, string | boolean][] {
  return Object.entries(terms).flatMap(([key, value]) =>
    value === "" || value === undefined ? [] : [[key, value]],
  );
}

export function isSameView(one: ViewTerms, other: ViewTerms): boolean {
  const [a, b] = [termsSaid(one), new Map(termsSaid(other))];
  return a.length === b.size && a.every(([key, value]) => b.get(key) === value);
}

export function viewsQuery<Page extends ViewPage>(api: Api, page: Page) {
  return queryOptions({
    queryKey: ["views", page],
    queryFn: async ({ signal }) => {
      const { views } = await api.client.call("listViews", { query: { page } }, { signal });
      return views.filter((view): view is ViewOf<Page> => view.page === page);
    },
    staleTime: 60_000,
  });
}

export function useViewActions() {
  const { client } = useApi();
  const queries = useQueryClient();
  const onSettled = () => queries.invalidateQueries({ queryKey: ["views"] });
  const create = useMutation({
    mutationFn: (body: NewView) => client.call("createView", { body }),
    onSettled,
  });
  const remove = useMutation({
    mutationFn: (viewId: string) => client.call("deleteView", { params: { view_id: viewId } }),
    onSettled,
  });
  return { create, remove };
}
