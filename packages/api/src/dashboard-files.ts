/**
 * The built pages: hashed files for ever, index.html for every path that is a page's.
 *
 * index.html is sent with its base path, and with a nonce for the styles that libraries put into
 * the page; nothing else inline is run.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply } from "fastify";

import { contentSecurityPolicy } from "./hooks/security-headers.ts";

export interface DashboardOptions {
  /** What `vite build` made: index.html and assets/. */
  readonly folder: string;
  readonly basePath: string;
}

/** Vite names files in assets/ by their content. */
const HASHED_FILE = /[/\\]assets[/\\][^/\\]+-[\w-]{8,}\.\w+/;
const YEAR = "public, max-age=31536000, immutable";

export async function serveDashboard(
  app: FastifyInstance,
  { folder, basePath }: DashboardOptions,
): Promise<void> {
  const index = await readFile(join(folder, "index.html"), "utf8");
  await app.register(fastifyStatic, {
    root: folder,
    index: false,
    wildcard: false,
    decorateReply: false,
    preCompressed: true,
    cacheControl: false,
    globIgnore: ["index.html*", "**/*.br", "**/*.gz", "**/*.map"],
    setHeaders: (reply, path) => {
      reply.header("cache-control", HASHED_FILE.test(path) ? YEAR : "no-cache");
    },
  });
  app.get("/", (_request, reply) => sendIndex(reply, index, basePath));
  // A page of the dashboard: anything outside the API that does not look like a file.
  app.get("/*", (request, reply) => {
    if (isPage(request.url)) return sendIndex(reply, index, basePath);
    reply.callNotFound();
    return reply;
  });
}

/** False: there is no index.html, so the pages were not built. */
export function isBuilt(folder: string): boolean {
  return existsSync(join(folder, "index.html"));
}

function isPage(url: string): boolean {
  const path = url.split("?")[0]!;
  return !/^\/absurd(\/|$)/.test(path) && !/\.\w+$/.test(path.split("/").at(-1)!);
}

function sendIndex(reply: FastifyReply, index: string, basePath: string): FastifyReply {
  const nonce = randomBytes(16).toString("base64");
  return reply
    .type("text/html; charset=utf-8")
    .header("cache-control", "no-cache")
    .header("content-security-policy", contentSecurityPolicy(nonce))
    .send(pageOf(index, basePath, nonce));
}

/** Puts base and nonce first into the head; a base that is there already goes. */
export function pageOf(index: string, basePath: string, nonce: string): string {
  const head = `<base href="${basePath}/" />` + `<meta property="csp-nonce" nonce="${nonce}" />`;
  return index.replace(/<base\b[^>]*>/gi, "").replace(/<head(\s[^>]*)?>/i, (tag) => tag + head);
}
