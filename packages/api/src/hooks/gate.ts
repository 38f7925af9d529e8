/** What every request for a route passes before it is read: is it answered, and to whom. */
import { type RouteName, ROLES, type Route, ROUTES } from "@contimg/contract";
import type { FastifyInstance, FastifyRequest } from "fastify";

import type { Access, Caller } from "../access/access.ts";
import type { DatabaseState } from "../handler.ts";
import { ApiError } from "../problem.ts";
import { assertOwnPage } from "./browser-guard.ts";
import { type Rate, RateLimiter } from "./rate-limit.ts";

export interface Rates {
  /** Of a caller on this machine. */
  readonly local: Rate;
  /** Of any other caller. */
  readonly other: Rate;
}

export const DEFAULT_RATES: Rates = {
  local: { perSecond: 1000, burst: 5000 },
  other: { perSecond: 50, burst: 300 },
};

export interface GateOptions {
  readonly access: Access;
  readonly isEnabled: boolean;
  readonly database: DatabaseState;
  readonly origins: readonly string[];
  readonly rates: Rates;
}

const HEALTH: readonly RouteName[] = ["getLiveness", "getReadiness", "getHealth"];
const METRICS: readonly RouteName[] = ["getMetrics", "getPrometheus"];
const SESSION: readonly RouteName[] = ["getSession", "signIn", "signOut"];
/** Answered though Absurd is switched off. */
const WHEN_DISABLED: ReadonlySet<string> = new Set<RouteName>([...HEALTH, ...SESSION]);
/** Asked of a database that is away: they say so, or need none. */
const WHEN_AWAY: ReadonlySet<string> = new Set<RouteName>([...HEALTH, ...METRICS, "getSession"]);
const UNLIMITED: ReadonlySet<string> = new Set<RouteName>([...HEALTH, ...METRICS]);

const AWAY_RETRY_SECONDS = 5;
const DISABLED_RETRY_SECONDS = 60;

declare module "fastify" {
  interface FastifyContextConfig {
    readonly routeName?: RouteName;
  }
  interface FastifyRequest {
    /** Undefined: nobody that is known. */
    caller: Caller | undefined;
  }
}

export function gateRoutes(app: FastifyInstance, options: GateOptions): void {
  const local = new RateLimiter(options.rates.local);
  const other = new RateLimiter(options.rates.other);
  app.decorateRequest("caller");
  app.addHook("onRequest", async (request) => {
    const { routeName } = request.routeOptions.config;
    if (routeName === undefined) return;
    const route: Route = ROUTES[routeName];
    assertServed(routeName, options);
    const caller = await options.access.callerOf(request);
    request.caller = caller;
    if (!UNLIMITED.has(routeName)) {
      takeTurn(isLoopback(request.ip) ? local : other, caller?.tokenId ?? request.ip);
    }
    assertRole(route, caller);
    if (route.method !== "GET") assertOwnPage(request, caller, options.origins);
  });
}

/** @throws {ApiError} ABSURD_DISABLED, DATABASE_UNAVAILABLE */
function assertServed(routeName: RouteName, { isEnabled, database }: GateOptions): void {
  if (!isEnabled && !WHEN_DISABLED.has(routeName)) {
    throw new ApiError(
      "ABSURD_DISABLED",
      "ABSURD_ENABLED is false on this server; set it to true and start it again",
      { retryAfterSeconds: DISABLED_RETRY_SECONDS },
    );
  }
  if (!database.isAvailable && !WHEN_AWAY.has(routeName)) {
    throw new ApiError("DATABASE_UNAVAILABLE", "the database does not answer; try again soon", {
      retryAfterSeconds: AWAY_RETRY_SECONDS,
    });
  }
}

/** @throws {ApiError} RATE_LIMITED */
function takeTurn(limiter: RateLimiter, caller: string): void {
  const waitSeconds = limiter.take(caller);
  if (waitSeconds === 0) return;
  throw new ApiError("RATE_LIMITED", "you ask faster than this server answers one caller; wait", {
    retryAfterSeconds: waitSeconds,
  });
}

/** @throws {ApiError} UNAUTHENTICATED, FORBIDDEN */
export function assertRole(route: Pick<Route, "role">, caller: Caller | undefined): void {
  if (route.role === null) return;
  if (!caller) {
    throw new ApiError("UNAUTHENTICATED", "sign in, or send a token as Authorization: Bearer …");
  }
  if (ROLES.indexOf(caller.role) >= ROLES.indexOf(route.role)) return;
  throw new ApiError(
    "FORBIDDEN",
    `${caller.actor} is ${caller.role}; this needs the role ${route.role}`,
  );
}

export function isLoopback(address: FastifyRequest["ip"]): boolean {
  return address === "::1" || address.startsWith("127.") || address.startsWith("::ffff:127.");
}
