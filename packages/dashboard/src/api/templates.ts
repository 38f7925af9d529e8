/** What the pages ask about templates of workflows. */
import { queryOptions } from "@tanstack/react-query";

import type { Api } from "./api.tsx";

export function templatesQuery(api: Api) {
  return queryOptions({
    queryKey: ["templates", "list"],
    queryFn: async ({ signal }) => {
      const answer = await api.client.call("listTemplates", undefined, { signal });
      return answer.templates;
    },
    refetchInterval: 30_000,
  });
}

/** @param version undefined: the newest */
export function templateQuery(api: Api, name: string, version: number | undefined) {
  return queryOptions({
    queryKey: ["templates", "one", name, version ?? null],
    queryFn: ({ signal }) =>
      api.client.call(
        "getTemplate",
        { params: { template_name: name }, query: version === undefined ? {} : { version } },
        { signal },
      ),
    refetchInterval: 30_000,
  });
}
