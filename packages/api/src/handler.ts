/** What stands behind a route: a function from parsed input to the answer. */
import type { AbsurdClient } from "@contimg/absurd";
import type {
  LIVE_ROUTES,
  ParsedInput,
  Role,
  Route,
  RouteAnswer,
  RouteName,
  ROUTES,
} from "@contimg/contract";
import type pg from "pg";

/** Who calls, and until when the answer is of use. */
export interface Call {
  readonly actor: string;
  readonly role: Role;
  readonly requestId: string;
  /** Aborted when the client has gone or the time for an answer is over. */
  readonly signal: AbortSignal;
  /** Of a request with an Idempotency-Key: the same when it is done again after a crash. */
  readonly workId?: string | undefined;
}

export type Handler<R extends Route> = (
  input: ParsedInput<R>,
  call: Call,
) => Promise<RouteAnswer<R>>;

/** What handlers are made of. */
export interface HandlerDeps {
  readonly client: AbsurdClient;
  /** For the API's own tables, by way of a store. */
  readonly pool: pg.Pool;
  /** False: Absurd is switched off here; only health and session are answered. */
  readonly isEnabled: boolean;
  readonly database: DatabaseState;
}

/** What is known of the database without asking it. */
export interface DatabaseState {
  readonly isAvailable: boolean;
  /** Round trip of the last probe that was answered; null: of none. */
  readonly latencyMs: number | null;
}

/** Those that need the request itself are served by themselves: session, metrics, live. */
type ByThemselves =
  keyof typeof LIVE_ROUTES | "getSession" | "signIn" | "signOut" | "getMetrics" | "getPrometheus";

export type Handlers = {
  readonly [Name in Exclude<RouteName, ByThemselves>]: Handler<(typeof ROUTES)[Name]>;
};

/** The handlers of one resource: `HandlersOf<typeof TASK_ROUTES>`. */
export type HandlersOf<Routes> = Pick<Handlers, Extract<keyof Routes, keyof Handlers>>;
