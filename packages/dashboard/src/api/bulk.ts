/** Actions on many tasks: looking, beginning, watching, taking back. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import type { ClientInput, ROUTES } from "@contimg/contract";

import { type Api, useApi } from "./api.tsx";

export type BulkPreviewRequest = ClientInput<(typeof ROUTES)["previewBulk"]>["body"];
export type BulkRequest = ClientInput<(typeof ROUTES)["startBulk"]>["body"];

export function bulkPreviewQuery(api: Api, body: BulkPreviewRequest) {
  return queryOptions({
    queryKey: ["bulk-preview", body],
    queryFn: ({ signal }) => api.client.call("previewBulk", { body }, { signal }),
    staleTime: 0,
    gcTime: 0,
  });
}

export function bulksQuery(api: Api) {
  return queryOptions({
    queryKey: ["bulk-actions", "list"],
    queryFn: async ({ signal }) => {
      const answer = await api.client.call("listBulks", { query: { limit: 100 } }, { signal });
      return answer.bulk_actions;
    },
    refetchInterval: ({ state }) =>
      state.data?.some((bulk) => bulk.state === "running") ? 1_000 : api.pace(10_000),
  });
}

export function undoPreviewQuery(api: Api, bulkId: string) {
  return queryOptions({
    queryKey: ["undo-preview", bulkId],
    queryFn: ({ signal }) =>
      api.client.call("previewUndo", { params: { bulk_id: bulkId } }, { signal }),
    staleTime: 0,
    gcTime: 0,
  });
}

export function useStartBulk() {
  const api = useApi();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: BulkRequest) =>
      api.client.call("startBulk", { body }, { idempotencyKey: crypto.randomUUID() }),
    onSettled: () => queries.invalidateQueries({ queryKey: ["bulk-actions"] }),
  });
}

export function useUndoBulk() {
  const api = useApi();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (bulkId: string) =>
      api.client.call("undoBulk", { params: { bulk_id: bulkId }, body: {} }),
    onSettled: () => {
      void queries.invalidateQueries({ queryKey: ["bulk-actions"] });
      void queries.invalidateQueries({ queryKey: ["task-head"] });
    },
  });
}
