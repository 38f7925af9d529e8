/** The live updates of a server, put together: one feed, Server-Sent Events and WebSockets. */
import type { IncomingMessage } from "node:http";

import type { AbsurdClient } from "@contimg/absurd";
import { type Route, ROUTES } from "@contimg/contract";

import type { App } from "../app.ts";
import { isWrite } from "../hooks/audit.ts";
import { assertLocalHost } from "../hooks/browser-guard.ts";
import { assertRole } from "../hooks/gate.ts";
import { ApiError } from "../problem.ts";
import { type ChangeSource, LiveFeed } from "./feed.ts";
import { progressSideline, queueStatsSideline, staleAfter, staleSideline } from "./sidelines.ts";
import { serveEvents } from "./sse.ts";
import { serveSockets } from "./ws.ts";

export interface LiveParts {
  readonly app: App;
  readonly client: AbsurdClient;
  readonly openSource: (cursor?: string) => ChangeSource;
  readonly readProgress: Parameters<typeof progressSideline>[0];
  readonly basePath: string;
  readonly origins: readonly string[];
  readonly isLocalOnly: boolean;
  readonly isEnabled: boolean;
  readonly pollMs?: number;
  readonly beatMs?: number;
}

/** Before the app listens. Ends with it. */
export function serveLive(parts: LiveParts): LiveFeed {
  const { app, client } = parts;
  const { fastify } = app;
  const feed = new LiveFeed({
    openSource: parts.openSource,
    sidelines: [
      queueStatsSideline(client),
      staleSideline(client),
      progressSideline(parts.readProgress),
    ],
    log: fastify.log,
    ...(parts.pollMs === undefined ? {} : { pollMs: parts.pollMs }),
  });
  const beat = parts.beatMs === undefined ? {} : { beatMs: parts.beatMs };
  const callerOf = app.access.callerOf.bind(app.access);
  serveEvents(fastify, { feed, callerOf, ...beat });
  tellWrites(app, feed);
  const admit = admitSocket(parts);
  const sockets = serveSockets({ feed, admit, basePath: parts.basePath, ...beat });
  fastify.server.on("upgrade", sockets.upgrade);
  fastify.addHook("preClose", async () => {
    await sockets.close();
    await feed.close();
  });
  return feed;
}

/** A write of this server is told at once. */
function tellWrites({ fastify }: App, feed: LiveFeed): void {
  fastify.addHook("onResponse", async (request, reply) => {
    const { routeName } = request.routeOptions.config;
    const route: Route | undefined = routeName && ROUTES[routeName];
    if (!route || !isWrite(route) || reply.statusCode >= 400) return;
    const what = staleAfter(route.tag);
    if (what !== undefined) feed.tell([{ type: "stale", what, at: new Date().toISOString() }]);
    feed.wake();
  });
}

/** A socket is asked what a request is asked: browsers let pages of others open one. */
function admitSocket(parts: LiveParts): (request: IncomingMessage) => Promise<void> {
  const { app, origins, isLocalOnly, isEnabled } = parts;
  return async (request) => {
    const { host = "", origin } = request.headers;
    if (!isEnabled) throw new ApiError("ABSURD_DISABLED", "ABSURD_ENABLED is false on this server");
    if (isLocalOnly) assertLocalHost(host, origins);
    const isOwn = origin === undefined || URL.parse(origin)?.host === host;
    if (!isOwn && !origins.includes(origin)) {
      throw new ApiError("CSRF", `a socket from a page of ${origin} is refused`);
    }
    const ip = request.socket.remoteAddress ?? "";
    assertRole(ROUTES.listen, await app.access.callerOf({ headers: request.headers, ip }));
  };
}
