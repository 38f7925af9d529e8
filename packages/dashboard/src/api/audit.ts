/** The audit log, latest first, page after page. */
import { infiniteQueryOptions } from "@tanstack/react-query";
import type { ClientInput, ROUTES } from "@contimg/contract";

import type { Api } from "./api.tsx";

export type AuditFilter = Omit<
  NonNullable<ClientInput<(typeof ROUTES)["listAudit"]>["query"]>,
  "limit" | "cursor"
>;

const PAGE = 200;
const NO_CURSOR: { readonly cursor?: string } = {};

/** The first page is kept up to date; once there are more, they stay as they were read. */
export function auditPagesQuery(api: Api, filter: AuditFilter) {
  return infiniteQueryOptions({
    queryKey: ["audit", filter],
    initialPageParam: NO_CURSOR,
    queryFn: ({ signal, pageParam }) =>
      api.client.call("listAudit", { query: { ...filter, limit: PAGE, ...pageParam } }, { signal }),
    getNextPageParam: ({ next_cursor: cursor }) => (cursor === null ? null : { cursor }),
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 0) > 1 ? false : 5_000),
    refetchOnWindowFocus: false,
  });
}
