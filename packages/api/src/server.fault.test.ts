import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";

import { startEmbeddedPostgres } from "@contimg/absurd";
import { freshDatabase, until } from "@contimg/testkit";
import { describe, onTestFinished, test } from "vitest";

import { type Server, type ServerOptions, startServer } from "./server.ts";

const database = freshDatabase();

async function serve(options: Partial<ServerOptions> = {}): Promise<Server> {
  const server = await startServer({ connectionString: database.url, port: 0, ...options });
  onTestFinished(() => server.close());
  return server;
}

describe("a server", () => {
  test("does not let others in unless it asks them who they are", async () => {
    await assert.rejects(serve({ host: "0.0.0.0" }), /host 0\.0\.0\.0 can be reached by others/);

    const server = await serve({ host: "0.0.0.0", auth: "tokens" });

    assert.equal((await fetch(`${server.url}/absurd/audit`)).status, 401);
  });

  test("serves pages and API below a path", async () => {
    const folder = await mkdtemp(join(tmpdir(), "dashboard-"));
    await mkdir(join(folder, "assets"));
    await writeFile(join(folder, "index.html"), "<html><head><title>x</title></head></html>");
    await writeFile(join(folder, "assets", "main-Abcd1234.js"), "plain();");
    await writeFile(
      join(folder, "assets", "main-Abcd1234.js.br"),
      brotliCompressSync("pressed();"),
    );

    const { url } = await serve({ basePath: "/ops/", dashboardFolder: folder });

    const page = await fetch(`${url}/tasks/one`);
    const body = await page.text();
    assert.match(body, /<base href="\/ops\/" \/>/);
    const nonce = /nonce="([^"]+)"/.exec(body)![1]!;
    assert.ok(page.headers.get("content-security-policy")!.includes(`'nonce-${nonce}'`));
    const asset = await fetch(`${url}/assets/main-Abcd1234.js`, {
      headers: { "accept-encoding": "identity" },
    });
    assert.equal(await asset.text(), "plain();");
    assert.match(asset.headers.get("cache-control")!, /immutable/);
    const pressed = await fetch(`${url}/assets/main-Abcd1234.js`, {
      headers: { "accept-encoding": "br" },
    });
    assert.equal(await pressed.text(), "pressed();");
    for (const path of ["/absurd/nothing", "/assets/gone-Abcd1234.js"]) {
      const missing = await fetch(`${url}${path}`);
      assert.equal(missing.status, 404);
      assert.match(missing.headers.get("content-type")!, /problem\+json/);
    }
  });
});

describe("a database that goes away", () => {
  test("is said at once, and writes are noted when it is back", async () => {
    const folder = await mkdtemp(join(tmpdir(), "api-pg-"));
    await chmod(folder, 0o755);
    const place = { dataFolder: join(folder, "server"), temporaryFolder: folder };
    let postgres = await startEmbeddedPostgres(place);
    onTestFinished(() => postgres.stop());
    const server = await serve({ connectionString: postgres.url });
    const status = async (path: string, init?: RequestInit) =>
      (await fetch(`${server.url}${path}`, init)).status;
    const view = (name: string): RequestInit => ({
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name, page: "tasks", terms: {} }),
    });
    assert.equal(await status("/absurd/audit"), 200);

    await postgres.kill();
    await until(async () => (await status("/absurd/audit")) === 503, { what: "503" });
    const startMs = performance.now();
    const refused = await fetch(`${server.url}/absurd/views`, view("refused"));
    const tookMs = performance.now() - startMs;

    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get("retry-after"), "5");
    assert.equal(((await refused.json()) as { code: string }).code, "DATABASE_UNAVAILABLE");
    // A try to connect takes longer: nothing was tried.
    assert.ok(tookMs < 2_500, `${tookMs} ms`);

    postgres = await startEmbeddedPostgres(place);
    await until(async () => (await status("/absurd/views", view("made"))) === 201, { what: "201" });
    const audit = await until(
      async () => {
        const answer = await fetch(`${server.url}/absurd/audit?action=createView`);
        const { entries } = (await answer.json()) as { entries: { status: number }[] };
        const statuses = entries.map((each) => each.status);
        return statuses.includes(503) ? statuses : undefined;
      },
      { what: "the refused write is in the audit log" },
    );
    assert.ok(audit.includes(201));
  });

  test("before the server starts is waited for", async () => {
    const server = await serve({ connectionString: "postgres://nobody:x@127.0.0.1:1/none" });

    const answer = await fetch(`${server.url}/absurd/audit`);

    assert.equal(answer.status, 503);
    assert.equal((await fetch(`${server.url}/absurd/session`)).status, 200);
  });
});
