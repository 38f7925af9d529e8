/**
 * /absurd/openapi.json, a page to read it, and runbooks, without anything from outside this server.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { openApiDocument, PROBLEM_CODES, PROBLEMS } from "@contimg/contract";
import type { FastifyInstance, FastifyReply } from "fastify";

import { etagOf, names } from "../hooks/etag.ts";

export interface DocsOptions {
  readonly version: string;
  readonly basePath: string;
  /** Of Markdown pages; undefined: there are none. */
  readonly runbookFolder: string | undefined;
}

export const RUNBOOK_PATH = "/absurd/docs/runbooks/";

const FILES = {
  "page.css": "text/css; charset=utf-8",
  "page.js": "text/javascript; charset=utf-8",
} as const;

export function serveDocs(app: FastifyInstance, options: DocsOptions): void {
  const { version, basePath, runbookFolder } = options;
  const document = JSON.stringify(openApiDocument({ version, serverUrl: basePath }));
  const etag = etagOf(document);
  app.get("/absurd/openapi.json", (request, reply) => {
    reply.header("etag", etag).header("cache-control", "no-cache");
    const known = request.headers["if-none-match"];
    if (known !== undefined && names(known, etag)) return reply.code(304).send();
    return reply.type("application/json; charset=utf-8").send(document);
  });
  const page = read("page.html");
  app.get("/absurd/docs", (_request, reply) => send(reply, page, "text/html; charset=utf-8"));
  for (const [name, type] of Object.entries(FILES)) {
    const content = read(name);
    app.get(`/absurd/docs/${name}`, (_request, reply) => send(reply, content, type));
  }
  const problems = problemsPage();
  app.get("/absurd/docs/problems", (_request, reply) =>
    send(reply, problems, "text/html; charset=utf-8"),
  );
  if (runbookFolder !== undefined) serveRunbooks(app, runbookFolder);
}

/** As they are written: a browser shows plain text, and downloads Markdown. */
function serveRunbooks(app: FastifyInstance, folder: string): void {
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".md"))) {
    const content = readFileSync(join(folder, name), "utf8");
    app.get(`${RUNBOOK_PATH}${name}`, (_request, reply) =>
      send(reply, content, "text/plain; charset=utf-8"),
    );
  }
}

function read(name: string): string {
  return readFileSync(new URL(name, import.meta.url), "utf8");
}

function send(reply: FastifyReply, content: string, type: string): FastifyReply {
  return reply.type(type).header("cache-control", "no-cache").send(content);
}

/** The address of a problem's `type`: /absurd/docs/problems#CODE. */
function problemsPage(): string {
  const rows = PROBLEM_CODES.map((code) => {
    const { status, title } = PROBLEMS[code];
    return `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td><td>${title}</td></tr>`;
  });
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Absurd: problems</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="page.css" />
  </head>
  <body>
    <nav aria-label="Sections"><a href="../docs">HTTP API</a></nav>
    <main>
      <h1>Problems</h1>
      <p>Every error answer is application/problem+json (RFC 9457). Programs decide by its code;
      its detail says to a person what is wrong and what to do next.</p>
      <div class="scroll" tabindex="0" role="group" aria-label="All problems"><table>
        <thead><tr>
          <th scope="col">Code</th><th scope="col">Status</th><th scope="col">Meaning</th>
        </tr></thead>
        <tbody>${rows.join("\n")}</tbody>
      </table></div>
    </main>
  </body>
</html>
`;
}
