/** Who is signed in, and what the role allows. */
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { ApiProblem, type Role, ROLES, type Session } from "@contimg/contract";
import { createContext, type ReactNode, use, useEffect } from "react";

import { type Api, messageOf, useApi } from "../api/api.tsx";
import { Skeleton } from "../components/states.tsx";
import { SignInPage } from "./SignInPage.tsx";

export function sessionQuery(api: Api) {
  return queryOptions({
    queryKey: ["session"],
    queryFn: async ({ signal }) => {
      const session = await api.client.call("getSession", undefined, { signal });
      api.setCsrfToken(session.csrf_token);
      return session;
    },
    staleTime: 60_000,
    refetchInterval: 5 * 60_000,
  });
}

const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = use(SessionContext);
  if (!session) throw new Error("useSession is called outside of SessionGate");
  return session;
}

/** Whether the role of who is signed in may do what needs this role. */
export function useMay(role: Role): boolean {
  return may(useSession(), role);
}

export function may(session: Session, role: Role): boolean {
  return session.role !== null && ROLES.indexOf(session.role) >= ROLES.indexOf(role);
}

/** Shows the pages to who is signed in, and the sign-in page, at the same address, to others. */
export function SessionGate({ children }: { children: ReactNode }) {
  const api = useApi();
  const { data, error } = useQuery(sessionQuery(api));
  const isKnown = data !== undefined && data.role !== null;
  useSignOutOnRefusal();
  useEffect(() => {
    if (!isKnown) return undefined;
    api.live.start();
    return api.live.stop;
  }, [api, isKnown]);

  if (isKnown) return <SessionContext value={data}>{children}</SessionContext>;
  if (data) return <SignInPage />;
  return (
    <main className="sign-in" aria-busy={!error}>
      <h1>Absurd</h1>
      {error ? <p role="alert">{messageOf(error)} It is tried again by itself.</p> : <Skeleton />}
    </main>
  );
}

/** A refused call means that the session ended: ask who we are. */
function useSignOutOnRefusal(): void {
  const queries = useQueryClient();
  useEffect(
    () =>
      queries.getQueryCache().subscribe((event) => {
        if (event.type !== "updated" || event.action.type !== "error") return;
        const error: unknown = event.action.error;
        const isRefused = error instanceof ApiProblem && error.problem.code === "UNAUTHENTICATED";
        if (isRefused) void queries.invalidateQueries({ queryKey: ["session"] });
      }),
    [queries],
  );
}
