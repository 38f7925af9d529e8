/** What pages ask with: one object, made in main.tsx, given to all of them. */
import { onlineManager, QueryClient } from "@tanstack/react-query";
import { ApiAway, ApiProblem, type Client } from "@contimg/contract";
import { createContext, use, useSyncExternalStore } from "react";

import type { Connection, ConnectionState } from "./connection.ts";
import type { Http } from "./http.ts";
import { createLiveCache } from "./live-cache.ts";
import { Live, type LiveState } from "./live.ts";

export interface Api {
  readonly client: Client;
  readonly connection: Connection;
  readonly live: Live;
  readonly basePath: string;
  /** `refetchInterval: () => api.pace(5_000)`: that often without live events, rarely with them. */
  readonly pace: (fastMs: number) => number;
  readonly setCsrfToken: (token: string | null) => void;
}

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 2_000,
        // An outage is the connection's matter, a problem says what is wrong: neither is retried.
        retry: false,
        refetchOnWindowFocus: true,
      },
      // A click that could not be done is answered now, not done an hour later.
      mutations: { retry: false, networkMode: "always" },
    },
  });
}

/** Queries pause while the API is away, and are all asked anew when it is back. */
export function createApi(http: Http, queries: QueryClient): Api {
  const cache = createLiveCache(queries);
  const live = new Live({ url: `${http.basePath}/absurd/live`, onEvents: cache.onEvents });
  onlineManager.setEventListener(() => () => undefined);
  http.connection.subscribe(() => {
    const isOnline = http.connection.getState().kind === "online";
    const wasOnline = onlineManager.isOnline();
    onlineManager.setOnline(isOnline);
    if (isOnline && !wasOnline) void queries.invalidateQueries();
  });
  return {
    client: http.client,
    connection: http.connection,
    live,
    basePath: http.basePath,
    pace: live.pace,
    setCsrfToken: http.setCsrfToken,
  };
}

const ApiContext = createContext<Api | undefined>(undefined);

export const ApiProvider = ApiContext.Provider;

export function useApi(): Api {
  const api = use(ApiContext);
  if (!api) throw new Error("useApi is called outside of ApiProvider");
  return api;
}

export function useConnection(): ConnectionState {
  const { connection } = useApi();
  return useSyncExternalStore(connection.subscribe, connection.getState);
}

export function useLiveState(): LiveState {
  const { live } = useApi();
  return useSyncExternalStore(live.subscribe, live.getState);
}

/** A sentence for a person about anything that was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof ApiProblem) {
    const faults = (error.problem.faults ?? []).filter((f) => !error.message.includes(f.message));
    return [error.message, ...faults.map((f) => `${f.field}: ${f.message}`)].join("; ");
  }
  if (error instanceof ApiAway) return `The API does not answer: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
