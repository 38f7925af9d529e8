/** What stands behind a route: a function from parsed input to the answer. */
import type {
  LIVE_ROUTES,
  ParsedInput,
  Role,
  Route,
  RouteAnswer,
  RouteName,
  ROUTES,
} from "@contimg/contract";

/** Who calls, and until when the answer is of use. */
export interface Call {
  readonly actor: string;
  readonly role: Role;
  readonly requestId: string;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

export type Handler<R extends Route> = (
  input: ParsedInput<R>,
  call: Call,
) => Promise<RouteAnswer<R>>;

/** Those that need the request itself are served by themselves: see live.ts and session.ts. */
type ByThemselves = keyof typeof LIVE_ROUTES | "getSession" | "signIn" | "signOut" | "getMetrics";

export type Handlers = {
  readonly [Name in Exclude<RouteName, ByThemselves>]: Handler<(typeof ROUTES)[Name]>;
};

/** The handlers of one resource: `HandlersOf<typeof TASK_ROUTES>`. */
export type HandlersOf<Routes> = Pick<Handlers, Extract<keyof Routes, keyof Handlers>>;
