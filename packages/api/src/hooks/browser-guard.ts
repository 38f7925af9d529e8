/** What keeps other sites out of a browser's session, and out of a server on its own machine. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { Caller } from "../access/access.ts";
import { csrfTokenOf, isSame } from "../access/secret.ts";
import { ApiError } from "../problem.ts";

const LOCAL_HOSTS = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i;

export interface GuardOptions {
  /** Pages of other servers that may call: https://ops.example.org */
  readonly origins: readonly string[];
  /**
   * True: only names of this machine are answered to. Without it a page of a stranger whose name
   * leads here (DNS rebinding) would be a page of this server to a browser.
   */
  readonly isLocalOnly: boolean;
}

const ALLOWED_HEADERS =
  "authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, " +
  "x-csrf-token";
const EXPOSED_HEADERS = "etag, retry-after, x-request-id, idempotency-replayed";

/** Host check, CORS, and the answer to preflights. */
export function guardBrowsers(app: FastifyInstance, options: GuardOptions): void {
  const isAllowed = (origin: string): boolean => options.origins.includes(origin);
  app.addHook("onRequest", async (request, reply) => {
    if (options.isLocalOnly) assertLocalHost(request.host, options.origins);
    const { origin } = request.headers;
    if (origin === undefined) return;
    reply.header("vary", "origin");
    if (!isAllowed(origin)) return;
    reply.header("access-control-allow-origin", origin);
    reply.header("access-control-expose-headers", EXPOSED_HEADERS);
    if (isPreflight(request)) await answerPreflight(reply);
  });
}

function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === "OPTIONS" && headers["access-control-request-method"] !== undefined;
}

async function answerPreflight(reply: FastifyReply): Promise<void> {
  await reply
    .code(204)
    .header("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE")
    .header("access-control-allow-headers", ALLOWED_HEADERS)
    .header("access-control-max-age", "600")
    .send();
}

/** @throws {ApiError} CSRF */
export function assertLocalHost(host: string, origins: readonly string[]): void {
  const name = host.replace(/:\d+$/, "");
  const isOurs =
    LOCAL_HOSTS.test(name) || origins.some((origin) => URL.parse(origin)?.host === host);
  if (isOurs) return;
  throw new ApiError(
    "CSRF",
    `without authentication this server answers to names of its own machine, not to ` +
      `"${host}"; require tokens, or allow the origin (see absurd serve --help)`,
  );
}

/** @throws {ApiError} CSRF when a write may come from a page of somebody else */
export function assertOwnPage(
  request: FastifyRequest,
  caller: Caller | undefined,
  origins: readonly string[],
): void {
  // A token is not sent by a browser on its own: who shows it has it.
  if (request.headers.authorization !== undefined) return;
  const { origin } = request.headers;
  const own = `${request.protocol}://${request.host}`;
  const site = request.headers["sec-fetch-site"];
  const isForeign =
    origin === undefined
      ? site === "cross-site" || site === "same-site"
      : origin !== own && !origins.includes(origin);
  if (isForeign) {
    throw new ApiError("CSRF", `a write from ${origin ?? site ?? "?"} to ${own} is refused`);
  }
  if (caller?.session === undefined) return;
  const shown = request.headers["x-csrf-token"];
  if (typeof shown !== "string" || !isSame(shown, csrfTokenOf(caller.session))) {
    throw new ApiError(
      "CSRF",
      "send the csrf_token of GET /absurd/session as X-CSRF-Token with every write",
    );
  }
}
