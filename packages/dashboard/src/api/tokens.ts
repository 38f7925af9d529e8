/** The tokens that others sign in with. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import type { Role } from "@contimg/contract";

import { type Api, useApi } from "./api.tsx";

export function tokensQuery(api: Api) {
  return queryOptions({
    queryKey: ["tokens"],
    queryFn: async ({ signal }) =>
      (await api.client.call("listTokens", undefined, { signal })).tokens,
  });
}

export function useTokenActions() {
  const { client } = useApi();
  const queries = useQueryClient();
  const onSettled = () => queries.invalidateQueries({ queryKey: ["tokens"] });
  const create = useMutation({
    mutationFn: (body: { name: string; role: Role; expires_in_days?: number }) =>
      client.call("createToken", { body }),
    onSettled,
  });
  const remove = useMutation({
    mutationFn: (tokenId: string) => client.call("deleteToken", { params: { token_id: tokenId } }),
    onSettled,
  });
  return { create, remove };
}
