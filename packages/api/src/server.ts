/** The server: a pool, the app, a socket; and an orderly end. */
import { readFileSync } from "node:fs";

import { AbsurdClient, ChangeReader, Listener, readProgress } from "@contimg/absurd";
import type { FastifyServerOptions } from "fastify";
import pg from "pg";
import { z } from "zod";

import { type App, type AppOptions, createApp } from "./app.ts";
import { serveDashboard } from "./dashboard-files.ts";
import { DatabaseWatch } from "./database-watch.ts";
import { RUNBOOK_PATH, serveDocs } from "./docs/serve-docs.ts";
import type { FailureHints } from "./failure-hints.ts";
import { createHandlers } from "./handlers.ts";
import { systemParts } from "./handlers/resources.ts";
import { countStates, workerState } from "./handlers/workers.ts";
import { serveLive } from "./live/live.ts";
import { serveMetrics } from "./metrics/serve-metrics.ts";
import { migrateApi } from "./migrate.ts";

export interface ServerOptions extends Pick<
  AppOptions,
  "auth" | "origins" | "trustProxy" | "rates" | "isEnabled" | "checkAnswers"
> {
  readonly connectionString: string;
  /** Direct, for LISTEN, when the other goes through a pooler of transactions. */
  readonly listenConnectionString?: string | undefined;
  /** Default 127.0.0.1. Others can reach any other address: it needs `auth: "tokens"`. */
  readonly host?: string;
  /** Default 8000; 0: any that is free. */
  readonly port?: number;
  /** Such as /ops; a slash at its end is taken off. Default: none. */
  readonly basePath?: string;
  /** What `vite build` made of the dashboard; undefined: the API alone. */
  readonly dashboardFolder?: string | undefined;
  /** What to do about the program's own errors, by tag. Default: the engine's errors only. */
  readonly hints?: FailureHints;
  /** Of Markdown pages that the hints name: /absurd/docs/runbooks/NAME. */
  readonly runbookFolder?: string;
  readonly logger?: FastifyServerOptions["logger"];
  /** Connections for requests. Default 8. */
  readonly poolSize?: number;
  /** Seconds that a running request may still take when the server closes. Default 10. */
  readonly drainSeconds?: number;
}

export interface Server {
  /** With the base path, without a slash at its end: http://127.0.0.1:8000/ops */
  readonly url: string;
  readonly app: App;
  /** Takes no new requests, ends streams with a reason, lets the others finish. */
  close(): Promise<void>;
}

/** What the server was told does not go; nothing was started. */
export class InvalidServerSetting extends Error {
  override readonly name = "InvalidServerSetting";
}

const VERSION = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"))).version;
const POOL_SIZE = 8;
const STATEMENT_MS_MAX = 10_000;
const CONNECT_MS_MAX = 3_000;
/** Longer than the server's own limit: of a network that is silent. */
const SILENCE_MS_MAX = 15_000;
const PORT = 8000;
const DRAIN_SECONDS = 10;
const SWEEP_MS = 3_600_000;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/i;

/** @throws {InvalidServerSetting} such as an address that others reach, and nobody is asked who */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { host = "127.0.0.1", port = PORT, auth = "none" } = options;
  const basePath = cleanBasePath(options.basePath ?? "");
  assertGuarded(host, auth);
  const pool = createPool(options);
  const parts = await open(options, { pool, auth, basePath });
  try {
    await parts.app.fastify.listen({ host, port });
  } catch (error) {
    await parts.close();
    if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) throw error;
    throw new InvalidServerSetting(`port ${port} of ${host} is taken; give another --port`);
  }
  return { url: `${originOf(parts.app)}${basePath}`, ...parts };
}

function originOf({ fastify }: App): string {
  const address = fastify.server.address();
  if (typeof address !== "object" || !address) throw new Error("the server listens nowhere");
  const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}

/** @throws {InvalidServerSetting} */
function assertGuarded(host: string, auth: "none" | "tokens"): void {
  if (auth === "tokens" || LOOPBACK.test(host)) return;
  throw new InvalidServerSetting(
    `host ${host} can be reached by others, and no authentication is set: require tokens ` +
      "(absurd serve --auth tokens), or listen on 127.0.0.1",
  );
}

function cleanBasePath(path: string): string {
  const clean = path.replace(/\/+$/, "");
  if (clean === "" || /^(\/[\w.~-]+)+$/.test(clean)) return clean;
  throw new InvalidServerSetting(`base path "${path}": expected /name or /name/name, such as /ops`);
}

function createPool({ connectionString, poolSize = POOL_SIZE }: ServerOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    application_name: "absurd api",
    max: poolSize,
    statement_timeout: STATEMENT_MS_MAX,
    query_timeout: SILENCE_MS_MAX,
    connectionTimeoutMillis: CONNECT_MS_MAX,
    keepAlive: true,
  });
  // A connection that breaks while idle is replaced; one that is needed reports its own error.
  pool.on("error", () => undefined);
  return pool;
}

interface Open {
  readonly app: App;
  close(): Promise<void>;
}

interface Setting {
  readonly pool: pg.Pool;
  readonly auth: "none" | "tokens";
  readonly basePath: string;
}

async function open(options: ServerOptions, setting: Setting): Promise<Open> {
  const { pool } = setting;
  const client = new AbsurdClient(pool);
  const lifetime = new AbortController();
  const made: { app?: App } = {};
  const log = {
    warn: (fields: object, message: string): void => {
      made.app?.fastify.log.warn(fields, message);
    },
  };
  const setUp = new SetUp(options.connectionString, log);
  const database = new DatabaseWatch({
    connectionString: options.connectionString,
    log,
    onBack: () => {
      void setUp.run().then(() => made.app?.auditLog.flush().catch(() => undefined));
    },
  });
  await database.probe();
  // Before what works in the background looks at its tables.
  if (database.isAvailable) await setUp.run();
  const parts = { options, setting, client, database, signal: lifetime.signal };
  const { listener, app: opened } = await assemble(parts);
  made.app = opened;
  if (!database.isAvailable) log.warn({}, "the database is away; it is waited for");
  const sweeping = setInterval(() => {
    if (database.isAvailable) void opened.accessStore.sweep().catch(() => undefined);
  }, SWEEP_MS);
  return {
    app: opened,
    close: async () => {
      clearInterval(sweeping);
      lifetime.abort();
      await listener.stop();
      await endRequests(opened, options.drainSeconds ?? DRAIN_SECONDS);
      await database.stop();
      await client.close();
      await pool.end();
    },
  };
}

interface Parts {
  readonly options: ServerOptions;
  readonly setting: Setting;
  readonly client: AbsurdClient;
  readonly database: DatabaseWatch;
  readonly signal: AbortSignal;
}

async function assemble(parts: Parts): Promise<{ app: App; listener: Listener }> {
  const { options, setting, client, database } = parts;
  const { pool, auth, basePath } = setting;
  const { isEnabled = true, origins = [], hints = {}, dashboardFolder, runbookFolder } = options;
  const system = systemParts({ client, database });
  const runbookBase = `${basePath}${RUNBOOK_PATH}`;
  const background = { lifetime: parts.signal, hints, runbookBase };
  const deps = { client, pool, isEnabled, database, ...background };
  const handlers = createHandlers(deps, system, (tokenId) => {
    app.access.forgetToken(tokenId);
  });
  const app: App = createApp({ ...options, ...setting, database }, handlers);
  const feed = serveLive({
    ...{ app, client, basePath, origins, isEnabled },
    isLocalOnly: auth === "none",
    openSource: (cursor) => new ChangeReader(pool, cursor),
    readProgress: (after) => readProgress(pool, after),
  });
  serveMetrics(app.fastify, {
    database,
    readMetrics: system.readMetrics,
    listenerCount: () => feed.listenerCount,
    readNumbers: async () => {
      const [metrics, { queues, workers }, totals] = await Promise.all([
        system.readMetrics(),
        system.watch.state(),
        client.history.totals(),
      ]);
      return {
        metrics,
        queues,
        workers: countStates(workers.map(workerState)),
        histograms: totals,
      };
    },
  });
  serveDocs(app.fastify, { version: VERSION, basePath, runbookFolder });
  if (dashboardFolder !== undefined) {
    await serveDashboard(app.fastify, { folder: dashboardFolder, basePath });
  }
  const listener = new Listener(options.listenConnectionString ?? options.connectionString, () => {
    feed.wake();
  });
  if (isEnabled) void listener.start();
  return { app, listener };
}

/** The API's schema, made once the database is there. */
class SetUp {
  readonly #connectionString: string;
  readonly #log: { warn(fields: object, message: string): void };
  #isDone = false;

  constructor(connectionString: string, log: { warn(fields: object, message: string): void }) {
    this.#connectionString = connectionString;
    this.#log = log;
  }

  async run(): Promise<void> {
    if (this.#isDone) return;
    // Without the requests' time limit.
    const pool = new pg.Pool({ connectionString: this.#connectionString, max: 1 });
    pool.on("error", () => undefined);
    try {
      await migrateApi(pool);
      this.#isDone = true;
    } catch (error) {
      this.#log.warn({ err: error }, "the API's schema could not be made; it is tried again");
    } finally {
      await pool.end();
    }
  }
}

/** Streams are told by the app's preClose hooks; what still runs after the time is cut. */
async function endRequests({ fastify }: App, drainSeconds: number): Promise<void> {
  const cut = setTimeout(() => {
    fastify.server.closeAllConnections();
  }, drainSeconds * 1000);
  try {
    await fastify.close();
  } finally {
    clearTimeout(cut);
  }
}
