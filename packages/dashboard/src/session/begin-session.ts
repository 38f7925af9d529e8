/** What was read belongs to who read it. */
import type { QueryClient } from "@tanstack/react-query";
import type { Session } from "@contimg/contract";

/**
 * Another person begins, or nobody: what was read for the one before goes. The session's own query
 * stays, since the gate watches it.
 */
export function beginSession(queries: QueryClient, session: Session): void {
  queries.setQueryData(["session"], session);
  queries.removeQueries({ predicate: (query) => query.queryKey[0] !== "session" });
}
