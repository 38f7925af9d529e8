/** /absurd/metrics: Prometheus text, or JSON for who prefers it; read at most once a second. */
import { HEALTH_ROUTES, type Metrics } from "@contimg/contract";
import type { FastifyInstance, FastifyReply } from "fastify";

import type { DatabaseState } from "../handler.ts";
import { ApiError } from "../problem.ts";
import { Recent } from "../recent.ts";
import { pathOf } from "../serve-routes.ts";
import { type Numbers, Prometheus } from "./prometheus.ts";

export interface MetricsOptions {
  readonly database: DatabaseState;
  readonly readMetrics: () => Promise<Metrics>;
  readonly readNumbers: () => Promise<Numbers>;
  readonly listenerCount: () => number;
}

const CACHED_MS = 1_000;
const TEXT = "text/plain";
const JSON_TYPE = "application/json";

/** Before the app listens: it counts requests, too. */
export function serveMetrics(app: FastifyInstance, options: MetricsOptions): void {
  const { database, readMetrics, readNumbers, listenerCount } = options;
  const prometheus = new Prometheus();
  countRequests(app, prometheus);
  const text = new Recent(CACHED_MS, async () => {
    const { isAvailable, latencyMs } = database;
    const standing = { isAvailable, latencyMs, listenerCount: listenerCount() };
    return prometheus.text(standing, isAvailable ? await readNumbers() : undefined);
  });
  const sendText = async (reply: FastifyReply) =>
    reply
      .type("text/plain; version=0.0.4; charset=utf-8")
      .header("cache-control", "no-store")
      .send(await text.get());

  const { getMetrics, getPrometheus } = HEALTH_ROUTES;
  app.route({
    method: getMetrics.method,
    url: pathOf(getMetrics),
    config: { routeName: "getMetrics" },
    handler: async (request, reply) => {
      reply.header("vary", "accept");
      const type = preferred(request.headers.accept ?? "*/*");
      if (type === TEXT) return sendText(reply);
      if (type === JSON_TYPE)
        return reply.header("cache-control", "no-store").send(await readMetrics());
      throw new ApiError("NOT_ACCEPTABLE", `ask for ${TEXT} or ${JSON_TYPE}`);
    },
  });
  app.route({
    method: getPrometheus.method,
    url: pathOf(getPrometheus),
    config: { routeName: "getPrometheus" },
    handler: (_request, reply) => sendText(reply),
  });
}

function countRequests(app: FastifyInstance, prometheus: Prometheus): void {
  app.addHook("onResponse", async (request, reply) => {
    const { routeName } = request.routeOptions.config;
    const route = routeName ?? (reply.statusCode === 404 ? "none" : "page");
    const labels = { method: request.method, route, status: reply.statusCode };
    prometheus.countRequest(labels, reply.elapsedTime / 1000);
  });
}

/** Of text and JSON, what the client prefers; text when it does not care, as Prometheus does. */
export function preferred(accept: string): string | undefined {
  const ranges = accept.split(",").map((range) => {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const q = parameters.find((each) => each.startsWith("q="))?.slice(2);
    return { type, q: q === undefined ? 1 : Number(q) || 0 };
  });
  const qualityOf = (type: string): number => {
    const family = `${type.split("/")[0]!}/*`;
    for (const name of [type, family, "*/*"]) {
      const range = ranges.find((each) => each.type === name);
      if (range) return range.q;
    }
    return 0;
  };
  const [text, json] = [qualityOf(TEXT), qualityOf(JSON_TYPE)];
  // Prometheus names OpenMetrics first, and text after it.
  if (text === 0 && json === 0) return undefined;
  return json > text ? JSON_TYPE : TEXT;
}
